"""The method ``supervised`` and what it alone uses."""
