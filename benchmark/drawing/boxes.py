"""True and predicted boxes on a picture, told apart by their line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from inkbench.benchmark.drawing.marked import Marked
from inkbench.benchmark.drawing.sheet import Place, Sheet
from inkbench.benchmark.drawing.style import CLASSES, PAPER

SIDE = 640
"""The longer side of a picture in pixels."""
KEY = "dashed, name on white: truth; solid, name on colour: prediction"


def draw_boxes(
    image: np.ndarray, truth: Mapping[str, np.ndarray], prediction: Mapping[str, np.ndarray], classes: Sequence[str]
) -> np.ndarray:
    """Draw true boxes dashed and the best predictions solid, named and scored, on the image; uint8 (H, W, 3).

    Of each class the best predictions are shown, as many as there are true boxes but at least one, so that a weak
    and a strong detector are drawn by one rule. Boxes in pixels of ``image``. A line below says what is what, others
    what is not there.
    """
    marked = Marked(image, SIDE, SIDE)
    named = []
    for label, name in enumerate(classes):
        colour = CLASSES[label % len(CLASSES)]
        true = truth["boxes"][truth["labels"] == label]
        of_class = np.flatnonzero(prediction["labels"] == label)
        best = of_class[np.argsort(-prediction["scores"][of_class], kind="stable")][: max(len(true), 1)]
        for place in best:
            box = prediction["boxes"][place]
            marked.box(box, colour)
            named.append((box, f"{name} {prediction['scores'][place]:.2f}", colour, PAPER))
        for box in true:
            marked.dashed(box, colour)
            named.append((box, name, PAPER, colour))
    for tag in named:
        marked.name(*tag)
    sheet = Sheet(footnote=KEY)
    lacking = {"no true box": truth, "no predicted box": prediction}
    sheet.row([Place(marked.pixels, [said for said, found in lacking.items() if not len(found["boxes"])])])
    return sheet.pixels
