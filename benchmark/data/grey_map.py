"""Grey saliency maps from image files of any kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.data.images import decode


def read_map(path: Path) -> np.ndarray:
    """A map as uint8 (h, w), more is more salient; colours become luma (ITU-R 601), 16 bits become 8. Raises BadImage.

    An 8-bit grey file comes back value for value.
    """
    return np.asarray(decode(path).image.convert("L"))
