"""The method ``dino`` and what it alone uses."""
