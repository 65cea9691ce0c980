"""The style of all sheets: colours, margins, one font, and texts that fit where they stand."""

from __future__ import annotations

from PIL import Image, ImageDraw

from inkbench.benchmark.drawing.letters import font, spelled

Colour = tuple[int, int, int]

PAPER, INK, FAINT, HAIR = (255, 255, 255), (30, 30, 30), (110, 110, 115), (205, 205, 208)
RIGHT, WRONG = (24, 140, 62), (200, 36, 36)
CLASSES: tuple[Colour, ...] = ((214, 39, 40), (31, 119, 180), (44, 160, 44), (148, 103, 189), (255, 127, 14))
"""One colour a class of boxes, the same for truth and prediction."""
CHARACTERS: tuple[Colour, ...] = (
    *((230, 25, 75), (0, 110, 220), (60, 160, 60), (240, 140, 0), (145, 30, 180), (0, 160, 170)),
    *((240, 50, 230), (128, 96, 0), (0, 0, 128), (150, 190, 0), (128, 0, 0), (110, 110, 110)),
)
"""One colour for each character that was found, from the first again where there are more."""
PARTS: dict[str, Colour] = {
    "panel": (31, 119, 180), "face": (214, 39, 40), "body": (44, 160, 44), "text": (255, 127, 14),
    "balloon": (148, 103, 189),
}  # fmt: skip
"""The colours of what is annotated on a page."""
FIXATION, SALIENCY, GAZE = (0, 90, 255), (255, 0, 0), (230, 0, 140)
"""Of where viewers looked: one by one, together, and the way of one of them."""

MARGIN = 12
"""White around a sheet, in pixels as all that follows."""
GUTTER = 8
"""White between two places."""
EDGE = 3
"""The width of a coloured frame, px; a grey one is a hair."""
SIZE, TITLE = 13, 16
LINE = 18
"""The height of a line of text; of a title it is ``TITLE_LINE``."""
TITLE_LINE = 24


def width_of(text: str, size: int = SIZE) -> int:
    """Return the width of a line of text, rounded up."""
    return int(-(-font(size).getlength(_line(text)) // 1)) + 1 if text else 0


def shorten(text: str, most: int, size: int = SIZE, tail: bool = False) -> str:
    """Return the text, at most ``most`` wide, else its start (or ``tail``) and an ellipsis; "" where none fits."""
    text = _line(text)
    if width_of(text, size) <= most:
        return text
    fits, fails = -1, len(text)
    while fails - fits > 1:
        kept = (fits + fails) // 2
        if width_of(_cut(text, kept, tail), size) <= most:
            fits = kept
        else:
            fails = kept
    return _cut(text, fits, tail) if fits >= 0 else ""


def wrap(text: str, most: int, size: int = SIZE) -> list[str]:
    """Break a text into lines of whole words, each at most ``most`` wide; a longer word is shortened."""
    lines: list[str] = []
    for word in text.split():
        if lines and width_of(f"{lines[-1]} {word}", size) <= most:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(shorten(word, most, size))
    return [line for line in lines if line]


def lettered(
    text: str, size: tuple[int, int], colour: Colour = INK, ground: Colour = PAPER, letters: int = SIZE
) -> Image.Image:
    """Draw a line of text on a ground of its own (width, height), so that no letter reaches beyond its place."""
    tile = Image.new("RGB", size, ground)
    ImageDraw.Draw(tile).text((0, (size[1] - letters) // 2 - 2), text, colour, font(letters))
    return tile


def _cut(text: str, kept: int, tail: bool) -> str:
    return f"…{text[len(text) - kept :].lstrip()}" if tail else f"{text[:kept].rstrip()}…"


def _line(text: str) -> str:
    return " ".join(spelled(text).split())
