"""The method ``mae`` and what it alone uses."""
