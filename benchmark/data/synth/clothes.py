"""Trunk and skirts as a patch with its own coordinates, and the patterns that lie on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inkbench.benchmark.data.synth.canvas import Canvas, Colour, Pen, mix
from inkbench.benchmark.data.synth.cast import Character
from inkbench.benchmark.data.synth.curves import Points, ellipse, smooth
from inkbench.benchmark.data.synth.style import WHITE


def _same(points: Points) -> Points:
    return points


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch of cloth from ``top`` to ``bottom``: (u, v) in [-1, 1] x [0, 1] to pixels.

    ``widths`` are half widths at evenly spaced v; ``turn`` shifts what lies in the middle to the side looked at;
    ``at`` takes the figure's own pixels to those of the panel.
    """

    top: tuple[float, float]
    bottom: tuple[float, float]
    widths: tuple[float, ...]
    turn: float = 0.0
    at: Callable[[Points], Points] = _same

    def __call__(self, uv: Points) -> Points:
        """Convert patch coordinates to pixels."""
        u, v = uv[:, 0], uv[:, 1]
        width = np.interp(v, np.linspace(0, 1, len(self.widths)), self.widths)
        ax, ay = self.bottom[0] - self.top[0], self.bottom[1] - self.top[1]
        length = float(np.hypot(ax, ay)) or 1.0
        x = self.top[0] + ax * v + (ay / length) * u * width
        y = self.top[1] + ay * v - (ax / length) * u * width
        return self.at(np.stack([x, y], axis=1))

    def outline(self, flare: float = 0.0) -> Points:
        """Return the patch's own outline; ``flare`` bends the lower edge."""
        v = np.linspace(0, 1, 5)
        right = np.stack([np.ones(5), v], axis=1)
        left = np.stack([-np.ones(5), v[::-1]], axis=1)
        hem = np.array([(0.5, 1 + flare), (0.0, 1 + flare * 1.3), (-0.5, 1 + flare)])
        return smooth(self(np.concatenate([right, hem, left])), per=3)

    def quad(self, u0: float, v0: float, u1: float, v1: float) -> Points:
        """Return a rectangle of the patch."""
        return self(np.array([(u0, v0), (u1, v0), (u1, v1), (u0, v1)]))


INSET = 0.93


@dataclass(frozen=True)
class _Cloth:
    """A patch that a pattern is drawn on, ``size`` pixels high."""

    canvas: Canvas
    patch: Patch
    pen: Pen
    count: int
    colour: Colour
    size: float

    @property
    def middle(self) -> float:
        """The visible middle of the body, across."""
        return self.patch.turn * 0.35


def pattern(canvas: Canvas, who: Character, patch: Patch, pen: Pen, size: float) -> None:
    """Draw the character's pattern on a patch; ``size`` is the patch's height in pixels (simple for small ones)."""
    draw = PATTERNS.get(who.pattern)
    if draw is not None:
        draw(_Cloth(canvas, patch, pen, who.pattern_count, who.pattern_colour, size))


def _stripes(cloth: _Cloth) -> None:
    for k in range(cloth.count):
        v = (k + 0.3) / cloth.count
        cloth.canvas.fill(cloth.patch.quad(-INSET, v, INSET, v + 0.42 / cloth.count), cloth.colour)


def _bars(cloth: _Cloth) -> None:
    for k in range(cloth.count):
        u = -0.9 + 1.8 * (k + 0.25) / cloth.count
        cloth.canvas.fill(cloth.patch.quad(u, 0.04, u + 0.9 / cloth.count, 0.97), cloth.colour)


def _checks(cloth: _Cloth) -> None:
    for row in range(cloth.count):
        for column in range(row % 2, cloth.count, 2):
            u, v = -INSET + 2 * INSET * column / cloth.count, 0.03 + 0.94 * row / cloth.count
            cloth.canvas.fill(cloth.patch.quad(u, v, u + 2 * INSET / cloth.count, v + 0.94 / cloth.count), cloth.colour)


def _dots(cloth: _Cloth) -> None:
    radius = cloth.size * 0.26 / cloth.count
    for row in range(cloth.count):
        for column in range(cloth.count - 1):
            u = -0.72 + 1.5 * (column + 0.5 * (row % 2)) / (cloth.count - 1)
            x, y = cloth.patch(np.array([(u, (row + 0.5) / cloth.count)]))[0]
            cloth.canvas.fill(ellipse(x, y, radius, radius, 10), cloth.colour)


def _star(cloth: _Cloth) -> None:
    angle = np.arange(10) * np.pi / 5 - np.pi / 2
    spikes = np.where(np.arange(10) % 2, 0.2, 0.5)
    star = np.stack([cloth.middle + np.cos(angle) * spikes, 0.4 + np.sin(angle) * spikes * 0.75], axis=1)
    cloth.canvas.shape(cloth.patch(star), cloth.colour, cloth.pen.scaled(0.7))


def _sash(cloth: _Cloth) -> None:
    cloth.canvas.fill(
        cloth.patch(np.array([(-0.95, 0.02), (-0.5, 0.0), (0.93, 0.85), (0.93, 0.99), (0.6, 0.99)])), cloth.colour
    )


def _band(cloth: _Cloth) -> None:
    cloth.canvas.fill(cloth.patch.quad(-INSET, 0.36, INSET, 0.62), cloth.colour)


def _zigzag(cloth: _Cloth) -> None:
    across = np.linspace(-INSET, INSET, 9)
    up = np.stack([across, np.where(np.arange(9) % 2, 0.36, 0.52)], axis=1)
    cloth.canvas.fill(cloth.patch(np.concatenate([up, up[::-1] + np.array([0, 0.17])])), cloth.colour)


def _overall(cloth: _Cloth) -> None:
    cloth.canvas.fill(cloth.patch.quad(-0.6, 0.4, 0.6, 1.0), cloth.colour)
    for u in (-0.6, 0.38):
        cloth.canvas.fill(cloth.patch.quad(u, 0.0, u + 0.22, 0.45), cloth.colour)
    outline = cloth.patch(np.array([(-0.6, 1.0), (-0.6, 0.4), (0.6, 0.4), (0.6, 1.0)]))
    cloth.canvas.line(outline, cloth.pen.width * 0.7, cloth.pen.ink)


def _jacket(cloth: _Cloth, vest: bool = False) -> None:
    canvas, patch, pen, middle = cloth.canvas, cloth.patch, cloth.pen, cloth.middle
    shirt = cloth.colour if vest else mix(WHITE, cloth.colour, 0.15)
    wide, low = (0.5, 0.97) if vest else (0.36, 0.62)
    opening = [(middle - wide, 0.0), (middle + wide, 0.0), (middle + 0.03, low), (middle - 0.03, low)]
    canvas.fill(patch(np.array(opening)), shirt)
    for side in (-1, 1):
        edge = np.array(
            [(middle + side * wide, 0.0), (middle + side * 0.42, 0.26), (middle + side * 0.03, 0.62), (middle, 1.0)]
        )
        canvas.line(patch(edge), pen.width * 0.8, pen.ink)
    for v in (0.7, 0.84):
        x, y = patch(np.array([(middle + 0.1, v)]))[0]
        canvas.fill(ellipse(x, y, pen.width * 0.8, pen.width * 0.8, 8), pen.ink)


def _vest(cloth: _Cloth) -> None:
    _jacket(cloth, vest=True)


PATTERNS: dict[str, Callable[[_Cloth], None]] = {
    "stripes": _stripes,
    "bars": _bars,
    "checks": _checks,
    "dots": _dots,
    "star": _star,
    "sash": _sash,
    "band": _band,
    "zigzag": _zigzag,
    "overall": _overall,
    "jacket": _jacket,
    "vest": _vest,
}


def neckwear(canvas: Canvas, who: Character, patch: Patch, pen: Pen, size: float) -> None:
    """Draw collar, tie, bow or scarf at the top of the trunk."""
    m = patch.turn * 0.35
    colour = who.lower_colour
    fine = pen.scaled(0.75)
    if who.extra == "tie":
        canvas.shape(
            patch(np.array([(m - 0.1, 0.0), (m + 0.1, 0.0), (m + 0.16, 0.55), (m, 0.68), (m - 0.16, 0.55)])),
            colour,
            fine,
        )
    elif who.extra == "bow":
        wings = np.array(
            [(m - 0.45, -0.08), (m, 0.03), (m + 0.45, -0.08), (m + 0.45, 0.16), (m, 0.06), (m - 0.45, 0.16)]
        )
        canvas.shape(patch(wings), colour, fine)
    elif who.extra == "scarf":
        loop = [(-0.62, -0.06), (0.0, 0.1), (0.62, -0.06), (0.6, 0.13), (0.0, 0.26), (-0.6, 0.13)]
        canvas.shape(smooth(patch(np.array(loop))), colour, fine)
        canvas.shape(
            patch(np.array([(m + 0.1, 0.15), (m + 0.45, 0.12), (m + 0.5, 0.62), (m + 0.16, 0.64)])), colour, fine
        )
    elif size > 26 and who.pattern not in ("jacket", "vest"):
        collar = np.array([(m - 0.4, 0.0), (m, 0.16), (m + 0.4, 0.0)])
        canvas.line(patch(collar), pen.width * 0.9, pen.ink)
