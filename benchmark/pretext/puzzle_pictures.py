"""Pictures of puzzles and pairs: as cut, as put together by the prediction, and the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

TILE = 72
EDGE = 3
MARGIN = 16
CAPTION = 26
RIGHT, WRONG, INK, PAPER = (24, 140, 62), (200, 36, 36), (30, 30, 30), (255, 255, 255)


def reassemble(tiles: np.ndarray, permutation: np.ndarray) -> np.ndarray:
    """Tiles (T, ...) where place i shows the tile that belongs at ``permutation[i]``, put in their places."""
    whole = np.empty_like(tiles)
    whole[permutation] = tiles
    return whole


def draw_puzzles(tiles: np.ndarray, permutations: np.ndarray, labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Three boards a puzzle, two puzzles a row; frames tell right from wrong tiles. uint8 (H, W, 3).

    ``tiles`` uint8 (N, T, t, t, 3) as shuffled; ``permutations`` (classes, T); ``labels``, ``predicted`` (N,).
    """
    grid = round(tiles.shape[1] ** 0.5)
    board = grid * (TILE + 2 * EDGE)
    columns = min(2, len(tiles))
    width, height = 3 * (board + MARGIN) + MARGIN, board + CAPTION + MARGIN
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height + MARGIN), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for k, (shuffled, label, guess) in enumerate(zip(tiles, labels, predicted, strict=True)):
        true, said = permutations[label], permutations[guess]
        solved = int(label) == int(guess)
        left, top = k % columns * width + MARGIN, k // columns * height + MARGIN // 2
        verdict = "right" if solved else f"wrong, {int((true == said).sum())} of {len(true)} tiles right"
        boards = (
            ("shuffled", shuffled, [INK] * len(true)),
            (f"predicted: {verdict}", reassemble(shuffled, said), _marks(true, said)),
            ("truth", reassemble(shuffled, true), [INK] * len(true)),
        )
        for caption, pieces, frames in boards:
            said_right = frames[0] != INK and solved
            colour = INK if frames[0] == INK and frames[-1] == INK else RIGHT if said_right else WRONG
            draw.text((left, top + 3), caption, fill=colour, font=font)
            draw_board(sheet, pieces, frames, grid, (left, top + CAPTION))
            left += board + MARGIN
    return np.asarray(sheet)


def _marks(true: np.ndarray, said: np.ndarray) -> list[tuple[int, int, int]]:
    """A frame for each place of the predicted board: is the tile that was put there the one that belongs there."""
    marks = [WRONG] * len(true)
    for belongs, put in zip(true, said, strict=True):
        if belongs == put:
            marks[put] = RIGHT
    return marks


def draw_board(
    sheet: Image.Image, pieces: np.ndarray, frames: list[tuple[int, int, int]], grid: int, corner: tuple[int, int]
) -> None:
    """Tiles uint8 (T, t, t, 3) in a ``grid`` x ``grid``, each in its frame, from the ``corner`` (x, y) at its left."""
    draw, (left, top) = ImageDraw.Draw(sheet), corner
    for place, (piece, colour) in enumerate(zip(pieces, frames, strict=True)):
        x, y = left + place % grid * (TILE + 2 * EDGE), top + place // grid * (TILE + 2 * EDGE)
        draw.rectangle((x, y, x + TILE + 2 * EDGE - 1, y + TILE + 2 * EDGE - 1), fill=colour)
        sheet.paste(Image.fromarray(piece).resize((TILE, TILE), Image.Resampling.LANCZOS), (x + EDGE, y + EDGE))


def draw_pairs(
    patches: np.ndarray, neighbours: Sequence[tuple[int, int]], labels: np.ndarray, predicted: np.ndarray
) -> np.ndarray:
    """Two boards a pair, where the network puts the second patch and where it lay, two pairs a row. uint8 (H, W, 3).

    ``patches`` uint8 (N, 2, p, p, 3); ``neighbours`` (row, column) from the first patch by label.
    """
    board = 3 * (TILE + 2 * EDGE)
    width, height = 2 * (board + MARGIN) + MARGIN, board + CAPTION + MARGIN
    columns = min(2, len(patches))
    sheet = Image.new("RGB", (columns * width, -(-len(patches) // columns) * height + MARGIN), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    blank = np.full_like(patches[0, 0], 255)
    for k, (pair, label, guess) in enumerate(zip(patches, labels, predicted, strict=True)):
        left, top = k % columns * width + MARGIN, k // columns * height + MARGIN // 2
        right = int(label) == int(guess)
        for caption, where, colour in (
            (f"predicted: {'right' if right else 'wrong'}", int(guess), RIGHT if right else WRONG),
            ("truth", int(label), INK),
        ):
            pieces, frames = np.stack([blank] * 9), [PAPER] * 9
            row, column = neighbours[where]
            place = 3 * (1 + row) + 1 + column
            pieces[4], frames[4] = pair[0], INK
            pieces[place], frames[place] = pair[1], colour
            draw.text((left, top + 3), caption, fill=colour, font=font)
            draw_board(sheet, pieces, frames, 3, (left, top + CAPTION))
            left += board + MARGIN
    return np.asarray(sheet)
