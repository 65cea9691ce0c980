"""What methods, tasks, datasets and prediction formats are."""
