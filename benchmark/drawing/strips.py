"""A strip of panels with who was taken for whom: one colour for each assigned character."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HEIGHT = 300
GAP = 8
CAPTION = 22
COLOURS = (
    *((230, 25, 75), (0, 110, 220), (60, 160, 60), (240, 140, 0), (145, 30, 180), (0, 160, 170)),
    *((240, 50, 230), (128, 96, 0), (0, 0, 128), (150, 190, 0), (128, 0, 0), (110, 110, 110)),
)


class Shown(NamedTuple):
    """A face or a body: its panel and box there in pixels, whose it is, and which character it was assigned to.

    Without ``identity`` it has a frame and no name: the body of a face that is named already.
    """

    panel: str
    box: tuple[float, float, float, float]
    identity: str
    assigned: int


def draw_strip(panels: Mapping[str, np.ndarray], shown: Sequence[Shown]) -> np.ndarray:
    """The ``panels``, uint8 (h, w, 3), side by side at one height, with a frame around everything ``shown``.

    A frame's colour and letter are those of the assigned character, the name beside the letter is the true one. Gives
    uint8 (H, W, 3).
    """
    scales = {name: HEIGHT / image.shape[0] for name, image in panels.items()}
    widths = {name: max(round(image.shape[1] * scales[name]), 1) for name, image in panels.items()}
    total = sum(widths.values()) + GAP * (len(panels) + 1)
    canvas = Image.new("RGB", (max(total, 460), HEIGHT + 2 * GAP + CAPTION), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=13)
    left = GAP
    for name, image in panels.items():
        size = (widths[name], HEIGHT)
        canvas.paste(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS), (left, GAP))
        for one in (one for one in shown if one.panel == name):
            x0, y0, x1, y1 = (value * scales[name] for value in one.box)
            frame = (left + x0, GAP + y0, left + max(x1, x0 + 1), GAP + max(y1, y0 + 1))
            colour = COLOURS[one.assigned % len(COLOURS)]
            pen.rectangle(frame, outline=colour, width=3)
            if not one.identity:
                continue
            text = f"{letters(one.assigned)} ({one.identity})"
            wide = pen.textlength(text, font=font)
            x = min(max(frame[0], GAP), canvas.width - wide - 4)
            pen.rectangle((x, frame[1], x + wide + 4, frame[1] + 16), fill=colour)
            pen.text((x + 2, frame[1]), text, "white", font)
        left += widths[name] + GAP
    caption = "colour and letter: assigned character      (in brackets): the true one"
    pen.text((GAP, HEIGHT + 2 * GAP), caption, "black", font)
    return np.asarray(canvas)


def letters(number: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
