"""Feature maps averaged down to at most so many values a stage, for probes that read whole maps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d


def cells(channels: int, side: int, most: int) -> int:
    """Return the cells a side of the largest grid that a map of ``side`` can have with at most ``most`` values.

    After Zhang, Isola & Efros, Colorful Image Colorization (ECCV 2016), section 3.2, where maps of every layer are
    resized so that each has about 9,000 values.
    """
    return max(1, min(side, math.isqrt(most // channels)))


def pooled(features: Sequence[Tensor], most: int) -> list[Tensor]:
    """Average each map (B, C, s, s) to (B, C, g, g), ``g`` by ``cells``; a map that is small enough stays as it is."""
    made = []
    for level in features:
        grid = cells(level.shape[1], level.shape[-1], most)
        made.append(level if grid == level.shape[-1] == level.shape[-2] else adaptive_avg_pool2d(level, grid))
    return made
