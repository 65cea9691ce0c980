"""Pictures of an audit: tiles with the gradient on them, and where on a tile it lies on average."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inkbench.benchmark.drawing.maps import overlay

TILE = 64
EDGE = 2
MARGIN = 14
CAPTION = 22
MAP = 180


def draw_examples(tiles: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Puzzles as the network sees them, and beside each the gradient of its right answer; uint8 (H, W, 3).

    ``tiles`` uint8 (N, T, t, t, 3); ``slope`` (N, T, t, t), shown relative to the largest of its puzzle.
    """
    columns = int(np.ceil(np.sqrt(tiles.shape[1])))
    rows = -(-tiles.shape[1] // columns)
    board = (columns * (TILE + EDGE), rows * (TILE + EDGE))
    sheet = Image.new("RGB", (2 * (board[0] + MARGIN) + MARGIN, len(tiles) * (board[1] + CAPTION) + MARGIN), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for k, (puzzle, heat) in enumerate(zip(tiles, slope, strict=True)):
        top = k * (board[1] + CAPTION)
        strongest = max(float(heat.max()), 1e-30)
        for side, caption in enumerate(("input", "gradient of the right answer")):
            left = MARGIN + side * (board[0] + MARGIN)
            pen.text((left, top + 3), caption, "black", font)
            for place, (pixels, values) in enumerate(zip(puzzle, heat / strongest, strict=True)):
                pane = pixels if side == 0 else _hot(pixels, values)
                small = Image.fromarray(pane).resize((TILE, TILE), Image.Resampling.LANCZOS)
                x, y = place % columns * (TILE + EDGE), place // columns * (TILE + EDGE)
                sheet.paste(small, (left + x, top + CAPTION + y))
    return np.asarray(sheet)


def draw_average(maps: Mapping[str, np.ndarray]) -> np.ndarray:
    """The mean gradient over a tile (t, t) of each network, in one scale from none to the most of all; uint8."""
    most = max(float(values.max()) for values in maps.values())
    sheet = Image.new("RGB", (len(maps) * (MAP + MARGIN) + MARGIN, MAP + CAPTION + MARGIN), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for k, (name, values) in enumerate(maps.items()):
        left = MARGIN + k * (MAP + MARGIN)
        pen.text((left, 4), name, "black", font)
        grey = np.full((*values.shape, 3), 255, dtype=np.uint8)
        pane = Image.fromarray(_hot(grey, values / most)).resize((MAP, MAP), Image.Resampling.NEAREST)
        sheet.paste(pane, (left, CAPTION))
    return np.asarray(sheet)


def _hot(pixels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as colours over pixels; two corners hold the scale's ends, so that tiles can be compared."""
    scaled = values.copy()
    scaled[0, 0], scaled[-1, -1] = 0.0, 1.0
    return overlay(pixels, scaled)
