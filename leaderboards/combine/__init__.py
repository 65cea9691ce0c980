"""Several tables as one: side by side, overall, average ranks."""
