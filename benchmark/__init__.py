"""The engine: it knows no method, task or dataset by name."""
