"""Letters as pen strokes on a 4 x 6 grid, so that no font file decides how a page looks."""

from __future__ import annotations

from functools import lru_cache
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from inkbench.benchmark.data.synth.canvas import SCALE, Canvas, Colour
from inkbench.benchmark.data.synth.curves import Points, place, smooth
from inkbench.benchmark.data.synth.style import Lettering, Style

ROUND = set("CGJOQSU3568902")
STROKES = {
    "A": "06 20 46;14 34", "B": "00 06 36 45 44 33 03;33 42 41 30 00", "C": "41 30 10 01 05 16 36 45",
    "D": "00 06 26 44 42 20 00", "E": "40 00 06 46;03 33", "F": "40 00 06;03 33",
    "G": "41 30 10 01 05 16 36 45 43;43 23",
    "H": "00 06;40 46;03 43", "I": "20 26", "J": "40 45 36 16 05", "K": "00 06;40 03 46", "L": "00 06 46",
    "M": "06 00 23 40 46", "N": "06 00 46 40", "O": "20 01 05 26 45 41 20", "P": "00 06;00 30 41 42 33 03",
    "Q": "20 01 05 26 45 41 20;24 46", "R": "00 06;00 30 41 42 33 03;23 46", "S": "41 30 10 01 02 13 33 44 45 36 16 05",
    "T": "00 40;20 26", "U": "00 05 16 36 45 40", "V": "00 26 40", "W": "00 16 22 36 40", "X": "00 46;40 06",
    "Y": "00 23 40;23 26", "Z": "00 40 06 46", "!": "20 24;26 26", "?": "01 10 30 41 42 23 24;26 26", ".": "16 16",
    ",": "15 07", "'": "20 11", "-": "13 33", "0": "20 01 05 26 45 41 20", "1": "11 20 26", "2": "01 10 30 41 42 06 46",
    "3": "01 10 30 41 42 23 44 45 36 16 05", "4": "30 04 44;30 36", "5": "40 00 02 32 43 45 36 16 05",
    "6": "40 20 02 05 16 36 45 44 33 13 04", "7": "00 40 16", "8": "20 01 02 44 45 26 05 04 42 41 20",
    "9": "42 33 13 02 01 10 30 41 44 26", ":": "12 12;15 15",
}  # fmt: skip
NARROW = {"I": 0.45, "!": 0.5, ".": 0.5, ",": 0.5, "'": 0.5, ":": 0.5, "1": 0.7, " ": 0.6, "M": 1.15, "W": 1.15}


@lru_cache(maxsize=128)
def strokes(letter: str) -> tuple[Points, ...]:
    """Return the strokes of a letter, x in [-0.5, 0.5] about its middle, y in [-1, 0] above the base line."""
    lines = []
    for stroke in STROKES[letter].split(";"):
        points = np.array([(int(pair[0]) / 4 - 0.5, int(pair[1]) / 6 - 1) for pair in stroke.split()])
        lines.append(smooth(points, closed=False, per=4) if letter in ROUND and len(points) > 3 else points)
    return tuple(lines)


def advance(letter: str, hand: Lettering) -> float:
    """Return the advance of the pen over a letter, in letter heights."""
    return hand.width * NARROW.get(letter, 1.0) + 0.24


@lru_cache(maxsize=4096)
def _mask(letter: str, variant: int, height: float, hand: Lettering) -> Image.Image:
    size = height * SCALE
    pad = 4 + round(hand.weight * SCALE)
    rng = Random(f"{letter}{variant}{height}")
    image = Image.new("L", (round(size * 1.6) + 2 * pad, round(size * 1.3) + 2 * pad))
    draw = ImageDraw.Draw(image)
    width = hand.weight * SCALE * height / 7.5
    for line in strokes(letter):
        wobbled = line + np.array([(rng.gauss(0, hand.jitter), rng.gauss(0, hand.jitter)) for _ in line])
        across = wobbled[:, 0] * hand.width * NARROW.get(letter, 1.0) - hand.slant * wobbled[:, 1]
        flat = [*zip((across * size + image.width / 2).tolist(), (wobbled[:, 1] * size + pad + size).tolist())]
        draw.line(flat, fill=255, width=max(2, round(width)), joint="curve")
        for x, y in (flat[0], flat[-1]):
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    return image


def wrapped(text: str, hand: Lettering, height: float, room: float) -> list[str]:
    """Wrap ``text`` into lines of at most ``room`` pixels (a longer word keeps a line of its own)."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and measure(longer, hand, height) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def measure(line: str, hand: Lettering, height: float) -> float:
    """Measure the width of a line in pixels."""
    return sum(advance(letter, hand) for letter in line) * height


def leading(height: float) -> float:
    """Return the distance from base line to base line."""
    return height * 1.42


def write(canvas: Canvas, lines: list[str], at: tuple[float, float], height: float, style: Style) -> None:
    """Write lines in a style's hand and ink, centred about ``at``'s x, the first one's top at its y."""
    (x, y), hand, ink = at, style.letters, style.pen.ink
    for row, line in enumerate(lines):
        pen = x - measure(line, hand, height) / 2
        base = y + height + row * leading(height)
        for index, letter in enumerate(line):
            step = advance(letter, hand) * height
            if letter != " ":
                mask = _mask(letter, (row + index) % 3, height, hand)
                pad = 4 + round(hand.weight * SCALE)
                canvas.stamp(mask, pen + step / 2 - mask.width / 2 / SCALE, base - height - pad / SCALE, ink)
            pen += step


def big_word(
    canvas: Canvas, word: str, middle: tuple[float, float], height: float, angle: float, colours: list[Colour]
) -> Points:
    """Draw a sound word in fat letters about ``middle``, outlined in ``colours`` from outside in; return corners."""
    x, y = middle
    pitch = height * 0.85
    half = pitch * len(word) / 2
    reach = height * 0.62
    corners = place(np.array([(-half, -reach), (half, -reach), (half, reach), (-half, reach)]), x, y, angle=angle)
    lines = []
    for index, letter in enumerate(word):
        tilt = angle + (index % 2 - 0.5) * 0.16
        at = place(np.array([(-half + pitch * (index + 0.5), 0.0)]), x, y, angle=angle)[0]
        local = [np.stack([line[:, 0] * 0.62, line[:, 1] + 0.5], axis=1) for line in strokes(letter)]
        lines += [place(line, at[0], at[1], height, tilt) for line in local]
    for colour, width in zip(colours, (0.42, 0.27, 0.13)):
        for line in lines:
            canvas.line(line, height * width, colour)
            for px, py in (*line[:1], *line[-1:]):
                r = height * width / 2
                canvas.fill(np.array([(px - r, py - r), (px + r, py - r), (px + r, py + r), (px - r, py + r)]), colour)
    return corners
