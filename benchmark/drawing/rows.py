"""A sheet of images: one row an example, one named column a stage of what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from inkbench.benchmark.drawing.places import fit
from inkbench.benchmark.drawing.sheet import Place, Sheet

SIDE = 112


def draw_rows(columns: Mapping[str, Tensor]) -> np.ndarray:
    """Draw ``columns`` name -> float (N, 3, h, w) in [0, 1], clamped, as uint8 (H, W, 3)."""
    sheet = Sheet(list(columns), column=SIDE)
    stages = [_pixels(images) for images in columns.values()]
    for row in zip(*stages, strict=True):
        sheet.row([Place(fit(image, SIDE, SIDE)) for image in row])
    return sheet.pixels


def _pixels(images: Tensor) -> np.ndarray:
    return (images.detach().float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
