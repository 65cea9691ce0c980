"""What one types: a file for each command, and what they share."""
