"""Label images: a class (or an instance) number for each pixel, from palette or grey files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from inkbench.benchmark.data import by_rows
from inkbench.benchmark.data.grey_map import single_channel
from inkbench.benchmark.data.images import BadImage, opened, upright
from inkbench.benchmark.drawing.palette import colours

LOSSY = frozenset({"JPEG", "MPO"})
MEND = "a label image is a palette or grey file that holds class numbers"


def read_labels(path: Path) -> np.ndarray:
    """Read the numbers of a label image as uint8 (h, w): a palette's indices, or grey values. Raises BadImage.

    Channels that are all alike are grey, and a transparency that is the same everywhere is none. A file in colours is
    no label image: which number a colour means is not in it; nor is a JPEG, whose edges have numbers that nobody drew.
    """
    return opened(path, lambda image: _labels(path, image))


def _labels(path: Path, image: Image.Image) -> np.ndarray:
    if image.format in LOSSY:
        raise BadImage(path, "is a JPEG, which changes the numbers; save label images as PNG")
    single_channel(path, image)
    shown = upright(image)
    if shown.mode in ("P", "L"):
        return by_rows.pixels(shown)
    if shown.mode == "1":
        return by_rows.pixels(shown).astype(np.uint8)
    if shown.mode.startswith("I") or shown.mode == "F":
        return _whole(path, by_rows.pixels(shown))
    if shown.mode in ("LA", "RGB", "RGBA"):
        channels = by_rows.pixels(shown)
        values, opacity = channels[..., :-1], channels[..., -1:]
        if shown.mode == "RGB":
            values, opacity = channels, channels[:1, :1, :1]
        if opacity.min() == opacity.max() and (values == values[..., :1]).all():
            return values[..., 0].copy()
        if opacity.min() != opacity.max():
            raise BadImage(path, f"is {shown.mode} with transparent pixels, whose class is unknown; {MEND}")
    raise BadImage(path, f"is {shown.mode}; {MEND}")


def _whole(path: Path, values: np.ndarray) -> np.ndarray:
    """Read label numbers of more than 8 bits. Raises BadImage."""
    whole = np.isfinite(values).all() and (values == np.floor(values)).all()
    if not whole or values.min() < 0 or values.max() > 255:
        wrong = float(values.max()) if whole else "numbers that are not whole"
        told = f"label {wrong:g}" if isinstance(wrong, float) else wrong
        raise BadImage(path, f"has {told}; labels are 0 to 254, and 255 for void")
    return values.astype(np.uint8)


def save_labels(labels: np.ndarray, path: Path) -> None:
    """Write labels uint8 (h, w) as a palette PNG in VOC's colours, as the devkit has them."""
    image = Image.fromarray(labels)
    image.putpalette(colours().ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, compress_level=1)
