"""Losses, heads and pictures that methods and tasks share."""
