"""The scenery of a scene: streets, countryside, sea, night, and the abstract grounds of action panels."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import numpy as np

from inkbench.benchmark.data.synth.canvas import Canvas, Colour, mix
from inkbench.benchmark.data.synth.curves import box, ellipse, smooth
from inkbench.benchmark.data.synth.place import Place, View
from inkbench.benchmark.data.synth.room import draw_room
from inkbench.benchmark.data.synth.style import WHITE, Style

PLACES = ("room", "street", "hills", "forest", "sea", "night", "office", "mountains")
GROUNDS = ("plain", "fade", "speed", "burst", "tone")


def draw_place(canvas: Canvas, place: Place, style: Style, zoom: float, shift: float) -> None:
    """Draw the background; ``zoom`` 1 is a wide view, more is nearer; ``shift`` moves it sideways between panels."""
    rng = Random(place.seed)
    w, h = canvas.width, canvas.height
    horizon = h * (0.62 + 0.12 * min(zoom - 1, 1))
    view = View(canvas, style, rng, w, h, horizon, zoom, shift, place)
    {
        "room": draw_room, "office": draw_room, "street": _street, "hills": _hills, "forest": _forest, "sea": _sea,
        "night": _street, "mountains": _mountains,
    }[place.kind](view)  # fmt: skip


def _street(v: View) -> None:
    palette, rng, w, h, z = v.style.palette, v.rng, v.w, v.h, v.zoom
    night = v.place.kind == "night"
    sky = palette.skies[2] if night else palette.skies[v.place.sky]
    v.sky(sky)
    if night:
        v.canvas.fill(ellipse(w * (0.8 + v.shift * 0.1), h * 0.16, h * 0.07, h * 0.07), v.lit(WHITE))
        for _ in range(14):
            x, y = rng.random() * w, rng.random() * v.horizon * 0.6
            v.canvas.fill(ellipse(x, y, 0.9, 0.9, 6), WHITE)
    else:
        v.cloud(w * (0.3 + v.shift * 0.2), h * 0.18, w * 0.12)
    far = mix(sky, v.style.pen.ink, 0.25)
    x = -w * 0.1
    while x < w:
        wide = w * rng.uniform(0.08, 0.16)
        v.canvas.rectangle(x, v.horizon * rng.uniform(0.25, 0.6), x + wide, v.horizon, v.lit(far))
        x += wide
    x = (v.shift - 0.5) * w
    while x < w:
        wide = min(w, h * 1.4) * rng.uniform(0.28, 0.5) * z
        top = v.horizon - h * rng.uniform(0.3, 0.62) * z
        wall = palette.walls[rng.randrange(3)] if rng.random() < 0.6 else palette.cloths[rng.randrange(3)]
        floor, lit_share = rng.uniform(0.28, 0.36), rng.random()
        if x + wide > 0:
            wall = mix(wall, sky, 0.55) if night else wall
            _house(v, House(x, top, wide, wall, floor, lit_share if night else 0.0))
        x += wide * (1.0 if rng.random() < 0.7 else 1.2)
    v.canvas.rectangle(0, v.horizon, w, h, v.lit(mix((150, 150, 150), sky, 0.2 if not night else 0.5)))
    v.object(box(-5, v.horizon, w + 5, v.horizon + h * 0.05 * z), (198, 194, 186), 0.6)
    if rng.random() < 0.5:
        post = w * ((rng.random() + v.shift) % 1)
        v.canvas.line([(post, v.horizon + 4), (post, v.horizon - h * 0.42)], v.style.pen.width * 1.8, v.style.pen.ink)
        v.object(ellipse(post, v.horizon - h * 0.44, h * 0.03, h * 0.04, 14), palette.accent, 0.7)


class House(NamedTuple):
    """A front on the horizon: its left, top and width in pixels, its wall, and its windows."""

    x: float
    top: float
    wide: float
    wall: Colour
    floor: float
    """How far apart its floors are, in windows."""
    lit: float
    """Which of its windows are lit, in [0, 1]; 0: none."""


def _house(v: View, house: House) -> None:
    x, top, wide, wall, floor, lit = house
    v.object(box(x, top, x + wide, v.horizon), wall, 0.7)
    v.object(box(x - 2, top - 3, x + wide + 2, top + 3), mix(wall, v.style.pen.ink, 0.3), 0.5)
    columns = 3 if wide < 90 else 4
    step = wide / (columns + 0.4)
    glass = mix(v.style.palette.skies[0], (40, 50, 80), 0.5)
    y = top + step * 0.5
    row = 0
    ink = v.style.pen.ink
    while y + step * 0.8 < v.horizon:
        for column in range(columns):
            at = x + step * (0.45 + column)
            glow = lit > 0 and (row * 7 + column * 3 + int(lit * 10)) % 3 == 0
            v.canvas.rectangle(at, y, at + step * 0.58, y + step * 0.8, ink)
            v.canvas.rectangle(
                at + 0.6,
                y + 0.6,
                at + step * 0.58 - 0.6,
                y + step * 0.8 - 0.6,
                v.lit(v.style.palette.accent if glow else glass),
            )
        y += step * (1.0 + floor)
        row += 1


def _ridge(v: View, base: float, rough: float, colour: Colour, count: int) -> None:
    x = np.linspace(-0.1, 1.1, count) * v.w
    y = base - np.array([v.rng.random() for _ in x]) * rough
    top = np.stack([x, y], axis=1)
    curve = smooth(top, closed=False, per=4)
    v.object(np.concatenate([curve, [(v.w * 1.1, v.h * 1.1), (-v.w * 0.1, v.h * 1.1)]]), colour, 0.7)


def _tree(v: View, x: float, y: float, size: float, kind: int, colour: Colour) -> None:
    trunk = mix((110, 76, 52), v.style.pen.ink, 0.2) if not v.style.mono else (110, 110, 110)
    stem = np.array([(-0.07, 0), (-0.04, -0.6), (0.05, -0.6), (0.08, 0)]) * size
    v.object(stem + np.array([x, y]), trunk, 0.6)
    if kind == 0:
        angle = np.linspace(0, 2 * np.pi, 13)[:-1]
        radius = size * np.where(np.arange(12) % 2, 0.3, 0.4)
        crown = np.stack([x + np.cos(angle) * radius, y - size * 0.8 + np.sin(angle) * radius * 0.9], axis=1)
        v.object(smooth(crown, per=3), colour, 0.7, size * 0.15)
    elif kind == 1:
        for k in range(3):
            top = y - size * (1.25 - 0.28 * k)
            half = size * (0.2 + 0.08 * k)
            v.object(
                np.array([(x - half, top + size * 0.42), (x, top), (x + half, top + size * 0.42)]),
                colour,
                0.7,
                size * 0.08,
            )
    else:
        for dx, dy, r in ((-0.2, -0.7, 0.25), (0.2, -0.72, 0.25), (0.0, -0.92, 0.28)):
            v.object(ellipse(x + dx * size, y + dy * size, r * size, r * size * 0.85, 16), colour, 0.7, size * 0.1)


def _grass(v: View, colour: Colour, count: int) -> None:
    ink = v.lit(mix(colour, v.style.pen.ink, 0.55))
    for _ in range(count):
        x, y = v.rng.random() * v.w, v.horizon + (v.h - v.horizon) * v.rng.uniform(0.1, 1)
        s = 2 + 4 * (y - v.horizon) / (v.h - v.horizon) * v.zoom
        v.canvas.line([(x - s * 0.5, y - s), (x, y), (x + s * 0.2, y - s * 1.3)], 0.7, ink)


def _hills(v: View) -> None:
    palette, rng = v.style.palette, v.rng
    v.sky(palette.skies[v.place.sky % 2])
    v.canvas.fill(ellipse(v.w * (0.75 + 0.2 * v.shift), v.h * 0.16, v.h * 0.08, v.h * 0.08), v.lit(palette.accent))
    for k in range(2):
        v.cloud(v.w * ((0.2 + 0.5 * k + v.shift) % 1), v.h * (0.15 + 0.1 * k), v.w * 0.1 * v.zoom)
    _ridge(v, v.horizon, v.h * 0.22, mix(palette.greens[0], palette.skies[0], 0.5), 5)
    _ridge(v, v.horizon + 6, v.h * 0.1, palette.greens[1], 6)
    for _ in range(3):
        _tree(
            v, v.w * ((rng.random() + v.shift) % 1.2), v.horizon + v.h * 0.04, v.h * 0.24 * v.zoom, 0, palette.greens[2]
        )
    _grass(v, palette.greens[1], 16)


def _forest(v: View) -> None:
    palette, rng = v.style.palette, v.rng
    v.sky(mix(palette.skies[0], palette.greens[0], 0.4))
    _ridge(v, v.horizon, v.h * 0.3, mix(palette.greens[0], palette.skies[0], 0.35), 14)
    _ridge(v, v.horizon + 8, v.h * 0.02, palette.greens[1], 6)
    kind = rng.randrange(3)
    for k in range(6):
        x = v.w * ((k / 5 + rng.uniform(-0.06, 0.06) + v.shift * 0.5) % 1.15 - 0.05)
        _tree(
            v,
            x,
            v.horizon + v.h * rng.uniform(0.0, 0.08),
            v.h * rng.uniform(0.35, 0.55) * v.zoom,
            kind,
            palette.greens[k % 3],
        )
    _grass(v, palette.greens[1], 22)


def _sea(v: View) -> None:
    palette, rng = v.style.palette, v.rng
    sky = palette.skies[v.place.sky % 2]
    v.sky(sky)
    v.cloud(v.w * (0.6 + v.shift * 0.3), v.h * 0.2, v.w * 0.13)
    water = mix(palette.skies[2], palette.skies[0], 0.55)
    shore = v.horizon + (v.h - v.horizon) * 0.45
    v.object(box(-5, v.horizon * 0.86, v.w + 5, shore + 20), water, 0.6)
    for _ in range(12):
        x, y = rng.random() * v.w, rng.uniform(v.horizon * 0.88, shore)
        wave = np.array([(x - 8, y), (x - 3, y - 2), (x + 3, y + 1), (x + 9, y - 1)])
        v.canvas.line(smooth(wave, closed=False, per=3), 0.8, v.lit(WHITE))
    x, y, s = v.w * ((0.3 + v.shift) % 1), v.horizon * 0.9, v.h * 0.07 * v.zoom
    v.object(
        np.array([(x - s, y - s * 0.2), (x + s, y - s * 0.2), (x + s * 0.7, y + s * 0.3), (x - s * 0.7, y + s * 0.3)]),
        palette.cloths[0],
        0.6,
    )
    v.object(np.array([(x, y - s * 1.8), (x + s * 0.9, y - s * 0.4), (x, y - s * 0.4)]), WHITE, 0.6)
    sand = mix(palette.walls[0], (232, 208, 150), 0.6) if not v.style.mono else (225, 225, 225)
    _ridge(v, shore, v.h * 0.03, sand, 6)


def _mountains(v: View) -> None:
    palette = v.style.palette
    v.sky(palette.skies[v.place.sky % 2])
    rock = mix(palette.skies[2], palette.walls[1], 0.5)
    v.cloud(v.w * ((0.2 + v.shift) % 1), v.h * 0.14, v.w * 0.1)
    for k in range(4):
        x, tall, half = (
            v.w * ((0.1 + 0.3 * k + v.shift * 0.3) % 1.2 - 0.1),
            v.h * v.rng.uniform(0.3, 0.5),
            v.w * v.rng.uniform(0.2, 0.3),
        )
        top = v.horizon - tall
        v.object(np.array([(x - half, v.horizon + 5), (x, top), (x + half, v.horizon + 5)]), rock, 0.7, half * 0.3)
        cap = np.array([(0, 0), (0.25, 0.25), (0.08, 0.2), (-0.05, 0.3), (-0.25, 0.25)]) * (half, tall)
        v.canvas.fill(cap + np.array([x, top]), v.lit(WHITE))
    _ridge(v, v.horizon + 4, v.h * 0.05, palette.greens[0], 7)
    _grass(v, palette.greens[0], 12)


def draw_ground(canvas: Canvas, kind: str, style: Style, rng: Random, focus: tuple[float, float]) -> None:
    """Draw a ground without a place: plain, a fade, lines of speed, a burst about ``focus``, dots of tone."""
    w, h = canvas.width, canvas.height
    palette = style.palette
    colour = mix(
        rng.choice((palette.accent, palette.skies[0], palette.skies[1], *palette.walls)), WHITE, rng.uniform(0.0, 0.4)
    )
    ink = style.pen.ink
    canvas.rectangle(0, 0, w, h, colour)
    if kind == "fade":
        for k in range(12):
            canvas.rectangle(0, h * k / 12, w, h * (k + 1) / 12 + 1, mix(colour, WHITE, 0.9 * k / 12))
    elif kind == "speed":
        canvas.rectangle(0, 0, w, h, mix(colour, WHITE, 0.6))
        for _ in range(46):
            y, x0 = rng.random() * h, rng.uniform(-0.3, 0.6) * w
            x1 = x0 + rng.uniform(0.25, 0.8) * w
            thick = rng.uniform(0.6, 2.6)
            canvas.fill(
                np.array([(x0, y), (x1, y - thick / 2), (x1, y + thick / 2)]),
                mix(ink, colour, rng.choice((0.0, 0.3, 0.6))),
            )
    elif kind == "burst":
        canvas.rectangle(0, 0, w, h, mix(colour, WHITE, 0.55))
        reach = float(np.hypot(w, h))
        count = rng.randint(38, 60)
        for k in range(count):
            angle = 2 * np.pi * (k + rng.uniform(-0.3, 0.3)) / count
            near = rng.uniform(0.26, 0.42) * min(w, h)
            c, s, d = np.cos(angle), np.sin(angle), rng.uniform(0.004, 0.03)
            far = np.array([(np.cos(angle - d), np.sin(angle - d)), (np.cos(angle + d), np.sin(angle + d))]) * reach
            tip = np.array([(c, s)]) * near
            canvas.fill(np.concatenate([tip, far]) + focus, ink if not k % 3 else mix(ink, colour, 0.35))
    elif kind == "tone":
        pitch = rng.uniform(7, 11)
        dot = mix(colour, ink, 0.35) if rng.random() < 0.5 else mix(colour, WHITE, 0.6)
        for row, y in enumerate(np.arange(0, h + pitch, pitch)):
            radius = pitch * 0.42 * (1 - 0.85 * y / h)
            for x in np.arange((row % 2) * pitch / 2, w + pitch, pitch):
                canvas.fill(ellipse(x, y, radius, radius, 8), dot)
