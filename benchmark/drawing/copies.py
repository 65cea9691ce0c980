"""Scans with their originals, and the images that were taken for these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from inkbench.benchmark.drawing.places import fit
from inkbench.benchmark.drawing.sheet import Place, Sheet
from inkbench.benchmark.drawing.style import INK, RIGHT, WRONG

SIDE = 120


class Query(NamedTuple):
    """A scan, its original, the rank of that, and the nearest images, each with whether it is the original."""

    scan: np.ndarray
    original: np.ndarray
    rank: int
    nearest: Sequence[tuple[np.ndarray, bool]]


def draw_copies(queries: Sequence[Query]) -> np.ndarray:
    """Draw a row for each query; images uint8 (h, w, 3) of any size. Gives uint8 (H, W, 3)."""
    sheet = Sheet(legend=[("scan and original", INK), ("found", RIGHT), ("another image", WRONG)])
    for query in queries:
        places: list[Place | None] = [
            Place(fit(query.scan, SIDE, SIDE), ["scan"], INK),
            Place(fit(query.original, SIDE, SIDE), [f"original: rank {query.rank:,}"], INK),
            None,
        ]
        for rank, (image, right) in enumerate(query.nearest, 1):
            places.append(Place(fit(image, SIDE, SIDE), [f"{rank}"], RIGHT if right else WRONG))
        sheet.row(places)
    return sheet.pixels
