"""A panel in work: colours drawn at twice the size, and beside them which instance every pixel belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from inkbench.benchmark.data.synth.curves import Points, normals, ribbon

Colour = tuple[int, int, int]
SCALE = 2


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Mix ``first`` with ``share`` in [0, 1] of ``second``."""
    r, g, b = (round(a + (c - a) * share) for a, c in zip(first, second))
    return (r, g, b)


@dataclass(frozen=True, slots=True)
class Pen:
    """A hand's way to ink and shade: line width in pixels, its swelling on the dark side, shadow and hatching."""

    ink: Colour
    width: float
    swell: float
    shadow: Colour
    depth: float
    hatch: float
    dark: tuple[float, float] = (0.6, 0.8)

    def scaled(self, factor: float) -> Pen:
        """Scale the hand for a figure drawn larger or smaller."""
        return Pen(self.ink, self.width * factor, self.swell, self.shadow, self.depth, self.hatch, self.dark)


class Canvas:
    """Drawing of a panel of ``width`` x ``height`` pixels; points are in panel pixels.

    ``codes`` holds for each pixel the code of the instance drawn last, 0 for the background.
    """

    def __init__(self, width: int, height: int, colour: Colour) -> None:
        self.width, self.height = width, height
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), colour)
        self.codes = Image.new("L", (width, height), 0)
        self._draw = ImageDraw.Draw(self.image)
        self._code = ImageDraw.Draw(self.codes)
        self.extents: dict[int, tuple[float, float, float, float]] = {}

    def fill(self, points: Points, colour: Colour, code: int | None = None) -> None:
        """Fill a polygon; ``code`` marks its pixels as an instance's."""
        self._draw.polygon((points * SCALE).ravel().tolist(), fill=colour)
        if code is not None:
            self.mark(points, code)

    def mark(self, points: Points, code: int) -> None:
        """Mark whose the polygon's pixels are; ``extents`` remembers how far an instance reaches, frame or not."""
        self._code.polygon(points.ravel().tolist(), fill=code)
        x0, y0 = points.min(axis=0).tolist()
        x1, y1 = points.max(axis=0).tolist()
        known = self.extents.get(code)
        if known is not None:
            x0, y0, x1, y1 = min(x0, known[0]), min(y0, known[1]), max(x1, known[2]), max(y1, known[3])
        self.extents[code] = (x0, y0, x1, y1)

    def shape(
        self, points: Points, colour: Colour, pen: Pen, code: int | None = None, size: float = 0.0, line: float = 1.0
    ) -> None:
        """Draw a closed shape inked around, darker on its dark side as wide as ``size`` (its extent in pixels) says."""
        normal = normals(points)
        facing = normal @ np.asarray(pen.dark)
        half = (pen.width * line / 2) * (1 + pen.swell * facing)[:, None]
        outer = points + normal * half
        self.fill(outer, pen.ink, code)
        inner = points - normal * half
        if size <= 0 or (pen.depth <= 0 and pen.hatch <= 0):
            self.fill(inner, colour)
            return
        band = np.maximum(facing, 0)[:, None] * size
        if pen.depth > 0:
            self.fill(inner, shade(colour, pen))
            self.fill(inner - normal * band * pen.depth, colour)
        else:
            self.fill(inner, colour)
        if pen.hatch > 0 and size > 4:
            self._hatch(inner, normal, band[:, 0] * pen.hatch, pen)

    def _hatch(self, inner: Points, normal: Points, band: np.ndarray, pen: Pen) -> None:
        step = max(1, len(inner) // 26)
        width = max(1, round(pen.width * 0.55 * SCALE))
        lean = np.array([0.25, -0.35])
        for index in range(0, len(inner), step):
            reach = band[index]
            if reach > 1.2:
                start = inner[index]
                end = start - normal[index] * reach + lean * reach
                self._draw.line([*(start * SCALE), *(end * SCALE)], fill=pen.ink, width=width)

    def stroke(self, points: Points, width: float, colour: Colour, taper: float = 0.7) -> None:
        """Draw an ink line that swells in its middle; ``taper`` 0 keeps its width."""
        profile = width * (1 - taper + taper * np.sin(np.linspace(0.12, np.pi - 0.12, len(points))))
        self.fill(ribbon(points, profile), colour)

    def line(self, points: Points | Sequence[tuple[float, float]], width: float, colour: Colour) -> None:
        """Draw a plain line of even width."""
        flat = (np.asarray(points, dtype=np.float64) * SCALE).ravel().tolist()
        self._draw.line(flat, fill=colour, width=max(1, round(width * SCALE)))

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """Draw a filled rectangle without an outline."""
        self._draw.rectangle((x0 * SCALE, y0 * SCALE, x1 * SCALE - 1, y1 * SCALE - 1), fill=colour)

    def stamp(self, mask: Image.Image, x: float, y: float, colour: Colour) -> None:
        """Stamp a grey mask at twice the size (a letter) in one colour, its top left at (x, y)."""
        self.image.paste(colour, (round(x * SCALE), round(y * SCALE)), mask)

    def code_array(self) -> np.ndarray:
        """Return the codes as (height, width) uint8."""
        return np.asarray(self.codes).copy()

    def finished(self) -> Image.Image:
        """Return the panel at its own size."""
        return self.image.reduce(SCALE)


def shade(colour: Colour, pen: Pen) -> Colour:
    """Return the colour of the dark side."""
    r, g, b = (c * s // 255 for c, s in zip(colour, pen.shadow))
    return (r, g, b)
