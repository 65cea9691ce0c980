"""Boxes as annotations have them: one way of writing them is expected, and whoever wrote another is told so.

A box in shares of the image, or as two corners where width and height are meant, is a box to any reader; only all
boxes together show what was meant. What they show is refused, because a run would score against other rectangles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from inkbench.benchmark.data.boxes import Corners, repair
from inkbench.benchmark.data.told import TINY
from inkbench.benchmark.errors import UsageError, plural

Form = Literal["corners", "sides", "pixels from 1"]
"""``x0, y0, x1, y1``; ``x, y, width, height``; corners of pixels that count from 1, the last included (VOC)."""
FORMS = {"corners": "two corners x0, y0, x1, y1", "sides": "x, y, width, height"}
SLACK = 1.5
"""Pixels that a box may reach out of its image by rounding, by the rules here."""
SHARE, LEAST, MANY = 0.1, 2, 3
"""The share (and number) of impossible boxes, of ``MANY`` or more, from which a source is refused."""
SMALL = 150
"""Sides of an image in pixels from which boxes that all lie below 100 may be per cent."""


@dataclass(slots=True)
class _Tally:
    """Counts of the boxes of one source, as written."""

    total: int = 0
    shares: int = 0
    sized: int = 0
    impossible: int = 0
    fit_otherwise: int = 0
    largest: float = 0.0
    smallest_side: float = float("inf")


class BoxRules:
    """Repairs boxes one by one and remembers what they look like together; ``warn`` is told of each repair."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._tallies: dict[tuple[str, Form], _Tally] = {}

    def mended(
        self, written: Corners, size: tuple[int, int] | None, where: str, form: Form = "corners", source: str = ""
    ) -> Corners | None:
        """Return the corners of a box of four numbers ``written`` in a ``form``, within its image of ``size``.

        None where nothing is left, or where it is a share. ``source`` is the file whose boxes are alike.
        """
        tally = self._tallies.setdefault((source, form), _Tally())
        _count(tally, written, size, form)
        a, b, c, d = written
        corners = {"corners": written, "sides": (a, b, a + c, b + d), "pixels from 1": (a - 1, b - 1, c, d)}[form]
        if _is_share(written):
            self._warn(f"{where} {TINY}")
            return None
        inside, said = repair(corners, size)
        if said:
            self._warn(f"{where} {said}")
        return inside

    def settle(self, root: str) -> None:
        """Refuse boxes that were written in another way than their layout has. Raises UsageError."""
        for (source, form), tally in self._tallies.items():
            told = _meant_otherwise(tally, "sides" if form == "sides" else "corners")
            if told:
                raise UsageError(f"{source or root}: {told}")
            if tally.total >= MANY and 1 < tally.largest <= 100 and tally.smallest_side >= SMALL:
                self._warn(
                    f"{source or root}: no coordinate of {plural(tally.total, 'box')} exceeds 100, and every image "
                    "is larger: if they are per cent of the image, write them in pixels"
                )


def _count(tally: _Tally, written: Corners, size: tuple[int, int] | None, form: Form) -> None:
    tally.total += 1
    tally.shares += _is_share(written)
    tally.largest = max(tally.largest, *written)
    if size is None:
        return
    tally.sized += 1
    tally.smallest_side = min(tally.smallest_side, *size)
    as_sides, as_corners = _fits_as_sides(written, size), _fits_as_corners(written, size)
    as_meant, otherwise = (as_sides, as_corners) if form == "sides" else (as_corners, as_sides)
    tally.impossible += not as_meant
    tally.fit_otherwise += otherwise


def _is_share(written: Corners) -> bool:
    return min(written) >= 0 and max(written) <= 1


def _fits_as_sides(written: Corners, size: tuple[int, int]) -> bool:
    x, y, wide, tall = written
    inside = x + wide <= size[0] + SLACK and y + tall <= size[1] + SLACK
    return min(x, y) >= -SLACK and min(wide, tall) > 0 and inside


def _fits_as_corners(written: Corners, size: tuple[int, int]) -> bool:
    x0, y0, x1, y1 = written
    inside = x1 <= size[0] + SLACK and y1 <= size[1] + SLACK
    return min(x0, y0) >= -SLACK and x0 < x1 and y0 < y1 and inside


def _meant_otherwise(tally: _Tally, form: Literal["corners", "sides"]) -> str | None:
    """Return what the boxes of a source are, where they are not what they should be."""
    if tally.shares and tally.shares == tally.total:
        return (
            f"none of {plural(tally.total, 'box')} is larger than a pixel: the coordinates are shares of the image "
            "(0 to 1); multiply x by the image's width and y by its height"
        )
    if tally.total < MANY or tally.fit_otherwise < tally.sized or not tally.sized:
        return None
    if tally.impossible < max(LEAST, SHARE * tally.sized):
        return None
    other = "corners" if form == "sides" else "sides"
    return (
        f"its boxes are {FORMS[other]}, where {FORMS[form]} are expected: {tally.impossible} of {tally.sized} "
        f"are inverted or extend beyond their image that way, and all fit as {other}; write them as {FORMS[form]}"
    )
