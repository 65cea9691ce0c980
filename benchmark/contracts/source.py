"""The download source of a dataset, and how an archive is verified."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A gzipped tar at a stable address, under a licence that allows to fetch it.

    ``checksum`` is ``md5:HEX`` or ``sha256:HEX`` of the archive as its authors publish it, or ``content:HEX``, the
    reader's own hash over the unpacked files (``FileDataset.content``), for archives that a server packs anew each
    time. ``strip`` leading folders are left out. ``most`` is how many bytes it may have unpacked.
    """

    url: str
    checksum: str
    most: int
    strip: int = 0
