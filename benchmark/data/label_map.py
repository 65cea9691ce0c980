"""Label images: a class (or an instance) number for each pixel, from palette or grey files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.data.images import BadImage, decoding


def read_labels(path: Path) -> np.ndarray:
    """The numbers of a label image as uint8 (h, w): a palette's indices, or grey values. Raises BadImage.

    A file in colours (RGB) is no label image: which number a colour means is not in it.
    """
    with decoding(path), Image.open(path) as image:
        image.load()
        if image.mode in ("P", "L"):
            return np.asarray(image)
        if image.mode == "1":
            return np.asarray(image).astype(np.uint8)
        if image.mode.startswith("I"):
            values = np.asarray(image)
            if values.min() < 0 or values.max() > 255:
                raise BadImage(path, f"has label {int(values.max())}; labels are 0 to 254, and 255 for void")
            return values.astype(np.uint8)
        raise BadImage(path, f"is {image.mode}; a label image is a palette or grey file that holds class numbers")


def colours(count: int = 256) -> np.ndarray:
    """PASCAL VOC's colour for each label, uint8 (count, 3): the bits of a label dealt out to red, green and blue."""
    labels = np.arange(count)
    made = np.zeros((count, 3), dtype=np.uint8)
    for level in range(8):
        for channel in range(3):
            made[:, channel] |= (((labels >> (3 * level + channel)) & 1) << (7 - level)).astype(np.uint8)
    return made


def save_labels(labels: np.ndarray, path: Path) -> None:
    """Write labels uint8 (h, w) as a palette PNG in VOC's colours, as the devkit has them."""
    image = Image.fromarray(labels)
    image.putpalette(colours().ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, compress_level=1)
