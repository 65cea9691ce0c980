"""Painted pictures as files, one an item: 8-bit RGB PNG, which loses nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from inkbench.benchmark.contracts.prediction_format import PredictionFormat
from inkbench.benchmark.errors import UsageError
from inkbench.submissions.findings import Finding, Report
from inkbench.submissions.formats.files import Files
from inkbench.submissions.formats.per_item import by_item
from inkbench.submissions.formats.reading import Options, Prediction, Truths, bytes_of, read_folder
from inkbench.submissions.formats.spec import Spec

FORMS = ("png",)
ABOUT = "One 8-bit RGB PNG an item, named by the item, of the true picture's size."
SUFFIXES = (".png",)
MOST_PIXELS = 64_000_000
KEY = "face"
"""What truths and predictions call the picture, uint8 (h, w, 3)."""


def read(
    source: Path, ids: Sequence[str], truths: Truths, options: Options, findings: list[Finding] | None = None
) -> list[Prediction]:
    """Read ``face`` uint8 (h, w, 3) for each item, from files named by it, of the truth's size."""
    return read_folder(examine, source, ids, truths, options, findings)


def examine(
    files: Files, ids: Sequence[str] | None, truths: Truths | None, options: Options, report: Report
) -> Iterator[tuple[str, Prediction]]:
    """Yield every usable picture, one at a time; faults go into ``report``."""
    del options
    place = {item: k for k, item in enumerate(ids or ())}
    for item, name in by_item(files, ids, SUFFIXES, "picture", report).items():
        data = bytes_of(files, name, report)
        size = None if truths is None else truths[place[item]][KEY].shape[:2]
        pixels = None if data is None else decode(name, data, size, report)
        if pixels is not None:
            yield item, {KEY: pixels}


def decode(name: str, data: bytes, size: tuple[int, ...] | None, report: Report) -> np.ndarray | None:
    """Decode a file's picture uint8 (h, w, 3), or None where it cannot be used; ``size`` (h, w) is what it must be."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            width, height = image.size
            if width * height > MOST_PIXELS or (size is not None and (height, width) != tuple(size)):
                told = f", the truth {size[1]} x {size[0]}" if size is not None else ""
                report.error(name, f"is {width} x {height} pixels{told}", "write it at the truth's size")
                return None
            image.load()
            if image.mode != "RGB":
                text = f"is {image.mode}, not RGB" + (", and 16-bit" if image.mode.startswith("I") else "")
                if image.mode.startswith(("I", "F")):
                    report.error(name, text, "save 8-bit RGB")
                    return None
                report.tolerated(name, text, "save 8-bit RGB")
            pixels = np.asarray(image.convert("RGB"))
    except Exception as problem:  # decoders raise OSError, SyntaxError, struct.error and more on hostile files
        said = " ".join(str(problem).split()) or type(problem).__name__
        report.error(name, f"cannot be read ({said})", "write it again")
        return None
    if pixels.min() == pixels.max():
        report.warning(name, f"has a single colour ({pixels.flat[0]})", "paint the picture")
    return pixels


def write(
    items: Mapping[str, np.ndarray], predictions: Sequence[Prediction], options: Options, spec: Spec
) -> dict[str, bytes]:
    """Write one PNG an item. ``items`` holds ``id``. Raises UsageError for what is no picture."""
    del options
    spec.form_of(FORMS, "inpainting")
    files = {}
    for item, prediction in zip(items["id"], predictions, strict=True):
        pixels = np.asarray(prediction[KEY])
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise UsageError(
                f"the picture of item {item} is {pixels.dtype} {pixels.shape}, not uint8 (height, width, 3)"
            )
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        name = spec.name_of(str(item), ".png")
        if name in files:
            raise UsageError(f"two items would both be {name}")
        files[name] = buffer.getvalue()
    return files


FORMAT = PredictionFormat(FORMS, ABOUT, read, examine, write)
