"""What a press and the years do: dots instead of tints, yellow paper, lost colour."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image

PANEL_INCHES = 6.625 / 3
"""Width that the short side of an image is taken for: a third of a comic book's page."""
LINES = (65, 45, 30)
"""Screen rulings, lines an inch: 65 is newsprint's (comic books), the others are coarser."""
SHARES = (0.5, 0.75, 1.0)
"""Share of a tint that is printed as dots."""
ANGLES = (15.0, 75.0, 0.0, 45.0)
"""Degrees of the screens of cyan, magenta, yellow and black, as presses turn them against moire."""
SMALLEST_CELL = 2.0
"""Pixels; a finer screen cannot be shown."""
STEPS = 4096

TINTS = ((0.98, 0.95, 0.85), (0.94, 0.86, 0.69), (0.87, 0.76, 0.54))
"""White paper as it has become, in red, green and blue: blue fades first (Area & Cheradame 2011)."""
CURVES = ((1.0, 1.0, 1.05), (1.0, 1.05, 1.15), (1.0, 1.1, 1.3))
"""Exponents of the tones of each channel."""
BLOTCHES = (0.03, 0.08, 0.16)
"""Share of light that the darkest blotch takes."""
BLOTCHES_ACROSS = 6

CONTRASTS = (0.8, 0.5, 0.3)
"""Share of the contrast that is left; the last is ImageNet-C's second severity of ``contrast``."""


def halftone(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Print an image as dots of four inks, each on a screen of its own angle; a tint's mean is kept."""
    height, width = image.shape[:2]
    cell = max(min(height, width) / (LINES[strength - 1] * PANEL_INCHES), SMALLEST_CELL)
    ink = 1 - image.astype(np.float32) / 255
    black = ink.min(2)
    plates = [*(ink[:, :, channel] - black for channel in range(3)), black]
    share = np.float32(SHARES[strength - 1])
    printed = [_dots(*each, cell, share, rng) for each in zip(plates, ANGLES, strict=True)]
    colours = np.stack(printed[:3], 2) + printed[3][:, :, None]
    return _bytes(255 * (1 - colours))


def _dots(plate: np.ndarray, angle: float, cell: float, share: np.float32, rng: np.random.Generator) -> np.ndarray:
    """Return a plate of ink in [0, 1] whose tints are dots by ``share``; a solid and white paper stay."""
    phase = rng.uniform(0, 1, 2)
    if not plate.any():
        return plate
    height, width = plate.shape
    level = _screen(height, width, cell, np.deg2rad(angle), phase)
    dots = np.clip((plate - level) * np.float32(cell) + np.float32(0.5), 0, 1)
    tint = (plate > 0) & (plate < 1)
    return np.where(tint, plate + share * (dots - plate), plate)


def _screen(height: int, width: int, cell: float, angle: float, phase: np.ndarray) -> np.ndarray:
    """Return the tone from which on each pixel is inked, float32 (height, width): as many of every tone."""
    turn = 2 * np.pi / cell
    c, s = turn * np.cos(angle), turn * np.sin(angle)
    waves = _wave(height, width, c, s, phase[0]) + _wave(height, width, -s, c, phase[1])
    level: np.ndarray = _ranks()[((waves + 2) * np.float32((STEPS - 1) / 4)).astype(np.int64)]
    return level


def _wave(height: int, width: int, across: float, down: float, phase: float) -> np.ndarray:
    """Return cos(across x + down y + 2 pi phase), float32 (height, width), of two outer products."""
    x = (across * np.arange(width) + 2 * np.pi * phase)[None]
    y = (down * np.arange(height))[:, None]
    wave: np.ndarray = (np.cos(y) @ np.cos(x) - np.sin(y) @ np.sin(x)).astype(np.float32)
    return wave


@cache
def _ranks() -> np.ndarray:
    """Return the share of the plane where a sum of two cosines is less, for ``STEPS`` values from -2 to 2."""
    phases = np.cos(2 * np.pi * (np.arange(1024) + 0.5) / 1024)
    sums = np.sort((phases[:, None] + phases[None]).ravel())
    ranks: np.ndarray = (np.searchsorted(sums, np.linspace(-2, 2, STEPS)) / len(sums)).astype(np.float32)
    return ranks


def yellowing(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Lay an image on paper that has yellowed, more in blotches than elsewhere."""
    height, width = image.shape[:2]
    tones = (image.astype(np.float32) / 255) ** np.array(CURVES[strength - 1], dtype=np.float32)
    paper = np.array(TINTS[strength - 1], dtype=np.float32)
    coarse = rng.random((BLOTCHES_ACROSS, BLOTCHES_ACROSS), dtype=np.float32) ** 2
    blotches = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).clip(0, 1)
    stain = 1 - BLOTCHES[strength - 1] * blotches[:, :, None] * (2 - paper)
    return _bytes(255 * tones * paper * stain)


def grey(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Take the colour (ITU-R BT.601) and part of the contrast about the mean."""
    del rng
    luma = np.asarray(Image.fromarray(image).convert("L"), dtype=np.float32)
    mean = luma.mean()
    faded = mean + CONTRASTS[strength - 1] * (luma - mean)
    return np.repeat(_bytes(faded)[:, :, None], 3, axis=2)


def _bytes(values: np.ndarray) -> np.ndarray:
    rounded: np.ndarray = (values + 0.5).clip(0, 255).astype(np.uint8)
    return rounded
