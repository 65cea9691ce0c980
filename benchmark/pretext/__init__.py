"""Shared parts of pretext tasks: views, optimisers, puzzles."""
