"""The method ``spot_artifacts`` and what it alone uses."""
