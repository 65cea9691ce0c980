"""Reports of a reader on faulty data: the phrases by which ``data check`` tells an error from a warning."""

from __future__ import annotations

INVERTED = "has its corners inverted (put in order)"
NOTHING = "has no area in the image (left out)"
REACHES = "extends beyond the image (clamped)"
OUTSIDE = f"{REACHES}: most of it is outside"
TINY = "is no larger than a pixel (left out)"
MISFIT = "its boxes are left out"
NOWHERE = "to missing files"
STRAY = "(lost)"
LOST = "not readable (permission denied)"
_FAULTS = (INVERTED, NOTHING, OUTSIDE, TINY, MISFIT, NOWHERE, STRAY, LOST)


def is_fault(line: str) -> bool:
    """Return whether a line tells of something wrong or lost, not of what a run copes with."""
    return any(said in line for said in _FAULTS)
