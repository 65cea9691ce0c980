"""Balloons with tails, captions and sound words: where they fit, how they are drawn, what they say."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

import numpy as np

from benchmark.data.synth import lettering
from benchmark.data.synth.canvas import Canvas, mix
from benchmark.data.synth.curves import Points, box, ellipse, smooth, superellipse
from benchmark.data.synth.style import WHITE, Style

Rect = tuple[float, float, float, float]
TextKind = Literal["dialogue", "narration", "sound"]


@dataclass(frozen=True, slots=True)
class Text:
    """Lettering in a panel: its own rectangle, that of its balloon (tail included) and who says it."""

    kind: TextKind
    text: str
    box: Rect
    balloon: Rect | None
    code: int
    speaker: str | None


def _overlap(a: Rect, b: Rect) -> float:
    wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(wide, 0.0) * max(tall, 0.0)


def _cost(rect: Rect, faces: list[Rect], taken: list[Rect]) -> float:
    area = (rect[2] - rect[0]) * (rect[3] - rect[1])
    hidden = sum(_overlap(rect, face) / max((face[2] - face[0]) * (face[3] - face[1]), 1) for face in faces)
    return hidden * 4 + sum(_overlap(rect, other) for other in taken) * 20 / area


def _spot(
    rng: Random, canvas: Canvas, wide: float, tall: float, near: float, faces: list[Rect], taken: list[Rect]
) -> Rect | None:
    """The cheapest place for a rectangle, high up and near ``near`` in x; None where it hides a face."""
    margin = 5.0
    if wide > canvas.width - 2 * margin or tall > canvas.height * 0.6:
        return None
    best, least = None, 1.2
    for row in (0.0, 0.12, 0.3, 0.55, 1.0):
        y = margin + (canvas.height - 2 * margin - tall) * row
        for column in range(7):
            x = margin + (canvas.width - 2 * margin - wide) * column / 6
            rect = (x, y, x + wide, y + tall)
            away = abs(x + wide / 2 - near) / canvas.width
            cost = _cost(rect, faces, taken) + row * 0.45 + away * 0.3 + rng.random() * 0.05
            if cost < least:
                best, least = rect, cost
    return best


def speak(
    canvas: Canvas, rng: Random, style: Style, line: str, speaker: str, mouth: tuple[float, float], loud: bool,
    thought: bool, code: int, faces: list[Rect], taken: list[Rect],
) -> Text | None:  # fmt: skip
    """A balloon for one line of dialogue, or None where there is no room; ``taken`` grows by its rectangle."""
    hand, height = style.letters, style.letters.height
    for share in (0.42, 0.3, 0.62):
        lines = lettering.wrapped(line, hand, height, canvas.width * share)
        text_wide = max(lettering.measure(part, hand, height) for part in lines)
        text_tall = len(lines) * lettering.leading(height) - height * 0.42
        roomy = style.balloon == "squarish" and not (loud or thought)
        wide, tall = text_wide * (1.0 if roomy else 1.26) + 15, text_tall * (1.0 if roomy else 1.3) + 14
        rect = _spot(rng, canvas, wide, tall, mouth[0], faces, taken)
        if rect:
            break
    else:
        return None
    x, y = (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2
    shape = _outline(rng, style, x, y, wide / 2, tall / 2, loud, thought)
    ink = style.pen.ink
    line_width = max(0.9, style.pen.width * (1.25 if loud else 0.8))
    tail = _thoughts(x, y, tall, mouth) if thought else [_tail(x, y, wide, tall, mouth)]
    middle = np.array([x, y])
    for part in tail:
        canvas.fill(_grown(part, line_width), ink, code)
    canvas.fill(middle + (shape - middle) * (1 + 2 * line_width / np.array([wide, tall])), ink, code)
    for part in tail:
        canvas.fill(part, WHITE)
    canvas.fill(shape, WHITE)
    lettering.write(canvas, lines, x, y - text_tall / 2, height, hand, ink)
    taken.append(rect)
    whole = np.concatenate([shape, *tail])
    return Text(
        "dialogue",
        line,
        (x - text_wide / 2, y - text_tall / 2, x + text_wide / 2, y + text_tall / 2),
        _rect(whole),
        code,
        speaker,
    )


def _rect(points: Points) -> Rect:
    x0, y0 = points.min(axis=0).tolist()
    x1, y1 = points.max(axis=0).tolist()
    return x0, y0, x1, y1


def _grown(points: Points, by: float) -> Points:
    middle = points.mean(axis=0)
    away = points - middle
    length = np.hypot(away[:, 0], away[:, 1])[:, None]
    return points + away / np.maximum(length, 1e-6) * by * 1.5


def _outline(rng: Random, style: Style, x: float, y: float, rx: float, ry: float, loud: bool, thought: bool) -> Points:
    if loud:
        angle = np.linspace(0, 2 * np.pi, 33)[:-1] + rng.uniform(-0.05, 0.05)
        radius = np.array([1.0 if k % 2 else rng.uniform(1.14, 1.3) for k in range(32)])
        return np.stack([x + np.cos(angle) * rx * radius, y + np.sin(angle) * ry * radius], axis=1)
    if thought or style.balloon == "bumpy":
        count = 11 if thought else 7
        angle = np.linspace(0, 2 * np.pi, count * 4 + 1)[:-1]
        bump = (0.1 if thought else 0.045) * np.abs(np.sin(angle * count / 2))
        return np.stack([x + np.cos(angle) * rx * (0.96 + bump), y + np.sin(angle) * ry * (0.96 + bump)], axis=1)
    return superellipse(x, y, rx, ry, 4.5 if style.balloon == "squarish" else 2.3)


def _tail(x: float, y: float, wide: float, tall: float, mouth: tuple[float, float]) -> Points:
    aim = np.array([mouth[0] - x, mouth[1] - y])
    length = float(np.hypot(*aim)) or 1.0
    edge = 1 / max(abs(aim[0]) / (wide / 2), abs(aim[1]) / (tall / 2), 1e-6)
    tip = aim * max(min(0.8, (edge + 26 / length)), min(edge + 8 / length, 0.9))
    side = np.array([-aim[1], aim[0]]) / length * min(6.0, wide * 0.1)
    root = aim * min(edge * 0.75, 0.6)
    bend = side * 0.6
    return smooth(np.array([root - side, (root + tip) / 2 - side * 0.5 + bend, tip, (root + tip) / 2 + side * 0.45 + bend, root + side]), closed=False, per=3) + (x, y)  # fmt: skip


def _thoughts(x: float, y: float, tall: float, mouth: tuple[float, float]) -> list[Points]:
    aim = np.array([mouth[0] - x, mouth[1] - y])
    length = float(np.hypot(*aim)) or 1.0
    start = min(tall * 0.62 / length, 0.6)
    spots = [start, (start + 0.85) / 2, 0.85]
    return [ellipse(x + aim[0] * s, y + aim[1] * s, r, r * 0.8, 14) for s, r in zip(spots, (5.0, 3.5, 2.2))]


def tell(canvas: Canvas, style: Style, line: str, code: int, taken: list[Rect]) -> Text | None:
    """A caption at the top left (or the bottom right where that is taken)."""
    hand, height = style.letters, style.letters.height
    lines = lettering.wrapped(line, hand, height, canvas.width * 0.55)
    wide = max(lettering.measure(part, hand, height) for part in lines)
    tall = len(lines) * lettering.leading(height) - height * 0.42
    if wide + 16 > canvas.width:
        return None
    for x, y in ((3.0, 3.0), (canvas.width - wide - 15, canvas.height - tall - 15)):
        rect = (x, y, x + wide + 12, y + tall + 12)
        if not any(_overlap(rect, other) for other in taken):
            break
    else:
        return None
    canvas.shape(box(*rect), style.caption, style.pen.scaled(0.8), code)
    lettering.write(canvas, lines, (rect[0] + rect[2]) / 2, rect[1] + 6, height, hand, style.pen.ink)
    taken.append(rect)
    return Text("narration", line, (rect[0] + 6, rect[1] + 6, rect[2] - 6, rect[3] - 6), rect, code, None)


def ring_out(
    canvas: Canvas, rng: Random, style: Style, word: str, code: int, faces: list[Rect], taken: list[Rect]
) -> Text | None:
    """A sound word in big letters, sometimes on a jagged star."""
    height = min(canvas.height * rng.uniform(0.15, 0.24), canvas.width / len(word) * 1.0)
    angle = rng.uniform(-0.3, 0.3)
    wide, tall = height * 0.85 * len(word), height * 1.5
    rect = _spot(rng, canvas, wide, tall, rng.random() * canvas.width, faces, taken)
    if rect is None or height < 10:
        return None
    x, y = (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2
    bright = style.palette.accent if not style.mono else WHITE
    if rng.random() < 0.5:
        turn = np.linspace(0, 2 * np.pi, 25)[:-1]
        radius = np.array([0.72 if k % 2 else rng.uniform(0.95, 1.25) for k in range(24)])
        star = np.stack([x + np.cos(turn) * wide * 0.62 * radius, y + np.sin(turn) * tall * 0.72 * radius], axis=1)
        canvas.shape(star, mix(bright, WHITE, 0.5), style.pen, code)
    corners = lettering.big_word(canvas, word, x, y, height, angle, [style.pen.ink, WHITE, style.palette.cloths[0]])
    canvas.mark(corners, code)
    taken.append(rect)
    return Text("sound", word, _rect(corners), None, code, None)
