"""Hair and hats in head coordinates: chin at y = 0.5, crown at y = -0.5, looking to the right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inkbench.benchmark.data.synth.cast import Character
from inkbench.benchmark.data.synth.curves import Points, box, ellipse, smooth

Shapes = list[Points]


def _arc(width: float, volume: float, start: float, end: float, count: int = 11, lift: float = 0.0) -> Points:
    angle = np.linspace(start, end, count)
    return np.stack([(width + volume) * np.cos(angle), -(0.5 + volume) * np.sin(angle) - lift], axis=1)


def _spiked(arc: Points, out: float, inner: float = 1.0) -> Points:
    factor = np.where(np.arange(len(arc)) % 2 == 0, inner, 1 + out)
    return arc * factor[:, None]


def _cap(w: float, volume: float, line: list[tuple[float, float]], low: float = 0.1, lift: float = 0.0) -> Points:
    outer = _arc(w, volume, -low, np.pi + low, lift=lift)
    return smooth(np.concatenate([outer, np.array(line) * (w, 1.0)]), per=3)


PARTED = [
    (-0.98, 0.1),
    (-0.86, -0.16),
    (-0.5, -0.38),
    (-0.38, -0.4),
    (0.1, -0.27),
    (0.6, -0.2),
    (0.9, -0.12),
    (0.98, 0.1),
]
FRINGE = [
    (-0.98, 0.12),
    (-0.9, -0.08),
    (-0.6, -0.13),
    (-0.2, -0.16),
    (0.2, -0.15),
    (0.6, -0.12),
    (0.9, -0.08),
    (0.98, 0.12),
]
HIGH = [
    (-0.98, 0.12),
    (-0.9, -0.1),
    (-0.78, -0.28),
    (-0.4, -0.4),
    (0.0, -0.36),
    (0.4, -0.4),
    (0.78, -0.28),
    (0.98, 0.12),
]
MIDDLE = [(-0.98, 0.2), (-0.85, -0.12), (-0.4, -0.3), (0.02, -0.43), (0.45, -0.3), (0.86, -0.12), (0.98, 0.2)]


def _zigzag(w: float) -> list[tuple[float, float]]:
    del w
    steps = np.linspace(-0.95, 0.95, 9)
    return [(float(x), -0.08 if k % 2 else -0.26) for k, x in enumerate(steps)]


def back_hair(who: Character) -> Shapes:
    """Return the hair that hangs behind the head, drawn before it; not part of the face."""
    w = who.face_width
    wave = np.array([(-1.2, -0.2), (-1.32, 0.25), (-1.25, 0.7), (-0.95, 0.95), (-0.4, 0.86), (0.1, 0.95)])
    makers: dict[str, Callable[[], Shapes]] = {
        "long": lambda: [smooth(np.concatenate([_arc(w, 0.1, 0, np.pi, 7), _wall(w, 0.78)]), per=4)],
        "flowing": lambda: [
            smooth(np.concatenate([_arc(w, 0.14, 0, np.pi, 7), wave * (w, 1), np.array([(w * 0.9, 0.5)])]), per=4)
        ],
        "bob": lambda: [smooth(np.concatenate([_arc(w, 0.12, 0, np.pi, 7), _wall(w, 0.36)]), per=4)],
        "bangs": lambda: [smooth(np.concatenate([_arc(w, 0.07, 0, np.pi, 7), _wall(w, 0.55)]), per=4)],
        "ponytail": lambda: [
            smooth(
                np.array([(-w * 0.8, -0.3), (-w - 0.28, -0.28), (-w - 0.42, 0.1), (-w - 0.25, 0.55), (-w - 0.2, 0.1)])
            )
        ],
        "twin": lambda: [_tail(w, side) for side in (-1.0, 1.0)],
        "afro": lambda: [smooth(_spiked(_arc(w, 0.34, -0.7, np.pi + 0.7, 23), 0.07), per=3)],
        "curly": lambda: [smooth(_spiked(_arc(w, 0.15, -0.75, np.pi + 0.75, 17), 0.1), per=3)],
        "bun": lambda: [ellipse(-w * 0.2, -0.62, 0.2, 0.18)],
    }
    return makers[who.hair]() if who.hair in makers else []


def _wall(w: float, bottom: float) -> Points:
    right = [(0.4, bottom + 0.05), (1.2, bottom), (1.28, bottom * 0.6)]
    return np.array([(-x, y) for x, y in right[::-1]] + right) * (w, 1.0)


def _tail(w: float, side: float) -> Points:
    points = np.array([(0.95, -0.2), (1.35, -0.34), (1.95, -0.1), (2.0, 0.35), (1.6, 0.72), (1.45, 0.3), (1.2, 0.05)])
    return smooth(points * (w * side, 1.0))


def front_hair(who: Character, yaw: float) -> Shapes:
    """Return the hair over the forehead and crown, drawn over the face."""
    w = who.face_width
    hair = who.hair
    if hair == "bald":
        return []
    if hair == "mohawk":
        crest = np.concatenate([_spiked(_arc(w * 0.2, 0.3, 0.1, np.pi - 0.1, 9), 0.18), [(-0.1, -0.3), (0.1, -0.3)]])
        return [crest + np.array([yaw * 0.05, 0.02])]
    if hair == "spiky":
        arc = _spiked(_arc(w, 0.1, -0.1, np.pi + 0.1, 15), 0.3)
        return [np.concatenate([arc, np.array(_zigzag(w)) * (w, 1)])]
    if hair == "quiff":
        arc = _arc(w, 0.05, -0.1, np.pi + 0.1)
        arc = arc + np.exp(-((arc[:, :1] - w * 0.45) ** 2) / 0.05) * np.array([(0.08, -0.22)])
        return [smooth(np.concatenate([arc, np.array(HIGH) * (w, 1)]), per=3)]
    if hair == "receding":
        return [
            smooth(
                np.array(
                    [(-w * 0.98, 0.12), (-w * 1.12, -0.05), (-w * 1.0, -0.34), (-w * 0.72, -0.4), (-w * 0.86, -0.15)]
                )
            ),
            smooth(
                np.array([(w * 0.98, 0.12), (w * 1.1, -0.05), (w * 0.98, -0.32), (w * 0.8, -0.36), (w * 0.86, -0.15)])
            ),
        ]
    lines = {
        "bangs": FRINGE,
        "bob": FRINGE,
        "buzz": HIGH,
        "long": MIDDLE,
        "flowing": PARTED,
        "twin": MIDDLE,
        "bun": HIGH,
    }
    volume = {"buzz": 0.015, "bob": 0.1, "bangs": 0.07, "flowing": 0.1, "long": 0.07, "afro": 0.12, "curly": 0.1}
    cap = _cap(w, volume.get(hair, 0.055), lines.get(hair, PARTED), low=0.2 if hair == "bob" else 0.1)
    return [cap + np.array([yaw * 0.03, 0.0])]


def hat_shapes(who: Character) -> list[tuple[Points, int]]:
    """Return the hat's parts from back to front, each with 0 (the hat's colour) or 1 (its band's)."""
    w = who.face_width
    crown = _arc(w, 0.1, 0.28, np.pi - 0.28, 9)
    if who.hat == "cap":
        peak = np.array([(w * 0.2, -0.2), (w * 1.1, -0.26), (w * 1.75, -0.14), (w * 1.7, -0.06), (w * 0.9, -0.13)])
        return [
            (smooth(np.concatenate([crown, [(-w * 1.1, -0.13), (0, -0.2), (w * 1.1, -0.16)]]), per=3), 0),
            (smooth(peak), 1),
        ]
    if who.hat == "fedora":
        dented = [(-0.95, -0.26), (-0.85, -0.7), (-0.3, -0.8), (0, -0.72), (0.35, -0.8), (0.85, -0.68), (0.95, -0.26)]
        top = np.array(dented) * (w, 1.0)
        return [
            (ellipse(0, -0.24, w * 1.75, 0.1), 0),
            (smooth(top, per=4), 0),
            (box(-w * 0.93, -0.4, w * 0.93, -0.26), 1),
        ]
    if who.hat == "top hat":
        return [
            (ellipse(0, -0.28, w * 1.6, 0.08), 0),
            (np.array([(-w * 0.9, -0.27), (-w, -1.0), (w, -1.0), (w * 0.9, -0.27)]), 0),
            (box(-w * 0.91, -0.42, w * 0.91, -0.29), 1),
        ]
    if who.hat == "beanie":
        rim = [(-1.14, -0.14), (-1.14, -0.28), (0, -0.34), (1.14, -0.28), (1.14, -0.14), (0, -0.2)]
        return [
            (smooth(np.concatenate([crown * (1, 1.12), [(-w, -0.2), (w, -0.2)]]), per=3), 0),
            (smooth(np.array(rim) * (w, 1.0)), 1),
            (ellipse(0, -0.7, 0.1, 0.1), 1),
        ]
    if who.hat == "beret":
        flat = [(-0.95, -0.3), (-1.6, -0.42), (-1.3, -0.66), (0, -0.68), (0.9, -0.52), (0.98, -0.28), (0, -0.34)]
        return [(smooth(np.array(flat) * (w, 1.0)), 0), (box(-0.02, -0.75, 0.03, -0.66), 0)]
    if who.hat == "headband":
        ring = [(-1.05, -0.16), (-1.08, -0.3), (0, -0.36), (1.08, -0.3), (1.05, -0.16), (0, -0.22)]
        return [(smooth(np.array(ring) * (w, 1.0)), 1)]
    if who.hat == "helmet":
        dome = smooth(
            np.concatenate([_arc(w, 0.14, -0.05, np.pi + 0.05, 9), [(-w * 0.9, -0.16), (w * 0.9, -0.16)]]), per=3
        )
        return [(dome, 0), (box(-0.05, -0.64, 0.05, -0.16), 1)]
    if who.hat == "cone":
        cone = np.array([(-0.95, -0.28), (0.1, -1.15), (0.95, -0.28), (0, -0.2)]) * (w, 1.0)
        return [(cone, 0), (ellipse(w * 0.1, -1.12, 0.08, 0.08), 1)]
    if who.hat == "crown":
        zig = [
            (-w, -0.3),
            (-w * 1.05, -0.66),
            (-w * 0.5, -0.48),
            (0, -0.74),
            (w * 0.5, -0.48),
            (w * 1.05, -0.66),
            (w, -0.3),
        ]
        return [(np.array(zig), 1)]
    return []
