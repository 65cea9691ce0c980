"""A masked face and the square about it: where it lies, its true pixels, its surroundings without a trace of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from inkbench.benchmark.contracts.dataset import Item

Rectangle = tuple[int, int, int, int]
WHITE = 255
SIDE = 64
"""Side in pixels of a painted face."""


def around(hole: Rectangle, width: int, height: int, sides: float) -> Rectangle:
    """Return the square of ``sides`` times the hole's longer side about its middle, moved and cut to the image."""
    length = round(sides * max(hole[2] - hole[0], hole[3] - hole[1]))
    x0, x1 = _inside(hole[0] + hole[2], length, width)
    y0, y1 = _inside(hole[1] + hole[3], length, height)
    return x0, y0, x1, y1


def _inside(twice_the_middle: int, length: int, limit: int) -> tuple[int, int]:
    start = min(max((twice_the_middle - length) // 2, 0), max(limit - length, 0))
    return start, min(start + length, limit)


def closer(panel: Item, width: int, height: int, sides: float) -> Item:
    """Cut a panel of ``width`` x ``height`` px down to the square about its hole; the hole in pixels of the square."""
    assert panel.hole is not None
    x0, y0, x1, y1 = around(panel.hole, width, height, sides)
    left, top = panel.crop[:2] if panel.crop else (0, 0)
    hole = (panel.hole[0] - x0, panel.hole[1] - y0, panel.hole[2] - x0, panel.hole[3] - y0)
    return replace(panel, crop=(left + x0, top + y0, left + x1, top + y1), hole=hole, boxes=())


def face_of(pixels: np.ndarray, hole: Rectangle) -> np.ndarray:
    """Cut a rectangle out of an image uint8 (H, W, 3), as uint8 (64, 64, 3)."""
    return resized(pixels[hole[1] : hole[3], hole[0] : hole[2]], SIDE)


def resized(pixels: np.ndarray, side: int) -> np.ndarray:
    """Squash an image uint8 (h, w, 3) to (side, side, 3) by the filter that resizes all images of tasks."""
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR))


def surroundings(pixels: np.ndarray, hole: Rectangle, sides: float, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the square of ``sides`` about a hole, its longer side at most ``size`` px, and the hole's place in it.

    uint8 (h, w, 3) and int64 (4,). The hole is white, and no pixel of it is part of any other: the resizing filter
    takes its averages over what lies outside.
    """
    height, width = pixels.shape[:2]
    square = around(hole, width, height, sides)
    scale = size / (sides * max(hole[2] - hole[0], hole[3] - hole[1]))
    out = (max(round((square[2] - square[0]) * scale), 1), max(round((square[3] - square[1]) * scale), 1))
    part = pixels[square[1] : square[3], square[0] : square[2]].astype(np.float32)
    x0, y0 = hole[0] - square[0], hole[1] - square[1]
    outside = np.ones(part.shape[:2], dtype=np.float32)
    outside[y0 : hole[3] - square[1], x0 : hole[2] - square[0]] = 0
    share = _weighed(outside, out)
    channels = [_weighed(part[..., channel] * outside, out) for channel in range(3)]
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.stack(channels, 2) / share[..., None]
    window = np.where(share[..., None] > 0, known, WHITE).clip(0, 255).round().astype(np.uint8)
    place = _placed(x0, y0, hole[2] - hole[0], hole[3] - hole[1], scale, out)
    window[place[1] : place[3], place[0] : place[2]] = WHITE
    return window, place


def _weighed(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR))


def _placed(x: int, y: int, width: int, height: int, scale: float, out: tuple[int, int]) -> np.ndarray:
    """Return a rectangle of the square in pixels of the window: whole numbers, at least one pixel, inside."""
    w, h = min(max(round(width * scale), 1), out[0]), min(max(round(height * scale), 1), out[1])
    x0, y0 = min(round(x * scale), out[0] - w), min(round(y * scale), out[1] - h)
    return np.array([x0, y0, x0 + w, y0 + h])
