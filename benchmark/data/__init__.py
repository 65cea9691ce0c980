"""Data: what a dataset offers, one reader per on-disk layout, splits, fingerprints, the image cache."""
