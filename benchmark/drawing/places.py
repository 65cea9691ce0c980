"""Contents of a place of a sheet: an image at its size there, tiles side by side, a figure on a ground, a reason."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from inkbench.benchmark.drawing import style
from inkbench.benchmark.drawing.style import INK, LINE, PAPER, Colour

PIXELS_SEEN = 4
"""An image that is enlarged this much or more is shown pixel by pixel."""


def fit(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize an image uint8 (h, w, 3) to fit ``width`` x ``height``, its aspect kept, each side at least 1."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    how = Image.Resampling.NEAREST if scale >= PIXELS_SEEN else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(image).resize(size, how))


def mosaic(tiles: Sequence[np.ndarray], columns: int, gap: int, frames: Sequence[Colour] | None = None) -> np.ndarray:
    """Lay tiles of one size (t, u, 3) side by side, with a white ``gap`` between them or half of it in each frame."""
    columns = max(min(columns, len(tiles)), 1)
    rows = -(-len(tiles) // columns)
    high, wide = tiles[0].shape[:2]
    edge = gap if frames is not None else 0
    step_y, step_x = high + gap + edge, wide + gap + edge
    shape = (rows * step_y - (0 if edge else gap), columns * step_x - (0 if edge else gap), 3)
    board = np.full(shape, PAPER, dtype=np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // columns * step_y, place % columns * step_x
        if frames is not None:
            board[top : top + step_y, left : left + step_x] = frames[place]
        board[top + edge : top + edge + high, left + edge : left + edge + wide] = tile
    return board


def flat(text: str, side: int, ground: Colour, ink: Colour = INK) -> np.ndarray:
    """Draw a square of one colour with a short text in its middle."""
    square = np.full((side, side, 3), ground, dtype=np.uint8)
    said = style.shorten(text, side)
    if said:
        wide, high = min(style.width_of(said), side), min(LINE, side)
        top, left = (side - high) // 2, (side - wide) // 2
        square[top : top + high, left : left + wide] = np.asarray(style.lettered(said, (wide, high), ink, ground))
    return square


def reason(text: str, side: int, ground: Colour = (200, 200, 200)) -> np.ndarray:
    """Draw a grey square that says in words why there is no image."""
    square = np.full((side, side, 3), ground, dtype=np.uint8)
    inner = side - 12
    for number, line in enumerate(style.wrap(text, inner)):
        top = 6 + number * LINE
        if top + LINE <= side:
            square[top : top + LINE, 6 : 6 + inner] = np.asarray(style.lettered(line, (inner, LINE), INK, ground))
    return square
