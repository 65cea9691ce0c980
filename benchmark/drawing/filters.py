"""The first layer as a sheet of its filters: what a network looks for in pixels, as Noroozi & Favaro show theirs."""

from __future__ import annotations

import numpy as np
from PIL import Image
from torch import nn

from inkbench.benchmark.drawing.places import mosaic
from inkbench.benchmark.drawing.sheet import Place, Sheet

MOST = 96
SIDE = 36
GAP = 3
ROW = 12


def first_filters(network: nn.Module) -> np.ndarray | None:
    """Return the first convolution's weights for three channels, float (N, 3, h, w); None where there is none.

    Of a vision transformer that is its patch embedding.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.in_channels == 3 and module.groups == 1:
            return module.weight.detach().float().cpu().numpy()
    return None


def draw_filters(weights: np.ndarray) -> np.ndarray:
    """Draw the first ``MOST`` filters of (N, 3, h, w) in a grid, uint8 (H, W, 3).

    Grey is zero and each filter has a scale of its own, so that a weak one can be seen: sizes cannot be compared.
    """
    shown = weights[:MOST]
    count = f"the first {MOST} of {len(weights)} filters" if len(weights) > MOST else f"{len(weights)} filters"
    sheet = Sheet(footnote=f"{count} of the first layer; grey: zero; each in a scale of its own")
    sheet.row([Place(mosaic([_tile(one) for one in shown], ROW, GAP), frame=None)])
    return sheet.pixels


def _tile(weights: np.ndarray) -> np.ndarray:
    """Draw one filter (3, h, w) as colours."""
    scaled = weights / max(float(np.abs(weights).max()), 1e-12)
    pixels = ((scaled.transpose(1, 2, 0) + 1) * 127.5).round().astype(np.uint8)
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.NEAREST))
