"""Pure functions on arrays; what `table` and the submissions reuse without a model."""
