"""Pictures of an audit: tiles with the gradient on them, and where on a tile it lies on average."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from inkbench.benchmark.drawing.maps import overlay
from inkbench.benchmark.drawing.places import fit, mosaic
from inkbench.benchmark.drawing.sheet import Place, Sheet

TILE = 64
EDGE = 2
MAP = 180


def draw_examples(tiles: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Draw puzzles as the network sees them, and beside each the gradient of its right answer; uint8 (H, W, 3).

    ``tiles`` uint8 (N, T, t, t, 3); ``slope`` (N, T, t, t), shown relative to the largest of its puzzle.
    """
    columns = int(np.ceil(np.sqrt(tiles.shape[1])))
    sheet = Sheet(("input", "gradient of the right answer"), footnote="colours: from none to the most of its puzzle")
    for puzzle, heat in zip(tiles, slope, strict=True):
        shares = heat / max(float(heat.max()), 1e-30)
        hot = [_hot(pixels, values) for pixels, values in zip(puzzle, shares, strict=True)]
        boards = [mosaic([fit(tile, TILE, TILE) for tile in shown], columns, EDGE) for shown in (puzzle, hot)]
        sheet.row([Place(board, frame=None) for board in boards])
    return sheet.pixels


def draw_average(maps: Mapping[str, np.ndarray]) -> np.ndarray:
    """Draw the mean gradient over a tile (t, t) of each network, in one scale from none to the most of all; uint8."""
    most = max(float(values.max()) for values in maps.values())
    sheet = Sheet(list(maps), footnote="mean over all tiles, all in one scale")
    grey = {name: np.full((*values.shape, 3), 255, dtype=np.uint8) for name, values in maps.items()}
    sheet.row([Place(fit(_hot(grey[name], values / most), MAP, MAP)) for name, values in maps.items()])
    return sheet.pixels


def _hot(pixels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Map values in [0, 1] to colours over pixels; two corners hold the ends of the scale, so tiles compare."""
    scaled = values.copy()
    scaled[0, 0], scaled[-1, -1] = 0.0, 1.0
    return overlay(pixels, scaled)
