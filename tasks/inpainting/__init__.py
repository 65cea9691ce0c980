"""The task ``inpainting`` and what it alone uses."""
