"""A location that the panels of a scene share, and how one of them sees it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np

from inkbench.benchmark.data.synth.canvas import Canvas, Colour, mix
from inkbench.benchmark.data.synth.curves import Points, smooth
from inkbench.benchmark.data.synth.style import WHITE, Style


@dataclass(frozen=True, slots=True)
class Place:
    """A location that the panels of a scene share; ``seed`` fixes its furniture, ``tint`` its light."""

    kind: str
    seed: int
    sky: int
    wall: int
    tint: tuple[Colour, float]


@dataclass(frozen=True, slots=True)
class View:
    """The view that the painters of a background share."""

    canvas: Canvas
    style: Style
    rng: Random
    w: int
    h: int
    horizon: float
    zoom: float
    shift: float
    place: Place

    def lit(self, colour: Colour) -> Colour:
        """Return a colour in the light of this place."""
        return mix(colour, *self.place.tint)

    def object(self, points: Points, colour: Colour, line: float = 0.6, size: float = 0.0) -> None:
        """Draw an inked thing of the background, in a thinner line than the figures."""
        self.canvas.shape(points, self.lit(colour), self.style.pen.scaled(line), size=size)

    def sky(self, colour: Colour) -> None:
        """Draw the sky, a little paler towards the horizon."""
        low = mix(colour, WHITE, 0.45)
        steps = 5
        for k in range(steps):
            y0, y1 = self.horizon * k / steps, self.horizon * (k + 1) / steps
            self.canvas.rectangle(0, y0, self.w, y1 + 1, self.lit(mix(colour, low, k / steps)))

    def cloud(self, x: float, y: float, size: float) -> None:
        """Draw a cloud of bumps over a flat base."""
        bumps = [(-1, 0), (-0.95, -0.35), (-0.5, -0.4), (-0.3, -0.75), (0.2, -0.7), (0.4, -0.4), (0.85, -0.4), (1, 0)]
        self.object(smooth(np.array(bumps) * size + (x, y), per=5), WHITE)
