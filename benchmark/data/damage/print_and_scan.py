"""A printed and scanned copy: all damages of paper and scanner after one another."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageFilter

from inkbench.benchmark.data.damage.copying import compressed, kept, through
from inkbench.benchmark.data.damage.printing import halftone, yellowing

WHITE = (255, 255, 255)
TURNS = (1.0, 2.0, 4.0)
"""Degrees by which the sheet lies askew on the glass, at most."""
BENDS = (0.01, 0.02, 0.04)
"""Share of the sides by which a corner is off, at most."""
SCALES = (0.8, 0.6, 0.4)
BLURS = (0.001, 0.002, 0.004)
"""Deviation of the lens's blur, as a share of the short side."""
NOISES = (4.0, 8.0, 14.0)
"""Deviation of the scanner's noise, grey levels."""
CUTS = (0.03, 0.06, 0.1)
QUALITIES = (50, 25, 15)


def print_and_scan(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Print an image in dots, let the paper yellow, scan it askew and blurred, cut its borders, save it as JPEG."""
    place = strength - 1
    sheet = yellowing(halftone(image, strength, rng), strength, rng)
    scanned = through(_askew(sheet, TURNS[place], BENDS[place], rng), SCALES[place])
    deviation = BLURS[place] * min(scanned.shape[:2])
    blurred = np.asarray(Image.fromarray(scanned).filter(ImageFilter.GaussianBlur(deviation)), dtype=np.float32)
    noisy = blurred + rng.normal(0, NOISES[place], blurred.shape).astype(np.float32)
    x0, y0, x1, y1 = kept(image.shape[1], image.shape[0], CUTS[place], rng)
    return compressed((noisy + 0.5).clip(0, 255).astype(np.uint8)[y0:y1, x0:x1], QUALITIES[place])


def _askew(image: np.ndarray, turn: float, bend: float, rng: np.random.Generator) -> np.ndarray:
    """Turn an image a little about its middle and pull its corners, at its own size; white where nothing lay."""
    height, width = image.shape[:2]
    angle = math.radians(rng.uniform(-turn, turn))
    corners = np.array([[0, 0], [0, height], [width, height], [width, 0]], dtype=np.float64)
    middle = np.array([width, height]) / 2
    turned = (corners - middle) @ np.array(
        [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
    ) + middle
    seen = turned + rng.uniform(-bend, bend, (4, 2)) * [width, height]
    data = _homography(corners, seen)
    moved = Image.fromarray(image).transform(
        (width, height), Image.Transform.PERSPECTIVE, data, Image.Resampling.BILINEAR, fillcolor=WHITE
    )
    return np.asarray(moved)


def _homography(seen: np.ndarray, original: np.ndarray) -> list[float]:
    """Return Pillow's eight coefficients of the projection that takes four points ``seen`` (4, 2) to ``original``."""
    rows, wanted = [], []
    for (x, y), (u, v) in zip(seen.tolist(), original.tolist(), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    found: list[float] = np.linalg.solve(np.array(rows, dtype=np.float64), np.array(wanted)).tolist()
    return found
