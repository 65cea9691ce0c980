"""A strip of panels with the assignment of characters: one colour for each assigned character."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from inkbench.benchmark.drawing.marked import Marked
from inkbench.benchmark.drawing.sheet import Place, Sheet
from inkbench.benchmark.drawing.style import CHARACTERS, PAPER

WIDTH, HEIGHT = 600, 300
KEY = "colour and letter: assigned character; (in brackets): the true one"


class Shown(NamedTuple):
    """A face or a body: its panel and box there in pixels, whose it is, and which character it was assigned to.

    Without ``identity`` it has a frame and no name: the body of a face that is named already.
    """

    panel: str
    box: tuple[float, float, float, float]
    identity: str
    assigned: int


def draw_strip(panels: Mapping[str, np.ndarray], shown: Sequence[Shown]) -> np.ndarray:
    """Draw the ``panels``, uint8 (h, w, 3), side by side at one height, with a frame around everything ``shown``.

    A frame's colour and letter are those of the assigned character, the name beside the letter is the true one. Gives
    uint8 (H, W, 3).
    """
    sheet = Sheet(footnote=KEY)
    sheet.row([Place(_panel(image, [one for one in shown if one.panel == name])) for name, image in panels.items()])
    return sheet.pixels


def _panel(image: np.ndarray, shown: Sequence[Shown]) -> np.ndarray:
    marked = Marked(image, WIDTH, HEIGHT)
    for one in shown:
        marked.box(one.box, CHARACTERS[one.assigned % len(CHARACTERS)])
    for one in (one for one in shown if one.identity):
        colour = CHARACTERS[one.assigned % len(CHARACTERS)]
        marked.name(one.box, f"{letters(one.assigned)} ({one.identity})", colour, PAPER)
    return marked.pixels


def letters(number: int) -> str:
    """Return the letters of a number: 0 -> A, 25 -> Z, 26 -> AA."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
