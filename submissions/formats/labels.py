"""Label images as files, one an item: PNG with a class number for each pixel, a palette of VOC's colours or grey."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from inkbench.benchmark.contracts.prediction_format import PredictionFormat
from inkbench.benchmark.drawing.palette import colours
from inkbench.benchmark.errors import UsageError
from inkbench.submissions.findings import Finding, Report
from inkbench.submissions.formats.files import Files
from inkbench.submissions.formats.per_item import by_item
from inkbench.submissions.formats.reading import Options, Prediction, Truths, bytes_of, read_folder
from inkbench.submissions.formats.spec import Spec

FORMS = ("png",)
ABOUT = """One PNG an item, named by the item, of the image's size: each pixel holds the number of its class from 0, as
a palette index (PASCAL VOC's way) or as a grey value. No colours (RGB), and no 255: every pixel has a class."""
SUFFIXES = (".png",)
MOST_PIXELS = 64_000_000


def read(
    source: Path, ids: Sequence[str], truths: Truths, options: Options, findings: list[Finding] | None = None
) -> list[Prediction]:
    """Read ``mask`` uint8 (h, w) for each item, from files named by it, of the truth's size."""
    return read_folder(examine, source, ids, truths, options, findings)


def examine(
    files: Files, ids: Sequence[str] | None, truths: Truths | None, options: Options, report: Report
) -> Iterator[tuple[str, Prediction]]:
    """Yield every usable label image, one at a time; faults go into ``report``."""
    classes = len(options["classes"]) if "classes" in options else None
    place = {item: k for k, item in enumerate(ids or ())}
    for item, name in by_item(files, ids, SUFFIXES, "label image", report).items():
        data = bytes_of(files, name, report)
        size = None if truths is None else truths[place[item]]["mask"].shape
        mask = None if data is None else decode(name, data, size, classes, report)
        if mask is not None:
            yield item, {"mask": mask}


def decode(
    name: str, data: bytes, size: tuple[int, ...] | None, classes: int | None, report: Report
) -> np.ndarray | None:
    """Decode a file's labels uint8 (h, w), or None where they are unusable; ``size`` (h, w) is the one required."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            width, height = image.size
            if width * height > MOST_PIXELS or (size is not None and (height, width) != tuple(size)):
                told = f", the truth {size[1]} x {size[0]}" if size is not None else ""
                report.error(name, f"is {width} x {height} pixels{told}", "write it at the image's size")
                return None
            image.load()
            if image.mode not in ("P", "L", "1"):
                text = f"is {image.mode}, not class numbers"
                report.error(name, text, "save a palette (P) or grey (L) PNG of class numbers")
                return None
            mask = np.asarray(image).astype(np.uint8)
    except Exception as problem:  # decoders raise OSError, SyntaxError, struct.error and more on hostile files
        said = " ".join(str(problem).split()) or type(problem).__name__
        report.error(name, f"cannot be read ({said})", "write it again")
        return None
    if classes is not None and mask.max() >= classes:
        report.error(name, f"contains label {mask.max()}", f"label each pixel 0 to {classes - 1}")
        return None
    if mask.min() == mask.max():
        report.warning(name, f"has label {mask.flat[0]} everywhere", "predict something")
    return mask


def write(
    items: Mapping[str, np.ndarray], predictions: Sequence[Prediction], options: Options, spec: Spec
) -> dict[str, bytes]:
    """Write one PNG an item, a palette in VOC's colours. ``items`` holds ``id``. Raises UsageError for others."""
    del options
    spec.form_of(FORMS, "segmentation")
    palette = colours().ravel().tolist()
    files = {}
    for item, prediction in zip(items["id"], predictions, strict=True):
        mask = np.asarray(prediction["mask"])
        if mask.dtype != np.uint8 or mask.ndim != 2:
            raise UsageError(f"the mask of item {item} is {mask.dtype} {mask.shape}, not uint8 (height, width)")
        image, buffer = Image.fromarray(mask), io.BytesIO()
        image.putpalette(palette)
        image.save(buffer, "PNG")
        name = spec.name_of(str(item), ".png")
        if name in files:
            raise UsageError(f"two items would both be {name}")
        files[name] = buffer.getvalue()
    return files


FORMAT = PredictionFormat(FORMS, ABOUT, read, examine, write)
