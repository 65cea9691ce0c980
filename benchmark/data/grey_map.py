"""Maps of measurements from image files: the numbers that were stored, never the colours that a picture would show.

A saliency map is a density: it has no range, so no value is scaled or cut. What holds no single number a pixel
(colours, a transparency that varies beside greys) is refused with the mend, not guessed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from inkbench.benchmark.data import by_rows
from inkbench.benchmark.data.images import HUGE_PIXELS, BadImage, opened, upright

MEND = "save one channel of grey, 8 or 16 bits or floats"
ONE_CHANNEL = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
"""What holds one number a pixel; others are not read where an image is huge."""
NEARLY = 3
"""Grey levels by which the channels of a grey picture differ after lossy compression."""
_WHITE_IS_ZERO, _PHOTOMETRIC = 0, 262


def read_map(path: Path) -> np.ndarray:
    """Read the values of a map (h, w) as they are stored, more is more salient: uint8, uint16, int32 or float32.

    A grey palette gives its greys, colours that are all grey their grey, one colour of varying transparency its
    opacity. Raises BadImage for anything else in colours, for values below zero and for what is not a number.
    """
    values = opened(path, lambda image: _values(path, image))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise BadImage(path, "has NaN values; a map is a density")
    if values.min() < 0:
        raise BadImage(path, f"has values below zero (down to {values.min():g}); a map is a density")
    return values


def flat(values: np.ndarray) -> str | None:
    """Return why nothing can be scored against a map; None for one that varies."""
    if values.min() < values.max():
        return None
    return f"is {values.flat[0]:g} everywhere: nothing can be scored against it; fix it, or leave its image out"


def single_channel(path: Path, image: Image.Image) -> None:
    """Raise BadImage for several channels of 16 bits, which Pillow cuts to 8, and for several of a huge image."""
    raw = [
        str(part)
        for tile in getattr(image, "tile", ())
        for part in (tile[3] if isinstance(tile[3], tuple) else (tile[3],))
    ]
    if image.mode in ("RGB", "RGBA", "LA", "CMYK") and any(";16" in part for part in raw):
        raise BadImage(path, f"has several channels of 16 bits, which would be truncated to 8; {MEND}")
    pixels = image.width * image.height
    if pixels >= HUGE_PIXELS and image.mode not in ONE_CHANNEL:
        raise BadImage(path, f"is {image.mode} and has {pixels // 10**6} million pixels; {MEND}")


def _values(path: Path, image: Image.Image) -> np.ndarray:
    single_channel(path, image)
    turned_white = image.format == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO  # type: ignore[attr-defined]
    shown = upright(image)
    mode = shown.mode
    if mode.startswith("I") or mode == "F":
        if turned_white:  # of 8 bits and fewer Pillow turns the values itself
            raise BadImage(path, f"says that white is zero, with more than 8 bits; {MEND}, black being zero")
        return by_rows.pixels(shown)
    if mode == "L":
        return by_rows.pixels(shown)
    if mode == "1":
        return by_rows.pixels(shown).astype(np.uint8)
    if mode in ("P", "PA", "LA", "La", "RGBA", "RGBa") or "transparency" in shown.info:
        return _without_alpha(path, mode, by_rows.pixels(shown.convert("RGBA")))
    if mode == "RGB":
        return _grey(path, mode, by_rows.pixels(shown))
    raise BadImage(path, f"is {mode}, not grey: it does not say which value a colour means; {MEND}")


def _without_alpha(path: Path, mode: str, pixels: np.ndarray) -> np.ndarray:
    """Return the values of uint8 (h, w, 4): greys of even opacity, or the opacity of one colour."""
    colours, opacity = pixels[..., :3], pixels[..., 3]
    if opacity.min() == opacity.max():
        return _grey(path, mode, colours)
    seen = colours[opacity > 0]
    if (seen == seen[0]).all():
        return opacity.copy()
    raise BadImage(
        path,
        f"is {mode}: both its colours and its transparency vary, and it does not say which is the map; {MEND}",
    )


def _grey(path: Path, mode: str, colours: np.ndarray) -> np.ndarray:
    """Return the grey of uint8 (h, w, 3) whose channels are alike."""
    if int((colours.max(axis=2) - colours.min(axis=2)).max()) > NEARLY:
        raise BadImage(path, f"is {mode}, not grey: it does not say which value a colour means; {MEND}")
    return colours[..., 1].copy()
