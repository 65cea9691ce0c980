"""The task ``retrieval`` and what it alone uses."""
