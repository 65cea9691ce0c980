"""Things in front of the figures, which hide parts of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np

from inkbench.benchmark.data.synth.canvas import Canvas, Colour, Pen, mix
from inkbench.benchmark.data.synth.curves import box, ellipse, smooth
from inkbench.benchmark.data.synth.style import WHITE, Style

FITTING = {
    "room": ("table", "chair", "vase"), "office": ("table", "screen", "table"), "street": ("car", "hydrant", "crate"),
    "night": ("car", "crate", "hydrant"), "hills": ("bush", "fence", "rock"), "forest": ("bush", "rock", "bush"),
    "sea": ("rock", "crate", "barrel"), "mountains": ("rock", "bush", "fence"),
}  # fmt: skip


@dataclass(frozen=True)
class _Spot:
    """The place and the materials of a thing: all in pixels, ``u`` its unit."""

    canvas: Canvas
    rng: Random
    style: Style
    code: int
    u: float
    x: float
    y: float
    colour: Colour
    wood: Colour

    @property
    def w(self) -> float:
        """The canvas's width."""
        return self.canvas.width

    @property
    def h(self) -> float:
        """Its height."""
        return self.canvas.height

    @property
    def pen(self) -> Pen:
        """The pen of outlines."""
        return self.style.pen


def draw_prop(canvas: Canvas, rng: Random, style: Style, kind: str, code: int, unit: float) -> None:
    """Draw one thing standing at the lower edge; ``unit`` is the height of a figure's head in pixels."""
    w, h = canvas.width, canvas.height
    colour: Colour = style.palette.cloths[rng.randrange(4)]
    wood = mix(colour, (130, 86, 50), 0.55) if not style.mono else colour
    u = min(max(unit, h * 0.1), h * 0.3)
    x, y = rng.uniform(0.05, 0.95) * w, h * rng.uniform(0.97, 1.06)
    DRAWN[kind](_Spot(canvas, rng, style, code, u, x, y, colour, wood))


def _table(spot: _Spot) -> None:
    x0, x1, top = spot.x - spot.u * 1.8, spot.x + spot.u * 1.8, spot.h - spot.u * spot.rng.uniform(0.6, 1.0)
    for leg in (x0 + spot.u * 0.2, x1 - spot.u * 0.4):
        spot.canvas.shape(box(leg, top, leg + spot.u * 0.2, spot.h + 5), spot.wood, spot.pen, spot.code)
    spot.canvas.shape(
        np.array(
            [(x0 + spot.u * 0.3, top - spot.u * 0.28), (x1 - spot.u * 0.3, top - spot.u * 0.28), (x1, top), (x0, top)]
        ),
        mix(spot.wood, WHITE, 0.2),
        spot.pen,
        spot.code,
    )
    spot.canvas.shape(box(x0, top, x1, top + spot.u * 0.18), spot.wood, spot.pen, spot.code)
    spot.canvas.shape(
        ellipse(spot.x, top - spot.u * 0.14, spot.u * 0.2, spot.u * 0.07, 14), WHITE, spot.pen.scaled(0.7), spot.code
    )
    spot.canvas.shape(
        box(spot.x - spot.u * 0.9, top - spot.u * 0.5, spot.x - spot.u * 0.66, top - spot.u * 0.1),
        spot.style.palette.accent,
        spot.pen.scaled(0.7),
        spot.code,
    )


def _screen(spot: _Spot) -> None:
    spot.canvas.shape(
        box(spot.x - spot.u * 0.7, spot.h - spot.u * 1.2, spot.x + spot.u * 0.7, spot.h - spot.u * 0.2),
        (80, 80, 90),
        spot.pen,
        spot.code,
    )
    spot.canvas.shape(
        box(spot.x - spot.u * 1.6, spot.h - spot.u * 0.25, spot.x + spot.u * 1.6, spot.h + 5),
        spot.wood,
        spot.pen,
        spot.code,
    )


def _chair(spot: _Spot) -> None:
    spot.canvas.shape(
        smooth(box(spot.x - spot.u * 0.6, spot.h - spot.u * 1.5, spot.x + spot.u * 0.6, spot.h - spot.u * 0.2), per=3),
        spot.colour,
        spot.pen,
        spot.code,
        spot.u * 0.2,
    )
    spot.canvas.shape(
        box(spot.x - spot.u * 0.55, spot.h - spot.u * 0.4, spot.x + spot.u * 0.55, spot.h + 5),
        spot.wood,
        spot.pen,
        spot.code,
    )


def _vase(spot: _Spot) -> None:
    body = np.array(
        [
            (-0.15, -0.9),
            (0.15, -0.9),
            (0.12, -0.7),
            (0.35, -0.35),
            (0.2, 0.0),
            (-0.2, 0.0),
            (-0.35, -0.35),
            (-0.12, -0.7),
        ]
    )
    for dx, dy in ((-0.4, -1.4), (0.0, -1.6), (0.4, -1.35)):
        spot.canvas.line(
            [(spot.x, spot.y - spot.u * 0.85), (spot.x + spot.u * dx, spot.y + spot.u * dy)],
            spot.pen.width,
            mix(spot.style.palette.greens[0], spot.pen.ink, 0.4),
        )
        spot.canvas.shape(
            ellipse(spot.x + spot.u * dx, spot.y + spot.u * dy, spot.u * 0.17, spot.u * 0.17, 12),
            spot.style.palette.accent,
            spot.pen.scaled(0.7),
            spot.code,
        )
    spot.canvas.shape(smooth(body * spot.u + (spot.x, spot.y), per=3), spot.colour, spot.pen, spot.code, spot.u * 0.15)


def _car(spot: _Spot) -> None:
    s = spot.u * 1.25
    hull = [
        (-2.0, 0.0),
        (-2.0, -0.5),
        (-1.3, -0.6),
        (-0.8, -1.15),
        (0.6, -1.15),
        (1.1, -0.62),
        (2.0, -0.5),
        (2.05, 0.0),
    ]
    spot.canvas.shape(
        smooth(np.array(hull) * s + (spot.x, spot.y - s * 0.2), per=3), spot.colour, spot.pen, spot.code, s * 0.2
    )
    glass = np.array([(-1.05, -0.62), (-0.7, -1.02), (0.5, -1.02), (0.85, -0.62)]) * s + (spot.x, spot.y - s * 0.2)
    spot.canvas.shape(glass, spot.style.palette.skies[0], spot.pen.scaled(0.7), spot.code)
    spot.canvas.line(glass[[1, 0]] + (s * 0.75, 0), spot.pen.width, spot.pen.ink)
    for dx in (-1.2, 1.2):
        spot.canvas.shape(
            ellipse(spot.x + dx * s, spot.y - s * 0.15, s * 0.42, s * 0.42, 20), (52, 50, 56), spot.pen, spot.code
        )
        spot.canvas.shape(
            ellipse(spot.x + dx * s, spot.y - s * 0.15, s * 0.18, s * 0.18, 12),
            (190, 190, 190),
            spot.pen.scaled(0.6),
            spot.code,
        )


def _hydrant(spot: _Spot) -> None:
    spot.canvas.shape(
        box(spot.x - spot.u * 0.25, spot.y - spot.u * 0.9, spot.x + spot.u * 0.25, spot.y),
        spot.style.palette.accent,
        spot.pen,
        spot.code,
        spot.u * 0.15,
    )
    spot.canvas.shape(
        ellipse(spot.x, spot.y - spot.u * 0.9, spot.u * 0.3, spot.u * 0.2, 14),
        spot.style.palette.accent,
        spot.pen,
        spot.code,
    )
    spot.canvas.shape(
        box(spot.x - spot.u * 0.42, spot.y - spot.u * 0.62, spot.x + spot.u * 0.42, spot.y - spot.u * 0.4),
        mix(spot.style.palette.accent, spot.pen.ink, 0.25),
        spot.pen,
        spot.code,
    )


def _crate(spot: _Spot) -> None:
    s = spot.u * 1.3
    spot.canvas.shape(box(spot.x - s / 2, spot.y - s, spot.x + s / 2, spot.y), spot.wood, spot.pen, spot.code)
    spot.canvas.line(
        box(spot.x - s * 0.4, spot.y - s * 0.9, spot.x + s * 0.4, spot.y - s * 0.1)[[0, 1, 2, 3, 0, 2]],
        spot.pen.width,
        spot.pen.ink,
    )


def _barrel(spot: _Spot) -> None:
    body = np.array([(-0.45, -1.3), (0.45, -1.3), (0.6, -0.65), (0.45, 0.0), (-0.45, 0.0), (-0.6, -0.65)]) * spot.u + (
        spot.x,
        spot.y,
    )
    spot.canvas.shape(smooth(body, per=3), spot.wood, spot.pen, spot.code, spot.u * 0.2)
    for dy in (-1.0, -0.35):
        spot.canvas.line(
            [(spot.x - spot.u * 0.55, spot.y + spot.u * dy), (spot.x + spot.u * 0.55, spot.y + spot.u * dy)],
            spot.pen.width * 1.8,
            spot.pen.ink,
        )


def _bush(spot: _Spot) -> None:
    angle = np.linspace(np.pi, 2 * np.pi, 12)
    radius = np.where(np.arange(12) % 2, 1.0, 0.82) * spot.u
    crown = np.stack([spot.x + np.cos(angle) * radius * 1.7, spot.y + np.sin(angle) * radius], axis=1)
    leaves = smooth(
        np.concatenate([crown, [(spot.x + spot.u * 1.4, spot.y + 8), (spot.x - spot.u * 1.4, spot.y + 8)]]), per=3
    )
    spot.canvas.shape(leaves, spot.style.palette.greens[spot.rng.randrange(3)], spot.pen, spot.code, spot.u * 0.3)


def _fence(spot: _Spot) -> None:
    for k in range(int(spot.w / (spot.u * 0.5)) + 1):
        at = k * spot.u * 0.5
        post = np.array([(0, 0), (0, -0.85), (0.13, -1.0), (0.26, -0.85), (0.26, 0)]) * spot.u + (at, spot.h + 4)
        spot.canvas.shape(post, mix(spot.wood, WHITE, 0.3), spot.pen.scaled(0.8), spot.code)
    spot.canvas.shape(
        box(-5, spot.h - spot.u * 0.65, spot.w + 5, spot.h - spot.u * 0.5),
        mix(spot.wood, WHITE, 0.3),
        spot.pen.scaled(0.8),
        spot.code,
    )


def _rock(spot: _Spot) -> None:
    rock = np.array([(-1.2, 0.1), (-1.0, -0.5), (-0.4, -0.95), (0.3, -0.8), (0.9, -0.45), (1.2, 0.1)]) * spot.u + (
        spot.x,
        spot.y,
    )
    stone = (170, 165, 160)
    spot.canvas.shape(rock, stone, spot.pen, spot.code, spot.u * 0.3)
    spot.canvas.line(
        np.array([(-0.3, -0.9), (-0.1, -0.5), (-0.35, -0.2)]) * spot.u + (spot.x, spot.y),
        spot.pen.width * 0.7,
        spot.pen.ink,
    )


DRAWN: dict[str, Callable[[_Spot], None]] = {
    "table": _table,
    "screen": _screen,
    "chair": _chair,
    "vase": _vase,
    "car": _car,
    "hydrant": _hydrant,
    "crate": _crate,
    "barrel": _barrel,
    "bush": _bush,
    "fence": _fence,
    "rock": _rock,
}
