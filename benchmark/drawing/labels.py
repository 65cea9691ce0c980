"""Label images over the image that they belong to, truth and prediction side by side, with the classes' names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from inkbench.benchmark.drawing.palette import colours
from inkbench.benchmark.drawing.places import fit
from inkbench.benchmark.drawing.sheet import Place, Sheet
from inkbench.benchmark.drawing.style import PAPER, Colour

WIDTH, HEIGHT = 480, 300
SHARE = 0.65
"""The share of its class's colour in a pixel."""
VOID = 255
"""The number of pixels that do not count."""


def draw_labels(
    image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, classes: Sequence[str], note: str = ""
) -> np.ndarray:
    """Draw image | truth | prediction, uint8 (H, W, 3), in VOC's colours; ``note`` stands below "prediction".

    ``image`` uint8 (h, w, 3), the masks uint8 (h, w) of the same size; ``VOID`` is white. Below are the names of the
    classes that either mask shows.
    """
    shown = np.unique(np.concatenate([truth.ravel(), prediction.ravel()])).tolist()
    sheet = Sheet(("image", "truth", "prediction"), legend=named_colours(shown, classes))
    panes = [fit(pane, WIDTH, HEIGHT) for pane in (image, _painted(image, truth), _painted(image, prediction))]
    sheet.row([Place(panes[0]), Place(panes[1]), Place(panes[2], [note] if note else [])])
    return sheet.pixels


def named_colours(codes: Iterable[int], classes: Sequence[str]) -> list[tuple[str, Colour]]:
    """Return the legend of some classes' numbers; those that have no name are called by their number."""
    legend: list[tuple[str, Colour]] = []
    for code in codes:
        red, green, blue = colours()[code].tolist()
        if code == VOID:
            legend.append(("does not count", PAPER))
        else:
            legend.append((classes[code] if code < len(classes) else f"class {code}", (red, green, blue)))
    return legend


def _painted(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Draw the image in grey under its classes' colours, uint8 (h, w, 3)."""
    grey = np.asarray(Image.fromarray(image).convert("L"), dtype=np.float64)[..., None]
    paint = colours()[mask].astype(np.float64)
    paint[mask == VOID] = PAPER
    mixed: np.ndarray = (grey * (1 - SHARE) + paint * SHARE).round().astype(np.uint8)
    return mixed
