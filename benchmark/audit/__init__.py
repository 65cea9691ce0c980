"""Is it a shortcut? What a network that solves puzzles looks at, and what its accuracy is without each cue."""
