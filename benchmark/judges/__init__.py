"""Fixed judges of generated images that the project trains itself, and how they came about."""
