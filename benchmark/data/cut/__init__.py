"""Panels out of whole pages, by their gutters: for pools of pages that nobody has annotated."""
