"""Pictures of puzzles and pairs: as cut, as put together by the prediction, and the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inkbench.benchmark.drawing.places import fit, mosaic
from inkbench.benchmark.drawing.sheet import Place, Sheet, Text
from inkbench.benchmark.drawing.style import EDGE, INK, PAPER, RIGHT, WRONG, Colour

TILE = 72
COLUMNS = 2
"""Puzzles or pairs a row."""


def reassemble(tiles: np.ndarray, permutation: np.ndarray) -> np.ndarray:
    """Put tiles (T, ...), where place i shows the tile that belongs at ``permutation[i]``, in their places."""
    whole = np.empty_like(tiles)
    whole[permutation] = tiles
    return whole


def draw_puzzles(tiles: np.ndarray, permutations: np.ndarray, labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Draw three boards a puzzle, two puzzles a row; frames tell right from wrong tiles. uint8 (H, W, 3).

    ``tiles`` uint8 (N, T, t, t, 3) as shuffled; ``permutations`` (classes, T); ``labels``, ``predicted`` (N,).
    """
    grid = round(tiles.shape[1] ** 0.5)
    puzzles: list[list[Place]] = []
    for shuffled, label, guess in zip(tiles, labels, predicted, strict=True):
        true, said = permutations[label], permutations[guess]
        solved = int(label) == int(guess)
        verdict = "right" if solved else f"wrong: {int((true == said).sum())} of {len(true)} in place"
        plain = [INK] * len(true)
        puzzles.append([
            Place(_board(shuffled, plain, grid), frame=None),
            Place(_board(reassemble(shuffled, said), _marks(true, said), grid),
                  [Text(verdict, RIGHT if solved else WRONG)], None),
            Place(_board(reassemble(shuffled, true), plain, grid), frame=None),
        ])  # fmt: skip
    return _side_by_side(("shuffled", "predicted", "truth"), puzzles, "green: a tile in its place; red: not")


def _marks(true: np.ndarray, said: np.ndarray) -> list[Colour]:
    """Return a frame for each place of the predicted board: whether the tile that was put there belongs there."""
    marks: list[Colour] = [WRONG] * len(true)
    for belongs, put in zip(true, said, strict=True):
        if belongs == put:
            marks[put] = RIGHT
    return marks


def draw_pairs(
    patches: np.ndarray, neighbours: Sequence[tuple[int, int]], labels: np.ndarray, predicted: np.ndarray
) -> np.ndarray:
    """Draw two boards a pair, the predicted and the true place of the second patch, two pairs a row. uint8 (H, W, 3).

    ``patches`` uint8 (N, 2, p, p, 3); ``neighbours`` (row, column) from the first patch by label.
    """
    blank = np.full_like(patches[0, 0], 255)
    pairs: list[list[Place]] = []
    for pair, label, guess in zip(patches, labels, predicted, strict=True):
        right = int(label) == int(guess)
        verdict = Text("right", RIGHT) if right else Text("wrong", WRONG)
        boards: list[Place] = []
        for where, colour, said in ((int(guess), verdict.colour, [verdict]), (int(label), INK, [])):
            pieces, frames = np.stack([blank] * 9), [PAPER] * 9
            row, column = neighbours[where]
            place = 3 * (1 + row) + 1 + column
            pieces[4], frames[4] = pair[0], INK
            pieces[place], frames[place] = pair[1], colour
            boards.append(Place(_board(pieces, frames, 3), said))
        pairs.append(boards)
    return _side_by_side(("predicted", "truth"), pairs, "in the middle the first patch, beside it the second")


def _board(pieces: np.ndarray, frames: Sequence[Colour], grid: int) -> np.ndarray:
    """Draw tiles uint8 (T, t, t, 3) in a ``grid`` x ``grid``, each in its frame."""
    return mosaic([fit(piece, TILE, TILE) for piece in pieces], grid, EDGE, frames)


def _side_by_side(headings: Sequence[str], groups: Sequence[Sequence[Place]], footnote: str) -> np.ndarray:
    """Lay groups of boards side by side, ``COLUMNS`` a row with a wider gutter between them."""
    across = min(COLUMNS, len(groups))
    sheet = Sheet([*headings, *["", *headings] * (across - 1)], footnote=footnote)
    for start in range(0, len(groups), COLUMNS):
        row: list[Place | None] = []
        for group in groups[start : start + COLUMNS]:
            row += [*([None] if row else []), *group]
        sheet.row(row)
    return sheet.pixels
