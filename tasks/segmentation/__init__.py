"""The task ``segmentation`` and what it alone uses."""
