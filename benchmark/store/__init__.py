"""Persistent results: files written whole, records, their index, locks, what produced a number."""
