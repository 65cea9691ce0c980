"""Small image files that tests of the data room draw."""

from pathlib import Path

import numpy as np
from PIL import Image


def noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Smooth colours, uint8 (height, width, 3): survives JPEG and resizing."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (max(2, height // 16), max(2, width // 16), 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def draw(path: Path, width: int = 40, height: int = 30, seed: int = 0) -> Path:
    """Write ``noise`` to ``path``, whose suffix names the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(width, height, seed)).save(path)
    return path


def write(path: Path, text: str) -> Path:
    """Write a text file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
