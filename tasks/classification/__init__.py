"""The task ``classification`` and what it alone uses."""
