"""The shortcut audit: what a network that solves puzzles looks at, and its accuracy without each cue."""
