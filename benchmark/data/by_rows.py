"""Large images in strips of rows: as arrays, and converted, without a second and a third copy of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

PIXELS = 4_000_000
"""Of a strip; a smaller image is one strip."""


def strips(image: Image.Image) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first row and the pixels (rows, w) or (rows, w, channels) of every strip of an image."""
    for top, part in _parts(image):
        yield top, np.asarray(part)


def pixels(image: Image.Image) -> np.ndarray:
    """Return the pixels of an image as ``numpy.asarray`` does, which holds all of them three times for a moment."""
    whole = None
    for top, values in strips(image):
        if len(values) == image.height:
            return values
        whole = np.empty((image.height, *values.shape[1:]), values.dtype) if whole is None else whole
        whole[top : top + len(values)] = values
    assert whole is not None
    return whole


def converted(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Return an image whose every strip is what ``convert`` makes of it, as RGB."""
    if image.width * image.height <= PIXELS:
        return convert(image)
    whole = Image.new("RGB", image.size)
    for top, part in _parts(image):
        whole.paste(convert(part), (0, top))
    return whole


def _parts(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    rows = max(1, PIXELS // image.width)
    if rows >= image.height:
        yield 0, image
        return
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))
