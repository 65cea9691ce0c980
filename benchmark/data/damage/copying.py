"""What copying does to an image: lossy files, cut borders, lost resolution."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

QUALITIES = (25, 15, 7)
"""ImageNet-C's first, third and fifth severity of ``jpeg_compression``."""
CUT = (0.1, 0.2, 0.3)
"""Share of the width, and of the height, that is lost."""
LEFT = (0.5, 0.4, 0.25)
"""Share of the pixels along a side that is kept: ImageNet-C's second, third and fifth severity of ``pixelate``."""
LARGEST = 224
"""Short side, in pixels, of which that is the share where an image is larger: that of ImageNet-C's images."""


def jpeg(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Write an image as JPEG and read it again."""
    del rng
    return compressed(image, QUALITIES[strength - 1])


def compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """Write an image as JPEG of a quality (1 to 95), and read it again."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    with Image.open(buffer, formats=["JPEG"]) as file:
        return np.asarray(file.convert("RGB"))


def crop(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Cut the borders of an image off: it is smaller then, see ``kept``."""
    x0, y0, x1, y1 = kept(image.shape[1], image.shape[0], CUT[strength - 1], rng)
    return image[y0:y1, x0:x1]


def kept(width: int, height: int, share: float, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Return what is left (x0, y0, x1, y1) of an image that loses a share of each side, dealt to its two ends."""
    left, top = rng.uniform(0, share, 2).tolist()
    x0, y0 = int(width * left), int(height * top)
    wide, high = max(1, round(width * (1 - share))), max(1, round(height * (1 - share)))
    return x0, y0, min(x0 + wide, width), min(y0 + high, height)


def scale(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Shrink an image and enlarge it to its own size again."""
    del rng
    height, width = image.shape[:2]
    return through(image, LEFT[strength - 1] * min(1.0, LARGEST / min(height, width)))


def through(image: np.ndarray, factor: float) -> np.ndarray:
    """Shrink an image by a factor of at most 1, and enlarge it to its own size again."""
    height, width = image.shape[:2]
    small = max(1, round(width * factor)), max(1, round(height * factor))
    down = Image.fromarray(image).resize(small, Image.Resampling.BOX)
    return np.asarray(down.resize((width, height), Image.Resampling.BILINEAR))
