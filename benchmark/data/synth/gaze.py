"""Simulated viewers: where they look on a page, panel by panel, and the blurred map of it. No person was measured."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np

MAP_SIDE = 256
BLUR = 20.0
"""Standard deviation of the map's blur, in pixels of a page 600 wide."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that draws eyes, in page pixels; ``spread`` is the standard deviation of looks at it."""

    x: float
    y: float
    weight: float
    spread_x: float
    spread_y: float
    dwell: float


def look(
    rng: Random, panels: list[tuple[tuple[int, int, int, int], list[Target]]], width: int, height: int
) -> list[tuple[float, float, int]]:
    """Return the fixations of one viewer on a page, in order: x and y in 0-based pixels, duration in ms.

    The first look lands near the page's middle; then panels in reading order, few skipped, some gone back to;
    in each the strongest of its targets (faces, lettering, movement, else the middle) with scatter.
    """
    path = [(width / 2 + rng.gauss(0, width * 0.08), height / 2 + rng.gauss(0, height * 0.08), _duration(rng, 1.0))]
    order = [k for k in range(len(panels)) if rng.random() > 0.06]
    for k in order:
        visits = [k] if k == 0 or rng.random() > 0.07 else [k - 1, k]
        for index in visits:
            path += _visit(rng, *panels[index], short=index != k)
    return [(min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0), d) for x, y, d in path]


def _visit(
    rng: Random, rect: tuple[int, int, int, int], targets: list[Target], short: bool
) -> list[tuple[float, float, int]]:
    x0, y0, x1, y1 = rect
    middle = Target((x0 + x1) / 2, y0 + (y1 - y0) * 0.45, 0.8, (x1 - x0) * 0.14, (y1 - y0) * 0.14, 0.95)
    options = [middle, *targets]
    count = 1 if short else min(1 + rng.choice((0, 1, 1, 2, 2, 3)) + len(targets) // 4, 6)
    chosen = rng.choices(options, [target.weight for target in options], k=count)
    if rng.random() < 0.6:
        chosen.sort(key=lambda target: target.y)
    return [(t.x + rng.gauss(0, t.spread_x), t.y + rng.gauss(0, t.spread_y), _duration(rng, t.dwell)) for t in chosen]


def _duration(rng: Random, factor: float) -> int:
    return round(min(max(rng.lognormvariate(5.36, 0.38) * factor, 60), 1200))


def density(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """Blur (k, 2) fixations in 0-based pixels to a map of MAP_SIDE squared (the page squashed), uint8, most 255."""
    from scipy.ndimage import gaussian_filter  # slow to import, and most commands only read what is drawn

    grid = np.zeros((MAP_SIDE, MAP_SIDE))
    column = np.clip(((points[:, 0] + 0.5) * MAP_SIDE / width).astype(int), 0, MAP_SIDE - 1)
    row = np.clip(((points[:, 1] + 0.5) * MAP_SIDE / height).astype(int), 0, MAP_SIDE - 1)
    np.add.at(grid, (row, column), 1.0)
    sigma = BLUR * width / 600
    blurred = gaussian_filter(
        grid, (sigma * MAP_SIDE / height, sigma * MAP_SIDE / width), mode="constant", truncate=3.5
    )
    grey: np.ndarray = np.round(blurred * (255 / blurred.max())).astype(np.uint8)
    return grey
