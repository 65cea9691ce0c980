"""Predictions as files for a challenge: packed from a cell, checked, scored at home."""
