"""A run at work: the parent that watches, workers, experiments from weights to their record."""
