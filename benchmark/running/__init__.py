"""The work of a run: the parent that watches, workers, experiments from weights to their record."""
