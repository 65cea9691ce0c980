"""The task ``detection`` and what it alone uses."""
