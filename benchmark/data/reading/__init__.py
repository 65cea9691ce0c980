"""Shared parts of the readers of layouts, and what one of them does beside reading its files."""
