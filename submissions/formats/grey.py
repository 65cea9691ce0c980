"""The numbers of a map from a picture's file: what was stored, never the colours or the transparency about it."""

from __future__ import annotations

import numpy as np
from PIL import Image

NEARLY = 3
"""Grey levels by which the channels of a grey picture differ after lossy compression."""
GREY = "save 8-bit greyscale (mode L), one value a pixel"


class NoMap(ValueError):
    """A picture that holds no single number a pixel; says why, and what to save instead."""


def values_of(image: Image.Image) -> tuple[np.ndarray, str]:
    """Return the values (h, w) of an opened picture, and what a server may misread in it (nothing for 8-bit grey).

    A grey palette gives its greys, colours that are all grey their grey, one colour of varying opacity its opacity.
    Raises NoMap where colours, or greys and opacity, vary: which value a pixel stands for is not in the file.
    """
    mode, cut = image.mode, _is_cut(image)
    image.load()
    if mode not in ("L", "1", "F") and not mode.startswith("I") and cut:
        raise NoMap(f"has several channels of 16 bits, half of which would be lost; {GREY}")
    if mode in ("L", "1") and "transparency" not in image.info:
        return np.asarray(image).astype(np.uint8), "" if mode == "L" else "is 1-bit, which has no grey levels"
    if mode.startswith("I") or mode == "F":
        return np.asarray(image), "is 16-bit, which servers that read 8 bits clip or misread"
    if mode == "RGB" and "transparency" not in image.info:
        return _grey(np.asarray(image), mode), f"is {mode}, not greyscale; its channels are equal, so one is read"
    if mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        raise NoMap(f"is {mode}, not greyscale: it does not say which value a colour means; {GREY}")
    return _without_opacity(np.asarray(image.convert("RGBA")), mode)


def _without_opacity(pixels: np.ndarray, mode: str) -> tuple[np.ndarray, str]:
    colours, opacity = pixels[..., :3], pixels[..., 3]
    if opacity.min() == opacity.max():
        return _grey(colours, mode), f"is {mode}, not greyscale; its greys are read"
    seen = colours[opacity > 0]
    if (seen == seen[0]).all():
        return opacity.copy(), f"is {mode} of one colour; its opacity is read"
    raise NoMap(f"is {mode}: its colours and its transparency vary, and it does not say which is meant; {GREY}")


def _grey(colours: np.ndarray, mode: str) -> np.ndarray:
    if int((colours.max(axis=2).astype(int) - colours.min(axis=2)).max()) > NEARLY:
        raise NoMap(f"is {mode}, not greyscale: it does not say which value a colour means; {GREY}")
    return colours[..., 1].copy()


def _is_cut(image: Image.Image) -> bool:
    """Return whether Pillow cuts channels of 16 bits to 8 when it loads this picture."""
    return any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))
