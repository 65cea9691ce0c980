"""Panels and those whose features are most alike, as Figure 8 of Pathak et al. (CVPR 2016) shows features."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

QUERIES = 6
NEAREST = 6
SIDE = 104
EDGE = 3
MARGIN = 8
CAPTION = 20
INK, OWN, OTHER = (30, 30, 30), (120, 120, 130), (0, 110, 220)


def draw_neighbours(images: np.ndarray, features: np.ndarray, series: np.ndarray) -> np.ndarray:
    """A row for each of a few panels: itself, and the nearest others by the cosine of their features.

    ``images`` uint8 (N, s, s, 3), ``features`` (N, D) of length 1, ``series`` (N,) names; N at least 2. A blue frame
    is a panel of another series: like that in what it shows, not only in how its series is drawn. uint8 (H, W, 3).
    """
    count = len(images)
    queries = np.unique(np.linspace(0, count - 1, min(QUERIES, count)).astype(int))
    alike = features[queries] @ features.T
    alike[np.arange(len(queries)), queries] = -np.inf
    order = np.argsort(-alike, axis=1, kind="stable")[:, : min(NEAREST, count - 1)]
    step = SIDE + 2 * EDGE + MARGIN
    size = (MARGIN + (1 + order.shape[1]) * step + MARGIN, MARGIN + len(queries) * (step + CAPTION) + CAPTION)
    sheet = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for row, (query, near) in enumerate(zip(queries, order, strict=True)):
        top = MARGIN + row * (step + CAPTION)
        _place(sheet, pen, images[query], INK, MARGIN, top)
        pen.text((MARGIN, top + SIDE + 2 * EDGE + 2), "panel", INK, font)
        for column, other in enumerate(near, start=1):
            left = 2 * MARGIN + column * step
            _place(sheet, pen, images[other], OWN if series[other] == series[query] else OTHER, left, top)
            pen.text((left, top + SIDE + 2 * EDGE + 2), f"{alike[row, other]:.2f}", INK, font)
    pen.text((MARGIN, size[1] - CAPTION), "cosine to the panel; blue frame: another series", INK, font)
    return np.asarray(sheet)


def _place(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, image: np.ndarray, colour: tuple[int, int, int], left: int, top: int
) -> None:
    pen.rectangle((left, top, left + SIDE + 2 * EDGE - 1, top + SIDE + 2 * EDGE - 1), fill=colour)
    small = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    sheet.paste(small, (left + EDGE, top + EDGE))
