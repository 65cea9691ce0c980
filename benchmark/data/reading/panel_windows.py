"""Windows of three consecutive panels that all show a face, and a face of the last one to be painted (SSuperGAN)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from inkbench.benchmark.contracts.dataset import Box, Item

WINDOW = 3
Rectangle = tuple[int, int, int, int]


def windows(panels: Sequence[Item], size: Callable[[Item], tuple[int, int] | None]) -> list[Item]:
    """Return one item for each face of each panel whose two predecessors in its series show faces too.

    ``panels`` in the order of the story, with boxes ``face``; ``size`` gives width and height of one in pixels, None
    for one that cannot be read, of which there are no items. An item ``<panel>_face_<k>`` has the parts ``panel`` (with
    the face's square as its ``hole`` and one box, its own outline), ``previous`` and ``before`` (the panels one and two
    earlier), and ``reference``: the latest earlier face of the same character in the series, or where none is known the
    largest of the previous panel.
    """
    found: list[Item] = []
    for _, of_series in groupby(panels, key=lambda panel: panel.series):
        found += _windows_of_series(list(of_series), size)
    return found


def hole_of(face: Box, size: tuple[int, int]) -> Rectangle:
    """Return the square about a face, its longer side without a margin, in whole pixels of a panel of ``size``.

    It is moved into the panel where it reaches out, and cut where the panel is too small for it.
    """
    side = max(round(max(face.x1 - face.x0, face.y1 - face.y0)), 1)
    x0, x1 = _inside((face.x0 + face.x1) / 2, side, size[0])
    y0, y1 = _inside((face.y0 + face.y1) / 2, side, size[1])
    return x0, y0, x1, y1


def _inside(middle: float, side: int, length: int) -> tuple[int, int]:
    """Return ``side`` pixels about ``middle``, moved and cut to lie in [0, length]."""
    start = min(max(round(middle - side / 2), 0), max(length - side, 0))
    return start, min(start + side, length)


def _windows_of_series(panels: Sequence[Item], size: Callable[[Item], tuple[int, int] | None]) -> Iterator[Item]:
    faces = [[box for box in panel.boxes if box.label == "face"] for panel in panels]
    sizes = [size(panel) if shown else None for panel, shown in zip(panels, faces, strict=True)]
    latest: dict[str, Item] = {}
    for k, panel in enumerate(panels):
        here = sizes[k]
        last = sizes[k - 1]
        if k >= WINDOW - 1 and here is not None and last is not None and sizes[k - 2] is not None:
            neighbour = _cut_out(panels[k - 1], max(faces[k - 1], key=_area), last)
            yield from _faces_of_window(panels[k - 2 : k + 1], faces[k], here, neighbour, latest)
        for face in faces[k]:
            if here is not None and face.identity is not None:
                latest[face.identity] = _cut_out(panel, face, here)


def _area(face: Box) -> float:
    return (face.x1 - face.x0) * (face.y1 - face.y0)


def _faces_of_window(
    shown: Sequence[Item], faces: Sequence[Box], size: tuple[int, int], neighbour: Item, latest: dict[str, Item]
) -> Iterator[Item]:
    before, previous, panel = shown
    whole = Box("panel", 0.0, 0.0, float(size[0]), float(size[1]))
    for index, face in enumerate(faces):
        masked = replace(panel, boxes=(whole,), hole=hole_of(face, size))
        reference = latest.get(face.identity, neighbour) if face.identity is not None else neighbour
        yield replace(
            masked,
            id=f"{panel.id}_face_{index}",
            boxes=(),
            identity=face.identity,
            panel=panel.id,
            parts={"panel": masked, "previous": previous, "before": before, "reference": reference},
        )


def _cut_out(panel: Item, face: Box, size: tuple[int, int]) -> Item:
    """Cut a face as an image of its own, a rectangle of its panel's file."""
    x0, y0, x1, y1 = hole_of(face, size)
    left, top = panel.crop[:2] if panel.crop else (0, 0)
    crop = (left + x0, top + y0, left + x1, top + y1)
    return replace(panel, crop=crop, boxes=(), identity=face.identity, panel=panel.id)
