"""True and predicted boxes on a picture, told apart by their line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Ink = str | tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
COLOURS = ((214, 39, 40), (31, 119, 180), (44, 160, 44), (148, 103, 189), (255, 127, 14))
"""One colour a class, the same for truth and prediction."""
TAG = 18
"""The height of a name tag in pixels."""
SIDE = 640
"""The longer side of a picture in pixels."""


def draw_boxes(
    image: np.ndarray, truth: Mapping[str, np.ndarray], prediction: Mapping[str, np.ndarray], classes: Sequence[str]
) -> np.ndarray:
    """The image, uint8 (H, W, 3), with its true boxes dashed and the best predictions solid, named and scored.

    Of each class the best predictions are shown, as many as there are true boxes but at least one, so that a weak
    and a strong detector are drawn by one rule. Boxes in pixels of ``image``. A line below says what is what.
    """
    scale = SIDE / max(image.shape[:2])
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    font = ImageFont.load_default(size=14)
    canvas = Image.new("RGB", (max(size[0], 430), size[1] + 24), "white")
    canvas.paste(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    pen = ImageDraw.Draw(canvas)
    tags: list[tuple[np.ndarray, str, Ink, Ink]] = []
    for label, name in enumerate(classes):
        colour = COLOURS[label % len(COLOURS)]
        true = truth["boxes"][truth["labels"] == label] * scale
        of_class = np.flatnonzero(prediction["labels"] == label)
        best = of_class[np.argsort(-prediction["scores"][of_class], kind="stable")][: max(len(true), 1)]
        for place in best:
            box = prediction["boxes"][place].astype(np.float64) * scale
            pen.rectangle(tuple(box), outline=colour, width=3)
            tags.append((box, f"{name} {prediction['scores'][place]:.2f}", colour, "white"))
        for box in true:
            _dashed(pen, box, colour)
            tags.append((box, name, "white", colour))
    taken: list[tuple[float, float, float, float]] = []
    for box, text, ground, ink in tags:
        place = _free(box, pen.textlength(text, font=font) + 6, canvas.width, size[1], taken)
        taken.append(place)
        pen.rectangle(place, fill=ground)
        pen.text((place[0] + 3, place[1] + 1), text, ink, font)
    pen.text((4, size[1] + 3), "dashed, name on white: truth      solid, name on colour: prediction", "black", font)
    return np.asarray(canvas)


def _dashed(pen: ImageDraw.ImageDraw, box: np.ndarray, colour: tuple[int, int, int], dash: int = 9) -> None:
    """A dashed frame on a white one, to be seen on dark and light drawings alike."""
    x0, y0, x1, y1 = (round(float(value)) for value in box)
    pen.rectangle((x0, y0, max(x1, x0), max(y1, y0)), outline="white", width=3)
    for start in range(x0, x1, 2 * dash):
        for y in (y0, y1):
            pen.line((start, y, min(start + dash, x1), y), fill=colour, width=3)
    for start in range(y0, y1, 2 * dash):
        for x in (x0, x1):
            pen.line((x, start, x, min(start + dash, y1)), fill=colour, width=3)


def _free(
    box: np.ndarray, wide: float, width: int, height: int, taken: list[tuple[float, float, float, float]]
) -> tuple[float, float, float, float]:
    """A place for a tag at a corner of ``box`` that no other tag has; the first, above its left, where none is free."""
    x0, y0, x1, y1 = (float(value) for value in box)
    corners = [(x, y) for y in (y0 - TAG - 1, y1 + 2, y0 + 3, y1 - TAG - 2) for x in (x0, x1 - wide)]
    places = []
    for x, y in corners:
        left, top = min(max(x, 0.0), width - wide), min(max(y, 0.0), height - TAG)
        places.append((left, top, left + wide, top + TAG))
    for place in places:
        if not any(place[0] < o[2] and o[0] < place[2] and place[1] < o[3] and o[1] < place[3] for o in taken):
            return place
    return places[0]
