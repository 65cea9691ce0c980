"""Accessories of a face: beards and glasses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inkbench.benchmark.data.synth.canvas import Canvas, Pen, mix, shade
from inkbench.benchmark.data.synth.cast import Character
from inkbench.benchmark.data.synth.curves import box, ellipse, smooth

if TYPE_CHECKING:
    from inkbench.benchmark.data.synth.head import Head


def draw_beard(canvas: Canvas, who: Character, head: Head, pen: Pen, face: int) -> None:
    """Draw the character's beard; nothing where there is none."""
    kind, w, x = who.beard, who.face_width, head.yaw * 0.15
    colour = mix(who.hair_colour, pen.ink, 0.1)
    if kind in ("full", "long beard"):
        drop = 0.62 if kind == "full" else 1.0
        side = w * (0.6 + 0.4 * who.jaw)
        tip = x * 0.6
        points = [
            (-w * 0.97, 0.05), (-side, 0.38), (tip - 0.1, drop - 0.06), (tip, drop), (tip + 0.1, drop - 0.06),
            (side * 0.95, 0.38), (w * 0.92, 0.05), (w * 0.6, 0.2), (x, 0.17), (-w * 0.6, 0.2),
        ]  # fmt: skip
        canvas.shape(head(smooth(np.array(points), per=3)), colour, pen, face, size=head.size * 0.08)
    elif kind == "goatee":
        canvas.shape(
            head(smooth(np.array([(x - 0.1, 0.39), (x, 0.42), (x + 0.1, 0.39), (x * 0.8, 0.68)]), per=4)),
            colour,
            pen,
            face,
        )
    elif kind == "stubble" and head.size > 24:
        rows = [(dx, dy) for dy in (0.36, 0.42) for dx in np.linspace(-0.2, 0.2, 7)] + [
            (dx, 0.22) for dx in (-0.08, 0.08)
        ]
        for dx, dy in rows:
            canvas.line(head(np.array([(x + dx, dy), (x + dx + 0.015, dy + 0.025)])), pen.width * 0.6, pen.ink)
    if kind in ("moustache", "full", "long beard"):
        half = [
            (0, 0.19),
            (0.12, 0.2),
            (0.19, 0.27),
            (0.08, 0.25),
            (0, 0.25),
            (-0.08, 0.25),
            (-0.19, 0.27),
            (-0.12, 0.2),
        ]
        canvas.shape(head(smooth(np.array(half) + np.array([x, 0]), per=3)), colour, pen, face)
    elif kind == "handlebar":
        for side in (-1.0, 1.0):
            curl = np.array([(0, 0.21), (0.14, 0.23), (0.27, 0.2), (0.33, 0.1)]) * (side, 1) + (x, 0)
            canvas.stroke(head(smooth(curl, closed=False)), head.size * 0.06, colour, 0.6)


def draw_glasses(canvas: Canvas, who: Character, head: Head, pen: Pen) -> None:
    """Draw the character's glasses; nothing where there are none."""
    if who.scar and head.size > 30:
        canvas.stroke(
            head(np.array([(-0.2, 0.08), (-0.16, 0.16), (-0.17, 0.26)])), pen.width * 1.2, mix(pen.ink, who.skin, 0.3)
        )
    if who.freckles and head.size > 34:
        for x, y in ((-0.2, 0.14), (-0.15, 0.18), (-0.24, 0.19), (0.22, 0.14), (0.27, 0.18), (0.18, 0.19)):
            canvas.fill(head(ellipse(x + head.yaw * 0.1, y, 0.013, 0.013, 8)), shade(who.skin, pen))
    if who.glasses == "none":
        return
    gap = who.face_width * 0.43 * who.eye_gap
    sides = (1.0,) if who.glasses == "monocle" else (-1.0, 1.0)
    for side in sides:
        narrow = 1 - 0.28 * head.yaw * (side > 0)
        x = side * gap * (1 - 0.22 * head.yaw) + head.yaw * 0.17
        r = 0.15 if who.glasses != "goggles" else 0.18
        if who.glasses in ("square", "dark"):
            lens = box(x - r * narrow, who.eye_height - 0.11, x + r * narrow, who.eye_height + 0.1)
        else:
            lens = ellipse(x, who.eye_height, r * narrow, r, 18)
        if who.glasses == "dark":
            canvas.fill(head(lens), (26, 26, 34))
            shine = np.array(
                [(x - r * 0.5, who.eye_height - 0.07), (x, who.eye_height - 0.07), (x - r * 0.6, who.eye_height + 0.05)]
            )
            canvas.fill(head(shine), (120, 120, 130))
        else:
            ring = head(np.concatenate([lens, lens[:1]]))
            canvas.line(ring, max(pen.width * (2.2 if who.glasses == "goggles" else 1.1), 0.8), pen.ink)
    if len(sides) == 2:
        y = who.eye_height - 0.02
        middle = head.yaw * 0.17
        canvas.line(head(np.array([(middle - 0.06, y), (middle + 0.06, y)])), max(pen.width, 0.8), pen.ink)
        canvas.line(
            head(np.array([(-gap - 0.1, y), (-who.face_width * (1 - 0.28 * head.yaw), y)])),
            max(pen.width, 0.8),
            pen.ink,
        )
