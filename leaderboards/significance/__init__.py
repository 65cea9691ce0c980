"""What may be claimed: statistics of items, of rows, and of two rows against each other."""
