"""Images with their true and predicted class, and the confusion of classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inkbench.benchmark.drawing.places import fit, flat
from inkbench.benchmark.drawing.sheet import Place, Sheet, Text
from inkbench.benchmark.drawing.style import INK, PAPER, RIGHT, WRONG

TILE = 132
COLUMNS = 6
TOLD = "black: true class; below it the predicted one with its score: green is right, red is wrong"
CELL = 34
MOST_CLASSES = 40
"""A confusion of more classes than this is no picture."""


def draw_examples(
    images: Sequence[np.ndarray], true: Sequence[str], predicted: Sequence[str], sure: Sequence[float]
) -> np.ndarray:
    """Draw a sheet of images uint8 (h, w, 3), each with its true class and, green or red, the predicted and score."""
    sheet = Sheet(column=TILE + 2, footnote=TOLD)
    places = []
    for image, own, guess, share in zip(images, true, predicted, sure, strict=True):
        said = Text(f"{share:.2f} {guess}", RIGHT if own == guess else WRONG)
        places.append(Place(fit(image, TILE, TILE), [own, said]))
    sheet.flow(places, COLUMNS)
    return sheet.pixels


def draw_confusion(true: Sequence[int], predicted: Sequence[int], classes: Sequence[str]) -> np.ndarray:
    """Draw the share of each class's items (rows) that is taken for each class (columns), uint8 (H, W, 3)."""
    total = len(classes)
    counts = np.zeros((total, total))
    np.add.at(counts, (np.asarray(true), np.asarray(predicted)), 1)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    sheet = Sheet(classes, turned=True, gutter=2, footnote="row: true class; column: predicted class; % of the row")
    for name, row in zip(classes, shares, strict=True):
        sheet.row([_share(float(share)) for share in row], name)
    return sheet.pixels


def _share(share: float) -> Place:
    shade = round(255 * (1 - share))
    said = f"{100 * share:.0f}" if share >= 0.005 else ""
    return Place(flat(said, CELL, (shade, shade, 255), PAPER if share > 0.5 else INK), frame=None)
