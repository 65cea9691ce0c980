"""PASCAL VOC's colours for label images."""

from __future__ import annotations

import numpy as np


def colours(count: int = 256) -> np.ndarray:
    """Return PASCAL VOC's label colours, uint8 (count, 3): a label's bits dealt out to red, green and blue."""
    labels = np.arange(count)
    made = np.zeros((count, 3), dtype=np.uint8)
    for level in range(8):
        for channel in range(3):
            made[:, channel] |= (((labels >> (3 * level + channel)) & 1) << (7 - level)).astype(np.uint8)
    return made
