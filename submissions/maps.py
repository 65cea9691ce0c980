"""One saliency map as a file: 8-bit greyscale PNG as challenge servers take it, or float32 NPY without loss."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from submissions.findings import Finding, error, tolerated

SUFFIXES = (".png", ".npy")
MOST_PIXELS = 64_000_000


@dataclass(frozen=True, slots=True)
class Spec:
    """How maps are written. The AI4VA server's own specification is not public: these values are unverified.

    ``floor`` is the least grey value (0 to 255) of a PNG: a zero under the truth's mass is catastrophic for KLD.
    """

    format: Literal["png", "npy"] = "png"
    floor: int = 1


def encode(values: np.ndarray, spec: Spec) -> bytes:
    """A map (h, w) as a file; equal maps give equal bytes.

    PNG: the minimum subtracted where it is negative, scaled so that the maximum is 255, rounded, then raised to the
    floor; a map of zeros becomes constant. NPY: the values as float32. Raises ValueError for what is not finite.
    """
    if not np.isfinite(values).all():
        raise ValueError("has values that are NaN or infinite")
    buffer = io.BytesIO()
    if spec.format == "npy":
        np.save(buffer, np.ascontiguousarray(values, dtype=np.float32), allow_pickle=False)
        return buffer.getvalue()
    array = np.asarray(values, dtype=np.float64)
    array = array - min(array.min(), 0.0)
    array = array / array.max() if array.max() > 0 else np.ones_like(array)
    grey = np.maximum(np.floor(array * 255 + 0.5), spec.floor).astype(np.uint8)
    Image.fromarray(grey).save(buffer, "PNG")
    return buffer.getvalue()


def decode(name: str, data: bytes, strict: bool) -> tuple[np.ndarray | None, list[Finding]]:
    """A file's map (h, w), or None where it cannot be used, and what is wrong with it."""
    try:
        values, findings = _npy(name, data) if name.lower().endswith(".npy") else _png(name, data, strict)
    except Exception as problem:  # decoders raise OSError, SyntaxError, struct.error and more on hostile files
        said = " ".join(str(problem).split()) or type(problem).__name__
        return None, [error(name, f"cannot be read ({said})", "write it again")]
    if values is None:
        return None, findings
    wrong = values.size - int(np.isfinite(values).sum())
    if wrong:
        text = f"{wrong} of {values.size} values are NaN or infinite"
        return None, [*findings, error(name, text, "predict finite values for every pixel")]
    if values.min() == values.max():
        text = f"is constant ({values.flat[0]:g} everywhere)"
        findings.append(Finding("warning", name, text, "it is scored as uniform; predict something"))
    return values, findings


def _png(name: str, data: bytes, strict: bool) -> tuple[np.ndarray | None, list[Finding]]:
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            return None, [error(name, f"has {width} x {height} pixels", "write it at the truth map's size")]
        image.load()
        if image.mode == "L":
            return np.asarray(image), []
        mend = "save 8-bit greyscale (mode L)"
        if image.mode.startswith("I"):
            text = "is 16-bit, which servers that read 8 bits clip or misread"
            return np.asarray(image), [tolerated(strict, name, text, mend)]
        text = f"is {image.mode}, not greyscale; its luma is read"
        return np.asarray(image.convert("L")), [tolerated(strict, name, text, mend)]


def _npy(name: str, data: bytes) -> tuple[np.ndarray | None, list[Finding]]:
    values = np.load(io.BytesIO(data), allow_pickle=False)
    if values.ndim != 2 or values.dtype.kind not in "fiu" or not values.size:
        text = f"holds {values.dtype} of shape {values.shape}"
        return None, [error(name, text, "save one number a pixel, (height, width)")]
    return values, []
