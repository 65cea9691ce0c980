"""Label images over the image that they belong to, truth and prediction side by side, with the classes' names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inkbench.benchmark.data.label_map import colours

HEIGHT = 300
GAP = 6
LABEL = 22
SHARE = 0.65
"""How much of a pixel is its class's colour."""


def draw_labels(
    image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, classes: Sequence[str], note: str = ""
) -> np.ndarray:
    """Image | truth | prediction, uint8 (H, W, 3), in VOC's colours; ``note`` stands behind "prediction".

    ``image`` uint8 (h, w, 3), the masks uint8 (h, w) of the same size; void (255) is white. Below are the names of the
    classes that either mask shows.
    """
    height, width = image.shape[:2]
    size = (max(round(width * HEIGHT / height), 100), HEIGHT)
    panes = [image, *(_painted(image, mask) for mask in (truth, prediction))]
    sheet = Image.new("RGB", (3 * size[0] + 2 * GAP, HEIGHT + 2 * LABEL), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for k, (pane, label) in enumerate(zip(panes, ("image", "truth", f"prediction {note}".strip()), strict=True)):
        sheet.paste(Image.fromarray(pane).resize(size, Image.Resampling.LANCZOS), (k * (size[0] + GAP), LABEL))
        pen.text((k * (size[0] + GAP) + 2, 2), label, "black", font)
    left = 2.0
    palette = colours()
    for code in np.unique(np.concatenate([truth.ravel(), prediction.ravel()])):
        if code < len(classes):
            pen.rectangle(
                (left, HEIGHT + LABEL + 5, left + 11, HEIGHT + LABEL + 16), fill=tuple(palette[code].tolist())
            )
            pen.text((left + 15, HEIGHT + LABEL + 2), classes[code], "black", font)
            left += 27 + pen.textlength(classes[code], font=font)
    return np.asarray(sheet)


def _painted(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image in grey under its classes' colours, uint8 (h, w, 3)."""
    grey = np.asarray(Image.fromarray(image).convert("L"), dtype=np.float64)[..., None]
    paint = colours()[mask].astype(np.float64)
    paint[mask == 255] = 255
    mixed: np.ndarray = (grey * (1 - SHARE) + paint * SHARE).round().astype(np.uint8)
    return mixed
