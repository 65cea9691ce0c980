"""Declared tables: what they ask for, how they are read, which records fill them."""
