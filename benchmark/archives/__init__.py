"""Zips, tars and bundles from anywhere: all of an archive is judged before a byte of it is written."""
