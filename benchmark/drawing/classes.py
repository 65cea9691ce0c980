"""Images with the class that they have and the one that was predicted, and who is taken for whom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

TILE = 132
CAPTION = 34
COLUMNS = 6
RIGHT, WRONG = (20, 120, 40), (190, 30, 30)
MOST_CLASSES = 40
"""A confusion of more classes than this is no picture."""


def draw_examples(
    images: Sequence[np.ndarray], true: Sequence[str], predicted: Sequence[str], sure: Sequence[float]
) -> np.ndarray:
    """A sheet of images uint8 (h, w, 3), each with its true class and, green or red, the predicted and its score."""
    rows = -(-len(images) // COLUMNS)
    step = (TILE + 8, TILE + CAPTION + 8)
    sheet = Image.new("RGB", (COLUMNS * step[0] + 8, rows * step[1] + 8), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for place, (image, own, guess, share) in enumerate(zip(images, true, predicted, sure, strict=True)):
        left, top = 8 + place % COLUMNS * step[0], 8 + place // COLUMNS * step[1]
        small = Image.fromarray(image)
        small.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
        sheet.paste(small, (left + (TILE - small.width) // 2, top + (TILE - small.height) // 2))
        pen.text((left, top + TILE + 2), _short(own), "black", font)
        pen.text((left, top + TILE + 17), f"{_short(guess)} {share:.2f}", RIGHT if own == guess else WRONG, font)
    return np.asarray(sheet)


def draw_confusion(true: Sequence[int], predicted: Sequence[int], classes: Sequence[str]) -> np.ndarray:
    """Which share of each class's items (rows) is taken for which class (columns), uint8 (H, W, 3)."""
    total = len(classes)
    counts = np.zeros((total, total))
    np.add.at(counts, (np.asarray(true), np.asarray(predicted)), 1)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    font = ImageFont.load_default(size=13)
    cell, head = 36, 110
    sheet = Image.new("RGB", (head + total * cell + 8, head + total * cell + 8), "white")
    pen = ImageDraw.Draw(sheet)
    for row, name in enumerate(classes):
        pen.text((4, head + row * cell + 10), _short(name), "black", font)
        turned = Image.new("RGB", (head, 18), "white")
        ImageDraw.Draw(turned).text((2, 2), _short(name), "black", font)
        sheet.paste(turned.rotate(90, expand=True), (head + row * cell + 9, 0))
        for column in range(total):
            share = shares[row, column]
            left, top = head + column * cell, head + row * cell
            shade = round(255 * (1 - share))
            pen.rectangle((left, top, left + cell - 2, top + cell - 2), fill=(shade, shade, 255))
            if share >= 0.005:
                pen.text((left + 7, top + 10), f"{100 * share:.0f}", "white" if share > 0.5 else "black", font)
    pen.text((4, 4), "row: true\ncolumn: predicted\n% of the row", (90, 90, 90), font)
    return np.asarray(sheet)


def _short(name: str) -> str:
    return name if len(name) <= 15 else f"{name[:14]}…"
