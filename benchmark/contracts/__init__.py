"""Contracts of methods, tasks, datasets and prediction formats."""
