"""Plane curves as (n, 2) arrays of pixels: smooth outlines, ribbons of varying width, placement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import cos, pi, sin

import numpy as np

Points = np.ndarray
"""(n, 2) float64, x to the right and y down."""


@cache
def _basis(per: int) -> np.ndarray:
    t = np.arange(per) / per
    return 0.5 * np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], axis=1)


@cache
def _neighbours(count: int, closed: bool) -> np.ndarray:
    index = np.arange(count if closed else count - 1)[:, None] + np.array([-1, 0, 1, 2])
    taken: np.ndarray = index % count if closed else np.clip(index, 0, count - 1)
    return taken


def smooth(points: Points | Sequence[Sequence[float]], closed: bool = True, per: int = 5) -> Points:
    """Return the Catmull-Rom curve through ``points``, ``per`` samples between neighbours."""
    points = np.asarray(points, dtype=np.float64)
    near = points[_neighbours(len(points), closed)]
    curve = (_basis(per)[None, :, :, None] * near[:, None, :, :]).sum(axis=2).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])


def normals(points: Points, closed: bool = True) -> Points:
    """Return unit normals; outward for a closed curve, to the right of the way for an open one."""
    if closed:
        along = np.empty_like(points)
        along[1:-1] = points[2:] - points[:-2]
        along[0], along[-1] = points[1] - points[-1], points[0] - points[-2]
    else:
        along = np.empty_like(points)
        along[1:-1] = points[2:] - points[:-2]
        along[0], along[-1] = points[1] - points[0], points[-1] - points[-2]
    length = np.sqrt(along[:, 0] ** 2 + along[:, 1] ** 2)
    length[length == 0] = 1.0
    normal = np.stack([along[:, 1] / length, -along[:, 0] / length], axis=1)
    if closed and _clockwise(points) < 0:
        normal = -normal
    return normal


def _clockwise(points: Points) -> float:
    x, y = points[:, 0], points[:, 1]
    return float((x[:-1] * y[1:]).sum() - (x[1:] * y[:-1]).sum() + x[-1] * y[0] - x[0] * y[-1])


@cache
def _circle(count: int) -> np.ndarray:
    angle = np.arange(count) * (2 * pi / count)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def ellipse(x: float, y: float, rx: float, ry: float, count: int = 24) -> Points:
    """Return a closed ellipse."""
    return _circle(count) * (rx, ry) + (x, y)


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    """Return the corners of a rectangle."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=np.float64)


def superellipse(x: float, y: float, rx: float, ry: float, power: float, count: int = 40) -> Points:
    """Return a closed superellipse: ``power`` 2 is an ellipse, larger ones go towards a rectangle."""
    unit = _circle(count)
    points: np.ndarray = np.sign(unit) * np.abs(unit) ** (2 / power) * (rx, ry) + (x, y)
    return points


def ribbon(points: Points, widths: Sequence[float] | np.ndarray) -> Points:
    """Return the closed outline of an open line with a width at each point; widths are spread evenly when fewer."""
    wide = np.asarray(widths, dtype=np.float64)
    if len(wide) != len(points):
        wide = np.interp(np.linspace(0, 1, len(points)), np.linspace(0, 1, len(wide)), wide)
    side = normals(points, closed=False) * (wide / 2)[:, None]
    return np.concatenate([points + side, (points - side)[::-1]])


def place(points: Points, x: float, y: float, scale: float = 1.0, angle: float = 0.0, mirror: bool = False) -> Points:
    """Place local points turned by ``angle`` radians (clockwise on the page), scaled and moved to (x, y)."""
    px = -points[:, 0] if mirror else points[:, 0]
    py = points[:, 1]
    c, s = cos(angle) * scale, sin(angle) * scale
    return np.stack([px * c - py * s + x, px * s + py * c + y], axis=1)
