"""What several readers of layouts do alike, and what one of them does beside reading its files."""
