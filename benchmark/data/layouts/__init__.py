"""One reader per real on-disk layout."""
