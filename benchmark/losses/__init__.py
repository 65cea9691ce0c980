"""Losses that methods and tasks share."""
