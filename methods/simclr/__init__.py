"""The method ``simclr`` and what it alone uses."""
