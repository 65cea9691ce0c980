"""``data check``: is a folder what it seems to be? Counts, faults and a sheet of pictures, before any training."""
