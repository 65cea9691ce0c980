"""Predictions as files for a challenge: packed from a run, checked, scored at home."""
