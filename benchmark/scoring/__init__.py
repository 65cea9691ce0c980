"""From predictions to items, metrics, intervals and tests."""
