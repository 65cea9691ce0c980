"""Saliency maps over the image they belong to, truth and prediction side by side."""

from __future__ import annotations

import numpy as np
from PIL import Image

from inkbench.benchmark.drawing.marked import Marked
from inkbench.benchmark.drawing.places import fit
from inkbench.benchmark.drawing.sheet import Place, Sheet
from inkbench.benchmark.drawing.style import INK, PAPER
from inkbench.tasks.metrics.maps import resize_map

WIDTH, HEIGHT = 480, 300
STOPS = np.array([(0, 0, 0), (70, 10, 110), (200, 40, 80), (250, 150, 30), (255, 255, 170)], dtype=np.float64)
"""Colours of the scale from no gaze to most gaze; equal steps look equally far apart."""
KEY = "colours: from least (grey) to most (yellow) of each map, in a scale of its own"


def draw_maps(
    image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, fixations: np.ndarray | None = None, note: str = ""
) -> np.ndarray:
    """Draw image | truth | prediction with labels, uint8 (H, W, 3).

    ``image`` uint8 (H, W, 3); the maps are (h, w) of any size, each shown relative to its own maximum;
    ``fixations`` (k, 2) in pixels of the image are dots on the truth; ``note`` stands below "prediction".
    """
    small = fit(image, WIDTH, HEIGHT)
    marked = Marked(overlay(small, truth), WIDTH, HEIGHT, of=(image.shape[1], image.shape[0]))
    dots = []
    if fixations is not None and len(fixations):
        marked.dots(np.asarray(fixations) + 0.5, PAPER, INK)
        dots = ["dots: fixations"]
    sheet = Sheet(("image", "truth", "prediction"), footnote=KEY)
    sheet.row([Place(small), Place(marked.pixels, dots), Place(overlay(small, prediction), [note] if note else [])])
    return sheet.pixels


def overlay(image: np.ndarray, values: np.ndarray, scale: tuple[float, float] | None = None) -> np.ndarray:
    """Draw a map in colours over a paled grey image, uint8 (H, W, 3); the more, the more opaque.

    ``scale`` is what the least and the most colour stand for, without it the least and the most of ``values``.
    """
    height, width = image.shape[:2]
    heat = resize_map(values, height, width).astype(np.float64)
    least, most = scale or (float(heat.min()), float(heat.max()))
    heat = np.clip((heat - least) / max(most - least, 1e-300), 0, 1)
    grey = np.asarray(Image.fromarray(image).convert("L"), dtype=np.float64)[..., None] * 0.6 + 80
    place = np.linspace(0, 1, len(STOPS))
    colours = np.stack([np.interp(heat, place, STOPS[:, channel]) for channel in range(3)], axis=-1)
    alpha = np.clip(heat * 1.6, 0, 0.85)[..., None]
    mixed: np.ndarray = (grey * (1 - alpha) + colours * alpha).round().astype(np.uint8)
    return mixed
