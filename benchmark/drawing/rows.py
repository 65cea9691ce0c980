"""A sheet of images: one row an example, one named column a stage of what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

SIDE = 112
MARGIN = 6
CAPTION = 22


def draw_rows(columns: Mapping[str, Tensor]) -> np.ndarray:
    """``columns`` name -> float (N, 3, h, w) in [0, 1], clamped; gives uint8 (H, W, 3)."""
    count = len(next(iter(columns.values())))
    step = SIDE + MARGIN
    sheet = Image.new("RGB", (len(columns) * step + MARGIN, CAPTION + count * step + MARGIN), (255, 255, 255))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for column, (name, images) in enumerate(columns.items()):
        left = MARGIN + column * step
        draw.text((left, 4), name, fill=(30, 30, 30), font=font)
        pixels = (images.detach().float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        for row, image in enumerate(pixels):
            small = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            sheet.paste(small, (left, CAPTION + row * step))
    return np.asarray(sheet)
