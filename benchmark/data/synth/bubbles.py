"""Outlines of balloons and their tails."""

from __future__ import annotations

from random import Random

import numpy as np

from inkbench.benchmark.data.synth.curves import Points, ellipse, smooth, superellipse
from inkbench.benchmark.data.synth.style import Style

Spot = tuple[float, float]


def outline(rng: Random, style: Style, centre: Spot, radii: Spot, loud: bool, thought: bool) -> Points:
    """Return a balloon's outline: jagged for a shout, cloudy for a thought, else the series' own form."""
    if loud:
        angle = np.linspace(0, 2 * np.pi, 33)[:-1] + rng.uniform(-0.05, 0.05)
        spikes = np.array([0.0 if k % 2 else rng.uniform(0.22, 0.48) for k in range(32)]) * min(radii)
        return _around(angle) * (np.array(radii) + spikes[:, None]) + centre
    if thought or style.balloon == "bumpy":
        count = 11 if thought else 7
        angle = np.linspace(0, 2 * np.pi, count * 4 + 1)[:-1]
        bumps = 0.96 + (0.1 if thought else 0.045) * np.abs(np.sin(angle * count / 2))
        return _around(angle) * bumps[:, None] * radii + centre
    return superellipse(*centre, *radii, 4.5 if style.balloon == "squarish" else 2.3)


def _around(angle: np.ndarray) -> Points:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def tail(centre: Spot, wide: float, tall: float, mouth: Spot) -> Points:
    """Return a bent spike from inside a balloon towards a mouth."""
    aim = np.array(mouth) - centre
    length = float(np.hypot(*aim)) or 1.0
    edge = 1 / max(abs(aim[0]) / (wide / 2), abs(aim[1]) / (tall / 2), 1e-6)
    tip = aim * max(min(0.8, (edge + 26 / length)), min(edge + 8 / length, 0.9))
    side = np.array([-aim[1], aim[0]]) / length * min(6.0, wide * 0.1)
    root = aim * min(edge * 0.75, 0.6)
    half = (root + tip) / 2
    way = np.array([root - side, half + side * 0.1, tip, half + side * 1.05, root + side])
    outline: np.ndarray = smooth(way, closed=False, per=3) + np.array(centre)
    return outline


def thoughts(centre: Spot, tall: float, mouth: Spot) -> list[Points]:
    """Return three bubbles on the way to a thinking head."""
    aim = np.array(mouth) - centre
    length = float(np.hypot(*aim)) or 1.0
    start = min(tall * 0.62 / length, 0.6)
    spots = [np.array(centre) + aim * share for share in (start, (start + 0.85) / 2, 0.85)]
    return [ellipse(x, y, r, r * 0.8, 14) for (x, y), r in zip(spots, (5.0, 3.5, 2.2))]


def grown(points: Points, by: float) -> Points:
    """Enlarge a shape by ``by`` pixels all around, about."""
    away = points - points.mean(axis=0)
    length = np.hypot(away[:, 0], away[:, 1])[:, None]
    moved: np.ndarray = points + away / np.maximum(length, 1e-6) * by * 1.5
    return moved
