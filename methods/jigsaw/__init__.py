"""The method ``jigsaw`` and what it alone uses."""
