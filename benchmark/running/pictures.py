"""Pictures of a run, for people who would rather look."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from inkbench.benchmark.store.files import write_result


def save_pictures(folder: Path, pictures: Mapping[str, np.ndarray]) -> None:
    """Write uint8 (H, W, 3) arrays as ``folder/NAME.png``."""
    for name, array in pictures.items():
        buffer = io.BytesIO()
        Image.fromarray(array).save(buffer, "PNG")
        write_result(folder / f"{name}.png", buffer.getvalue())
