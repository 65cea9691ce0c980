"""The panels of a page: it is cut in two where that is clearest, then each part again, until nothing can be cut."""

from __future__ import annotations

import cv2
import numpy as np

from inkbench.benchmark.data.cut.gutters import Box, background, best_cut, paper

VERSION = 2
"""Raised where the same page gives other panels."""
LONGEST = 1000
"""Pages are looked at with their longer side no longer than this."""
MARGIN = 0.02
"""Share of a row at a region's rim up to which what is drawn in it is dust or a balloon's tip."""
LEAST_AREA, LEAST_SIDE = 0.012, 0.06
"""Shares of the page below which a region is no panel (a page's number, a line of text)."""
NECK = 0.012
"""The share of the page's longer side below which a link (a balloon across a slanted gutter) parts two panels."""
LEAST_PIECE, SOLID, OVERLAP = 0.015, 0.4, 0.35
DEEPEST = 12
FEWEST = 2


def panels_of(grey: np.ndarray) -> list[Box]:
    """Find the panels (x0, y0, x1, y1) of a page (h, w) uint8, right and bottom exclusive, by top, then left.

    Gutters may be light or dark, and panels may bleed over the rim. A page that shows no gutter is one box at most.
    """
    height, width = grey.shape
    scale = min(1.0, LONGEST / max(height, width))
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    light = paper(small)
    found = _panels(small, light, background(small, light))
    if len(found) < FEWEST:
        dark = _panels(small, light, background(small, None))
        found = dark if len(dark) >= FEWEST else found
    return sorted((_enlarged(box, scale, width, height) for box in found), key=lambda box: (box[1], box[0]))


def _panels(grey: np.ndarray, light: int, bare: np.ndarray) -> list[Box]:
    size = (grey.shape[1], grey.shape[0])
    return [box for box in _cut(grey, light, ~bare, (0, 0, *size)) if _is_panel(box, size)]


def _cut(grey: np.ndarray, light: int, drawn: np.ndarray, box: Box, depth: int = 0) -> list[Box]:
    inner = _tight(drawn, box)
    if inner is None:
        return []
    cut = best_cut(grey, drawn, inner, light) if depth < DEEPEST else None
    if cut is None:
        return _pieces(drawn, inner)
    x0, y0, x1, y1 = inner
    if cut.axis == 0:
        parts: tuple[Box, Box] = (x0, y0, x1, y0 + cut.first), (x0, y0 + cut.last, x1, y1)
    else:
        parts = (x0, y0, x0 + cut.first, y1), (x0 + cut.last, y0, x1, y1)
    return [found for part in parts for found in _cut(grey, light, drawn, part, depth + 1)]


def _tight(drawn: np.ndarray, box: Box) -> Box | None:
    """Return a region without the background at its rim; None where nothing is drawn in it."""
    x0, y0, x1, y1 = box
    part = drawn[y0:y1, x0:x1]
    if not part.any():
        return None
    columns, rows = np.flatnonzero(part.mean(axis=0) > MARGIN), np.flatnonzero(part.mean(axis=1) > MARGIN)
    if not len(columns) or not len(rows):
        return None
    return x0 + int(columns[0]), y0 + int(rows[0]), x0 + int(columns[-1]) + 1, y0 + int(rows[-1]) + 1


def _pieces(drawn: np.ndarray, box: Box) -> list[Box]:
    """Return the large pieces of a region that no straight cut divides but slanted gutters do; else itself."""
    x0, y0, x1, y1 = box
    neck = max(3, int(NECK * max(drawn.shape)) | 1)
    part = np.pad(drawn[y0:y1, x0:x1].astype(np.uint8), neck)
    opened = cv2.morphologyEx(part, cv2.MORPH_OPEN, np.ones((neck, neck), np.uint8))[neck:-neck, neck:-neck]
    _, _, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    pieces: list[Box] = [
        (x0 + left, y0 + top, x0 + left + wide, y0 + top + tall)
        for left, top, wide, tall, area in stats[1:].tolist()
        if wide * tall >= LEAST_PIECE * drawn.size and area > SOLID * wide * tall
    ]
    apart = all(
        _shared(one, other) <= OVERLAP * min(_area(one), _area(other))
        for place, one in enumerate(pieces)
        for other in pieces[:place]
    )
    return pieces if len(pieces) >= FEWEST and apart else [box]


def _is_panel(box: Box, size: tuple[int, int]) -> bool:
    least = LEAST_SIDE * min(size)
    return _area(box) >= LEAST_AREA * size[0] * size[1] and min(box[2] - box[0], box[3] - box[1]) >= least


def _enlarged(box: Box, scale: float, width: int, height: int) -> Box:
    """Scale a box of the small page to pixels of the large one."""
    x0, y0, x1, y1 = (round(value / scale) for value in box)
    return x0, y0, min(x1, width), min(y1, height)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(one: Box, other: Box) -> int:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0) * max(tall, 0)
