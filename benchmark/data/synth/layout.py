"""The division of a page: tiers and columns with gutters, slanted cuts, splash panels and insets."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import numpy as np

from inkbench.benchmark.data.synth.curves import Points, box
from inkbench.benchmark.data.synth.style import Style


@dataclass(frozen=True, slots=True)
class Frame:
    """One panel on the page: its corners in page pixels (clockwise from the top left), whole for rectangles."""

    corners: Points
    inset: bool = False

    def bounds(self) -> tuple[int, int, int, int]:
        """Return x0, y0, x1, y1, right and bottom exclusive."""
        x0, y0 = np.floor(self.corners.min(axis=0)).astype(int).tolist()
        x1, y1 = np.ceil(self.corners.max(axis=0)).astype(int).tolist()
        return x0, y0, x1, y1

    def rectangular(self) -> bool:
        """Return whether its sides are upright."""
        return bool(np.ptp(self.corners[[0, 3], 0]) < 1 and np.ptp(self.corners[[1, 2], 0]) < 1)


class Tier(NamedTuple):
    """A row of panels on the page, in pixels: its left and top, and how wide and tall it is."""

    x: float
    y: float
    wide: float
    tall: float


TIERS = ((2, 2), (1, 2, 2), (2, 1, 2), (2, 2, 2), (3, 2, 2), (2, 3, 2), (2, 2, 3), (1, 3, 2), (2, 2, 2, 2), (3, 3, 2),
         (3, 3, 3), (2, 3, 2, 1), (1, 2, 3), (2, 1, 3, 2), (1, 2, 1, 2), (2, 3, 3))  # fmt: skip


def make_layout(rng: Random, width: int, height: int, style: Style, most: int) -> list[Frame]:
    """Make the frames of a page in reading order, insets right after the panel they lie in."""
    margin, gutter = round(width * 0.035), style.gutter
    choices = [tiers for tiers in TIERS if sum(tiers) <= most]
    tiers = list(rng.choice(choices or [(1, 1)]))
    if len(tiers) > 2 and rng.random() < 0.12:
        tiers[rng.randrange(2)] = 1
    shares = [rng.uniform(0.8, 1.25) * (1.35 if count == 1 else 1.0) for count in tiers]
    room = height - 2 * margin - gutter * (len(tiers) - 1)
    frames: list[Frame] = []
    y = float(margin)
    for count, share in zip(tiers, shares):
        tall = room * share / sum(shares)
        frames += _tier(rng, Tier(margin, y, width - 2 * margin, tall), count, style)
        y += tall + gutter
    total = len(frames)
    largest = max(range(total), key=lambda k: float(np.ptp(frames[k].corners[:, 0]) * np.ptp(frames[k].corners[:, 1])))
    if total < most and rng.random() < 0.18 and frames[largest].rectangular():
        frames.insert(largest + 1, _inset(rng, frames[largest]))
    return frames


def _tier(rng: Random, tier: Tier, count: int, style: Style) -> list[Frame]:
    x, y, wide, tall = tier
    gutter = style.gutter
    parts = [rng.uniform(0.75, 1.3) for _ in range(count)]
    room = wide - gutter * (count - 1)
    cuts, at = [], x
    for part in parts[:-1]:
        at += room * part / sum(parts)
        lean = rng.uniform(-0.16, 0.16) * min(tall, room / count) if rng.random() < style.slanted else 0.0
        cuts.append((at, lean))
        at += gutter
    frames = []
    left = [(x, 0.0), *((cut + gutter, lean) for cut, lean in cuts)]
    right = [*cuts, (x + wide, 0.0)]
    for (x0, lean0), (x1, lean1) in zip(left, right):
        corners = np.array([(x0 + lean0, y), (x1 + lean1, y), (x1 - lean1, y + tall), (x0 - lean0, y + tall)])
        frames.append(Frame(np.round(corners)))
    return frames


def _inset(rng: Random, host: Frame) -> Frame:
    x0, y0, x1, y1 = host.bounds()
    wide, tall = (x1 - x0) * rng.uniform(0.28, 0.36), (y1 - y0) * rng.uniform(0.34, 0.44)
    right, low = rng.random() < 0.5, rng.random() < 0.7
    x = x1 - wide - 10 if right else x0 + 10
    y = y1 - tall - 10 if low else y0 + 10
    return Frame(np.round(box(x, y, x + wide, y + tall)), inset=True)
