"""Backbones, their weights, and the networks that methods and tasks build around them."""
