"""Sheets of pictures, for people who would rather look."""
