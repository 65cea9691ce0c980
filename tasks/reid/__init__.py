"""The task ``reid`` and what it alone uses."""
