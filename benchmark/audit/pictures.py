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
SCALE = "from none (grey) to the most (yellow) of"


def draw_examples(tiles: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Draw puzzles as the network sees them, and beside each the gradient of its right answer; uint8 (H, W, 3).

    ``tiles`` uint8 (N, T, t, t, 3); ``slope`` (N, T, t, t), shown relative to the largest of its puzzle.
    """
    columns = int(np.ceil(np.sqrt(tiles.shape[1])))
    sheet = Sheet(("input", "gradient of the right answer"), footnote=f"colours: {SCALE} its puzzle")
    for puzzle, heat in zip(tiles, slope, strict=True):
        scale = (0.0, max(float(heat.max()), 1e-30))
        hot = [overlay(pixels, values, scale) for pixels, values in zip(puzzle, heat, strict=True)]
        boards = [mosaic([fit(tile, TILE, TILE) for tile in shown], columns, EDGE) for shown in (puzzle, hot)]
        sheet.row([Place(board, frame=None) for board in boards])
    return sheet.pixels


def draw_average(maps: Mapping[str, np.ndarray]) -> np.ndarray:
    """Draw the mean gradient over a tile (t, t) of each network, in one scale from none to the most of all; uint8."""
    scale = (0.0, max(float(values.max()) for values in maps.values()))
    sheet = Sheet(list(maps), footnote=f"mean over all tiles; colours: {SCALE} all maps")
    grey = {name: np.full((*values.shape, 3), 255, dtype=np.uint8) for name, values in maps.items()}
    sheet.row([Place(fit(overlay(grey[name], values, scale), MAP, MAP)) for name, values in maps.items()])
    return sheet.pixels
