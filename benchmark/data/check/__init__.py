"""``data check``: counts, faults and a sheet of pictures of a folder, before any training."""
