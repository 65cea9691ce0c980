"""Cuts of a region of a page in two: across a gutter of one colour, or along a shared frame line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

LIGHT, DARK = 240, 15
"""Grey values from which on, and up to which, a pixel may be a gutter's, on white paper and in black ink."""
PAPER, SPREAD, COMMON, RIM = 160, 14, 0.92, 0.015
"""Tinted paper: from which grey value on, how far it wanders, which share of the rim shows it, how wide the rim is."""
INK = 110
"""Up to which grey value a pixel is of a frame line."""
OPEN = 0.06
"""Share of a row that may be no background where the page's background runs through it (balloons that reach out)."""
UNEVEN = 0.2
"""Share of a row that may have another colour than a gutter of two neighbouring frames."""
FLANKED, BEST_FLANKED = 0.6, 0.7
"""Share of a gutter's length along which something is drawn right beside it: on the weaker, on the stronger side."""
LINE = 0.92
"""Share of a row that a frame line covers."""
NEAR, THICK_LINE, FULL = 4, 8, 0.6
WIDEST = 0.06
LEAST_GUTTER = 0.003
LEAST_PART = 0.05
"""The least part on either side of a cut, as a share of the page's side."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut of a region: rows (axis 0) or columns (axis 1) ``first`` to ``last``, exclusive, go; larger is better."""

    quality: float
    axis: int
    first: int
    last: int


def paper(grey: np.ndarray) -> int:
    """Return the grey value from which on a pixel of a page (h, w) uint8 is bare paper: yellowed paper is darker.

    Told by the rim of the page, where that shows one light tone; else as on white paper.
    """
    wide = max(1, round(RIM * max(grey.shape)))
    rim = np.concatenate([grey[:wide].ravel(), grey[-wide:].ravel(), grey[:, :wide].ravel(), grey[:, -wide:].ravel()])
    near = np.convolve(np.bincount(rim, minlength=256), np.ones(2 * SPREAD + 1), "same")
    tone = PAPER + int(near[PAPER:].argmax())
    return min(LIGHT, tone - SPREAD) if near[tone] >= COMMON * len(rim) else LIGHT


def background(grey: np.ndarray, light: int | None) -> np.ndarray:
    """Return the pixels (h, w) bool of a gutter's colour that hang together with the rim of the page.

    From a grey value ``light`` on, or dark ones where there is none.
    """
    colour = (grey <= DARK if light is None else grey >= light).astype(np.uint8)
    _, labels = cv2.connectedComponents(np.pad(colour, 1, constant_values=1), connectivity=4)
    found: np.ndarray = (labels == labels[0, 0])[1:-1, 1:-1]
    return found


def best_cut(grey: np.ndarray, drawn: np.ndarray, box: Box, light: int) -> Cut | None:
    """Find the best cut of a region of a page; None where there is none.

    ``grey`` (h, w) uint8 is the page, ``drawn`` (h, w) bool what is not its background, ``light`` the grey value from
    which on a pixel is bare paper.
    """
    x0, y0, x1, y1 = box
    cuts: list[Cut] = []
    for axis in (0, 1):
        seen, mask = grey[y0:y1, x0:x1], drawn[y0:y1, x0:x1]
        if axis == 1:
            seen, mask = seen.T, mask.T
        least = LEAST_PART * grey.shape[axis]
        found = [*_open(mask, max(grey.shape)), *_between(seen, max(grey.shape), light), *_lines(seen)]
        cuts += [Cut(q, axis, a, b) for q, a, b in found if a >= least and len(seen) - b >= least]
    return max(cuts, key=lambda cut: (cut.quality, -cut.axis, -cut.first), default=None)


def _open(mask: np.ndarray, side: int) -> Iterator[tuple[float, int, int]]:
    """Yield gutters through which the page's background runs."""
    profile = mask.mean(axis=1)
    for first, last in runs(profile <= OPEN):
        if last - first >= LEAST_GUTTER * side:
            yield 1 - float(profile[first:last].min()) + 1e-4 * (last - first), first, last


def _between(seen: np.ndarray, side: int, light: int) -> Iterator[tuple[float, int, int]]:
    """Yield bands of one colour, light or dark, with something drawn along both of their sides."""
    for colour in (seen >= light, seen <= DARK):
        profile = colour.mean(axis=1)
        for first, last in runs(profile >= 1 - UNEVEN):
            if not 2 <= last - first <= WIDEST * side or first == 0 or last == len(seen):
                continue
            above = ~colour[max(0, first - NEAR) : first]
            below = ~colour[last : last + NEAR]
            flanks = sorted((float(above.any(axis=0).mean()), float(below.any(axis=0).mean())))
            if flanks[0] >= FLANKED and flanks[1] >= BEST_FLANKED:
                yield float(profile[first:last].max()) * flanks[0], first, last


def _lines(seen: np.ndarray) -> Iterator[tuple[float, int, int]]:
    """Yield frame lines that two panels share: dark, straight, through the whole region, and no dark area's edge."""
    dark = seen <= INK
    near = dark.copy()
    near[1:] |= dark[:-1]
    near[:-1] |= dark[1:]
    profile, base = near.mean(axis=1), dark.mean(axis=1)
    for first, last in runs(profile >= LINE):
        if last - first > THICK_LINE or first == 0 or last == len(seen):
            continue
        if max(base[max(0, first - NEAR)], base[min(len(seen) - 1, last + NEAR - 1)]) <= FULL:
            middle = (first + last) // 2
            yield float(profile[first:last].max()) - 0.3, middle, middle


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Return the runs of true in a row (n,) bool: first and last (exclusive) of each."""
    steps = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))
