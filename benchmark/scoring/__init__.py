"""Scoring: items, metrics, intervals and tests from predictions."""
