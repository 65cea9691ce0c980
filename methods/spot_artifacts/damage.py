"""Spatial dropout with local averages: how artifacts come into an encoded image (Jenni & Favaro 2018, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d


def draw_mask(n: int, grid: int, rate: float, generator: torch.Generator, exact: bool = False) -> Tensor:
    """Draw Omega, float (n, 1, grid, grid): 1 where a position is kept, 0 where dropped with probability ``rate``.

    ``exact``: every mask drops the same share (at least one position, and not all), so that each has both kinds.
    """
    uniform = torch.rand(n, grid * grid, generator=generator, device=generator.device)
    if exact:
        count = min(max(round(rate * grid * grid), 1), grid * grid - 1)
        uniform = uniform.argsort(1).argsort(1).float()
        return (uniform >= count).float().view(n, 1, grid, grid)
    return (uniform >= rate).float().view(n, 1, grid, grid)


def damage(features: Tensor, mask: Tensor) -> Tensor:
    """Compute phi^ = Omega phi + (1 - Omega)(u * phi): dropped positions become the 3 x 3 average around them.

    ``features`` (N, C, g, g), ``mask`` (N, 1, g, g), one for all channels. At the border the average is of what lies
    inside. Kept positions stay bit for bit.
    """
    around = avg_pool2d(features, 3, stride=1, padding=1, count_include_pad=False)
    return torch.where(mask > 0, features, around)
