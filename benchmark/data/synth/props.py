"""Things in front of the figures, which hide parts of them."""

from __future__ import annotations

from random import Random

import numpy as np

from inkbench.benchmark.data.synth.canvas import Canvas, Colour, mix
from inkbench.benchmark.data.synth.curves import box, ellipse, smooth
from inkbench.benchmark.data.synth.style import WHITE, Style

FITTING = {
    "room": ("table", "chair", "vase"), "office": ("table", "screen", "table"), "street": ("car", "hydrant", "crate"),
    "night": ("car", "crate", "hydrant"), "hills": ("bush", "fence", "rock"), "forest": ("bush", "rock", "bush"),
    "sea": ("rock", "crate", "barrel"), "mountains": ("rock", "bush", "fence"),
}  # fmt: skip


def draw_prop(canvas: Canvas, rng: Random, style: Style, kind: str, code: int, unit: float) -> None:
    """One thing standing at the lower edge; ``unit`` is the height of a figure's head in pixels."""
    w, h, pen = canvas.width, canvas.height, style.pen
    colour: Colour = style.palette.cloths[rng.randrange(4)]
    wood = mix(colour, (130, 86, 50), 0.55) if not style.mono else colour
    u = min(max(unit, h * 0.1), h * 0.3)
    x, y = rng.uniform(0.05, 0.95) * w, h * rng.uniform(0.97, 1.06)
    if kind == "table":
        x0, x1, top = x - u * 1.8, x + u * 1.8, h - u * rng.uniform(0.6, 1.0)
        for leg in (x0 + u * 0.2, x1 - u * 0.4):
            canvas.shape(box(leg, top, leg + u * 0.2, h + 5), wood, pen, code)
        canvas.shape(
            np.array([(x0 + u * 0.3, top - u * 0.28), (x1 - u * 0.3, top - u * 0.28), (x1, top), (x0, top)]),
            mix(wood, WHITE, 0.2),
            pen,
            code,
        )
        canvas.shape(box(x0, top, x1, top + u * 0.18), wood, pen, code)
        canvas.shape(ellipse(x, top - u * 0.14, u * 0.2, u * 0.07, 14), WHITE, pen.scaled(0.7), code)
        canvas.shape(
            box(x - u * 0.9, top - u * 0.5, x - u * 0.66, top - u * 0.1), style.palette.accent, pen.scaled(0.7), code
        )
    elif kind == "screen":
        canvas.shape(box(x - u * 0.7, h - u * 1.2, x + u * 0.7, h - u * 0.2), (80, 80, 90), pen, code)
        canvas.shape(box(x - u * 1.6, h - u * 0.25, x + u * 1.6, h + 5), wood, pen, code)
    elif kind == "chair":
        canvas.shape(smooth(box(x - u * 0.6, h - u * 1.5, x + u * 0.6, h - u * 0.2), per=3), colour, pen, code, u * 0.2)
        canvas.shape(box(x - u * 0.55, h - u * 0.4, x + u * 0.55, h + 5), wood, pen, code)
    elif kind == "vase":
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
            canvas.line(
                [(x, y - u * 0.85), (x + u * dx, y + u * dy)], pen.width, mix(style.palette.greens[0], pen.ink, 0.4)
            )
            canvas.shape(
                ellipse(x + u * dx, y + u * dy, u * 0.17, u * 0.17, 12), style.palette.accent, pen.scaled(0.7), code
            )
        canvas.shape(smooth(body * u + (x, y), per=3), colour, pen, code, u * 0.15)
    elif kind == "car":
        s = u * 1.25
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
        canvas.shape(smooth(np.array(hull) * s + (x, y - s * 0.2), per=3), colour, pen, code, s * 0.2)
        glass = np.array([(-1.05, -0.62), (-0.7, -1.02), (0.5, -1.02), (0.85, -0.62)]) * s + (x, y - s * 0.2)
        canvas.shape(glass, style.palette.skies[0], pen.scaled(0.7), code)
        canvas.line(glass[[1, 0]] + (s * 0.75, 0), pen.width, pen.ink)
        for dx in (-1.2, 1.2):
            canvas.shape(ellipse(x + dx * s, y - s * 0.15, s * 0.42, s * 0.42, 20), (52, 50, 56), pen, code)
            canvas.shape(
                ellipse(x + dx * s, y - s * 0.15, s * 0.18, s * 0.18, 12), (190, 190, 190), pen.scaled(0.6), code
            )
    elif kind == "hydrant":
        canvas.shape(box(x - u * 0.25, y - u * 0.9, x + u * 0.25, y), style.palette.accent, pen, code, u * 0.15)
        canvas.shape(ellipse(x, y - u * 0.9, u * 0.3, u * 0.2, 14), style.palette.accent, pen, code)
        canvas.shape(
            box(x - u * 0.42, y - u * 0.62, x + u * 0.42, y - u * 0.4),
            mix(style.palette.accent, pen.ink, 0.25),
            pen,
            code,
        )
    elif kind == "crate":
        s = u * 1.3
        canvas.shape(box(x - s / 2, y - s, x + s / 2, y), wood, pen, code)
        canvas.line(box(x - s * 0.4, y - s * 0.9, x + s * 0.4, y - s * 0.1)[[0, 1, 2, 3, 0, 2]], pen.width, pen.ink)
    elif kind == "barrel":
        body = np.array([(-0.45, -1.3), (0.45, -1.3), (0.6, -0.65), (0.45, 0.0), (-0.45, 0.0), (-0.6, -0.65)]) * u + (
            x,
            y,
        )
        canvas.shape(smooth(body, per=3), wood, pen, code, u * 0.2)
        for dy in (-1.0, -0.35):
            canvas.line([(x - u * 0.55, y + u * dy), (x + u * 0.55, y + u * dy)], pen.width * 1.8, pen.ink)
    elif kind == "bush":
        angle = np.linspace(np.pi, 2 * np.pi, 12)
        radius = np.where(np.arange(12) % 2, 1.0, 0.82) * u
        crown = np.stack([x + np.cos(angle) * radius * 1.7, y + np.sin(angle) * radius], axis=1)
        leaves = smooth(np.concatenate([crown, [(x + u * 1.4, y + 8), (x - u * 1.4, y + 8)]]), per=3)
        canvas.shape(leaves, style.palette.greens[rng.randrange(3)], pen, code, u * 0.3)
    elif kind == "fence":
        for k in range(int(w / (u * 0.5)) + 1):
            at = k * u * 0.5
            post = np.array([(0, 0), (0, -0.85), (0.13, -1.0), (0.26, -0.85), (0.26, 0)]) * u + (at, h + 4)
            canvas.shape(post, mix(wood, WHITE, 0.3), pen.scaled(0.8), code)
        canvas.shape(box(-5, h - u * 0.65, w + 5, h - u * 0.5), mix(wood, WHITE, 0.3), pen.scaled(0.8), code)
    else:
        rock = np.array([(-1.2, 0.1), (-1.0, -0.5), (-0.4, -0.95), (0.3, -0.8), (0.9, -0.45), (1.2, 0.1)]) * u + (x, y)
        stone = (170, 165, 160)
        canvas.shape(rock, stone, pen, code, u * 0.3)
        canvas.line(np.array([(-0.3, -0.9), (-0.1, -0.5), (-0.35, -0.2)]) * u + (x, y), pen.width * 0.7, pen.ink)
