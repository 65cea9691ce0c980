"""The inside of houses: a wall, a floor, and furniture along the wall."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inkbench.benchmark.data.synth.canvas import Colour, mix
from inkbench.benchmark.data.synth.curves import box, ellipse, smooth
from inkbench.benchmark.data.synth.place import View
from inkbench.benchmark.data.synth.style import WHITE


def draw_room(v: View) -> None:
    """Draw a wall with a few things along it, drawn anew from the place's own seed."""
    palette, rng, w, h, z = v.style.palette, v.rng, v.w, v.h, v.zoom
    wall = palette.walls[v.place.wall]
    v.canvas.rectangle(0, 0, w, v.horizon, v.lit(wall))
    v.canvas.rectangle(0, v.horizon, w, h, v.lit(mix(palette.walls[(v.place.wall + 1) % 3], (90, 60, 40), 0.35)))
    paper = rng.choice(("plain", "lines", "panels"))
    step = max(10.0, 26 * z)
    if paper == "lines":
        for x in np.arange((v.shift * w) % step, w, step):
            v.canvas.rectangle(x, 0, x + step * 0.35, v.horizon, v.lit(mix(wall, WHITE, 0.35)))
    v.object(box(-5, v.horizon - 5 * z, w + 5, v.horizon), mix(wall, (60, 40, 30), 0.5), 0.5)
    for x in (w * (k - 1) / 3 for k in range(6)):
        v.canvas.line([(x, v.horizon), ((x - w / 2) * 2 + w / 2, h)], 0.6, v.lit(mix(wall, v.style.pen.ink, 0.55)))
    unit = min(w, h * 1.3) * 0.24 * z
    at = -0.25 + rng.random() * 0.3
    for _ in range(4):
        x = (at + v.shift) * w + w * 0.1
        kind = rng.choice(("window", "picture", "shelf", "lamp", "door", "plant"))
        at += rng.uniform(0.3, 0.45)
        if -unit < x < w + unit:
            FURNITURE[kind](v, x, unit, palette.cloths[rng.randrange(4)])


def _window(v: View, x: float, u: float, colour: Colour) -> None:
    y, palette = v.horizon, v.style.palette
    wood = mix(colour, (120, 80, 50), 0.6)
    v.object(box(x, y - u * 1.9, x + u * 1.1, y - u * 0.8), wood, 0.7)
    v.object(box(x + u * 0.08, y - u * 1.82, x + u * 1.02, y - u * 0.88), palette.skies[v.place.sky], 0.5)
    v.canvas.line([(x + u * 0.55, y - u * 1.85), (x + u * 0.55, y - u * 0.85)], v.style.pen.width, v.style.pen.ink)
    v.canvas.line([(x + u * 0.05, y - u * 1.35), (x + u * 1.05, y - u * 1.35)], v.style.pen.width, v.style.pen.ink)
    for side in (-0.15, 0.95):
        drape = np.array([(side, -2), (side + 0.3, -2), (side + 0.22, -0.6), (side, -0.6)]) * u
        v.object(drape + np.array([x, y]), colour, 0.6)


def _picture(v: View, x: float, u: float, colour: Colour) -> None:
    y, palette = v.horizon, v.style.palette
    wood = mix(colour, (120, 80, 50), 0.6)
    v.object(box(x, y - u * 1.8, x + u * 0.8, y - u * 1.15), wood, 0.7)
    v.object(box(x + u * 0.1, y - u * 1.7, x + u * 0.7, y - u * 1.25), palette.skies[0], 0.4)
    hill = [
        (x + u * 0.1, y - u * 1.25),
        (x + u * 0.35, y - u * 1.55),
        (x + u * 0.5, y - u * 1.4),
        (x + u * 0.7, y - u * 1.25),
    ]
    v.canvas.fill(np.array(hill), v.lit(palette.greens[0]))


def _shelf(v: View, x: float, u: float, colour: Colour) -> None:
    y, palette, rng = v.horizon, v.style.palette, v.rng
    wood = mix(colour, (120, 80, 50), 0.6)
    v.object(box(x, y - u * 1.9, x + u * 1.3, y - u * 0.05), wood, 0.7)
    for row in range(3):
        top = y - u * (1.8 - row * 0.6)
        v.canvas.rectangle(x + u * 0.07, top, x + u * 1.23, top + u * 0.5, v.lit(mix(wood, (20, 20, 20), 0.5)))
        at, low = x + u * 0.1, top + u * 0.5
        while at < x + u * 1.1:
            thick, tall = u * rng.uniform(0.07, 0.15), u * rng.uniform(0.3, 0.45)
            v.object(box(at, low - tall, at + thick, low), palette.cloths[rng.randrange(5)], 0.35)
            at = at + thick + u * (0.01 if rng.random() < 0.8 else 0.1)


def _lamp(v: View, x: float, u: float, colour: Colour) -> None:
    del colour
    y, palette = v.horizon, v.style.palette
    v.canvas.line([(x, y + u * 0.1), (x, y - u * 1.3)], v.style.pen.width * 1.4, v.style.pen.ink)
    cone = np.array([(-0.3, -1.1), (-0.17, -1.55), (0.17, -1.55), (0.3, -1.1)]) * u
    v.object(cone + np.array([x, y]), palette.accent, 0.7)


def _door(v: View, x: float, u: float, colour: Colour) -> None:
    y, palette = v.horizon, v.style.palette
    wood = mix(colour, (120, 80, 50), 0.6)
    v.object(box(x, y - u * 1.9, x + u * 0.9, y), wood, 0.8)
    for high in (1.7, 0.85):
        v.object(box(x + u * 0.15, y - u * high, x + u * 0.75, y - u * (high - 0.65)), mix(wood, WHITE, 0.15), 0.4)
    v.object(ellipse(x + u * 0.78, y - u * 0.9, u * 0.05, u * 0.05, 10), palette.accent, 0.5)


def _plant(v: View, x: float, u: float, colour: Colour) -> None:
    y, palette = v.horizon, v.style.palette
    pot = np.array([(-0.2, -0.3), (0.2, -0.3), (0.14, 0.05), (-0.14, 0.05)]) * u
    v.object(pot + np.array([x, y]), colour, 0.7)
    for bend in (-0.5, -0.2, 0.1, 0.45):
        leaf = np.array([(0, -0.3), (bend * 0.6 - 0.08, -0.7), (bend, -1.05), (bend * 0.6 + 0.08, -0.65)]) * u
        v.object(smooth(leaf + np.array([x, y]), per=4), palette.greens[1], 0.6)


FURNITURE: dict[str, Callable[[View, float, float, Colour], None]] = {
    "window": _window,
    "picture": _picture,
    "shelf": _shelf,
    "lamp": _lamp,
    "door": _door,
    "plant": _plant,
}
