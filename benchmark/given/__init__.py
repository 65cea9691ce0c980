"""Weights that others trained: the catalogue of them, and how each was supervised."""
