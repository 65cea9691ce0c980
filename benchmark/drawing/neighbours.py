"""Panels and those whose features are most alike, as Figure 8 of Pathak et al. (CVPR 2016) shows features."""

from __future__ import annotations

import numpy as np

from inkbench.benchmark.drawing.places import fit
from inkbench.benchmark.drawing.sheet import Place, Sheet
from inkbench.benchmark.drawing.style import INK

QUERIES = 6
NEAREST = 6
SIDE = 104
OWN, OTHER = (120, 120, 130), (0, 110, 220)


def draw_neighbours(images: np.ndarray, features: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Draw a row for each of a few panels: itself, and the nearest others by the cosine of their features.

    ``images`` uint8 (N, s, s, 3), ``features`` (N, D) of length 1, ``series`` (N,) names; N at least 2. A blue frame
    is a panel of another series: like that in what it shows, not only in how its series is drawn. uint8 (H, W, 3).
    """
    count = len(images)
    queries = np.unique(np.linspace(0, count - 1, min(QUERIES, count)).astype(int))
    alike = features[queries] @ features.T
    alike[np.arange(len(queries)), queries] = -np.inf
    order = np.argsort(-alike, axis=1, kind="stable")[:, : min(NEAREST, count - 1)]
    legend = [("panel", INK), ("of its series", OWN), ("of another series", OTHER)]
    sheet = Sheet(legend=legend, footnote="below each: the cosine to the panel at the left")
    for row, (query, near) in enumerate(zip(queries, order, strict=True)):
        places: list[Place | None] = [Place(fit(images[query], SIDE, SIDE), ["panel"], INK), None]
        for other in near:
            colour = OWN if series[other] == series[query] else OTHER
            places.append(Place(fit(images[other], SIDE, SIDE), [f"{alike[row, other]:.2f}"], colour))
        sheet.row(places)
    return sheet.pixels
