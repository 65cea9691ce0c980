"""What pretext tasks share: views, optimisers, puzzles."""
