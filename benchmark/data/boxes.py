"""Annotated rectangles as they come: put in order, clamped, and handed to the panels that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from inkbench.benchmark.contracts.dataset import Box, Item
from inkbench.benchmark.data.told import INVERTED, NOTHING, OUTSIDE, REACHES

BELONGS = 0.5
INSIDE = 0.5
Corners = tuple[float, float, float, float]


def repair(corners: Corners, size: tuple[int, int] | None) -> tuple[Corners | None, str | None]:
    """Return the corners in order and within an image of ``size`` (width, height; None: unknown), and the repair.

    A box of which nothing is left is None. The second value is None where nothing was wrong.
    """
    x0, y0, x1, y1 = corners
    said = []
    if x0 > x1 or y0 > y1:
        x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        said.append(INVERTED)
    width, height = size or (float("inf"), float("inf"))
    inside = max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        return None, NOTHING
    if inside != (x0, y0, x1, y1):
        left = (inside[2] - inside[0]) / (x1 - x0) * ((inside[3] - inside[1]) / (y1 - y0))
        said.append(REACHES if left >= INSIDE else OUTSIDE)
    return inside, " and ".join(said) or None


def distinct(boxes: Iterable[Box]) -> tuple[list[Box], int]:
    """Return the boxes without repeated ones, in their order, and the number of repeated ones.

    Two are one where class and corners, to the nearest pixel, are the same, unless they are of two characters.
    """
    kept: dict[tuple[str, str | None, Corners], Box] = {}
    seen = 0
    for box in boxes:
        seen += 1
        nearest = round(box.x0), round(box.y0), round(box.x1), round(box.y1)
        kept.setdefault((box.label, box.identity, nearest), box)
    return list(kept.values()), seen - len(kept)


def panelise(boxes: Iterable[Box], panel: Sequence[float]) -> tuple[Box, ...]:
    """Return the boxes of a page that belong to a panel (x0, y0, x1, y1), clipped to it, in pixels of the panel.

    A box belongs where the intersection is more than half of the smaller of the two areas (the rule of DASS's
    panelised DCM772), so a box may belong to two panels.
    """
    left, top, right, bottom = panel
    mine = []
    for box in boxes:
        x0, y0, x1, y1 = max(box.x0, left), max(box.y0, top), min(box.x1, right), min(box.y1, bottom)
        if x0 >= x1 or y0 >= y1:
            continue
        smaller = min((box.x1 - box.x0) * (box.y1 - box.y0), (right - left) * (bottom - top))
        if (x1 - x0) * (y1 - y0) > BELONGS * smaller:
            mine.append(Box(box.label, x0 - left, y0 - top, x1 - left, y1 - top, box.identity))
    return tuple(mine)


def panel_crop(box: Corners) -> tuple[int, int, int, int]:
    """Round a panel's corners to the nearest whole pixels."""
    x0, y0, x1, y1 = (round(value) for value in box)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def cut_panels(page: Item, labels: Set[str]) -> Iterator[Item]:
    """Yield the panels of a page as items ``<page>_<k>``, with those boxes of ``labels`` that belong to them."""
    inside = [box for box in page.boxes if box.label in labels]
    for k, frame in enumerate(box for box in page.boxes if box.label == "panel"):
        crop = panel_crop((frame.x0, frame.y0, frame.x1, frame.y1))
        yield Item(
            f"{page.id}_{k}",
            page.path,
            page.series,
            page.split,
            crop=crop,
            style=page.style,
            boxes=panelise(inside, crop),
            labels=frozenset(labels),
        )
