"""Saliency maps as files, one an item: greyscale PNG as challenge servers take it, or NPY without loss."""

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
from inkbench.submissions.formats.grey import GREY, NoMap, values_of
from inkbench.submissions.formats.npy import load_npy
from inkbench.submissions.formats.per_item import by_item
from inkbench.submissions.formats.reading import Options, Prediction, Truths, bytes_of, read_folder
from inkbench.submissions.formats.spec import OWN, TRUTH, Spec
from inkbench.tasks.metrics.maps import distribution, resize_map

FORMS = ("png", "npy")
ABOUT = """One grey map per item, brighter is more salient, named by the item: 8-bit PNG at the true map's size, or NPY
with one number per pixel, which loses nothing. No log-densities. A zero where people look costs about 36 nats of KLD
times the mass there: keep a small floor."""
SUFFIXES = (".png", ".npy", ".jpg", ".jpeg")
MOST_PIXELS = 64_000_000
LOG_DENSITY = 0.01
"""How near to 1 the sum of exp of a map without positive values lies where it is a log-density."""


def read(
    source: Path, ids: Sequence[str], truths: Truths, options: Options, findings: list[Finding] | None = None
) -> list[Prediction]:
    """Read ``map`` (h, w) for each item, from files named by it; the scorer brings it to the truth's size."""
    return read_folder(examine, source, ids, truths, options, findings)


def examine(
    files: Files, ids: Sequence[str] | None, truths: Truths | None, options: Options, report: Report
) -> Iterator[tuple[str, Prediction]]:
    """Yield every usable map, one at a time; faults, also beside the truth map, go into ``report``."""
    del options
    place = {item: k for k, item in enumerate(ids or ())}
    for item, name in by_item(files, ids, SUFFIXES, "map", report).items():
        data = bytes_of(files, name, report)
        values = None if data is None else decode(name, data, report)
        if values is None:
            continue
        if truths is not None:
            _against(name, values, truths[place[item]]["map"], report)
        yield item, {"map": values}


def write(
    items: Mapping[str, np.ndarray], predictions: Sequence[Prediction], options: Options, spec: Spec
) -> dict[str, bytes]:
    """Write one file an item. ``items`` holds ``id``, and ``height`` and ``width`` of the truth maps.

    Raises UsageError.
    """
    del options
    form = spec.form_of(FORMS, "saliency")
    files: dict[str, bytes] = {}
    for k, (item, prediction) in enumerate(zip(items["id"], predictions, strict=True)):
        name = spec.name_of(str(item), f".{form}")
        if name in files:
            raise UsageError(f"two items would both be {name} in a flat zip")
        height, width = _size(spec.size, prediction["map"], items, k)
        try:
            files[name] = encode(resize_map(prediction["map"], height, width), spec)
        except ValueError as problem:
            raise UsageError(f"the predicted map of item {item}: {problem}") from None
    return files


def _size(asked: str, values: np.ndarray, items: Mapping[str, np.ndarray], k: int) -> tuple[int, int]:
    """Return height and width of the k-th map's file."""
    if asked == OWN:
        return values.shape[0], values.shape[1]
    if asked == TRUTH:
        return int(items["height"][k]), int(items["width"][k])
    width, _, height = asked.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 0 < int(width) * int(height) <= MOST_PIXELS):
        raise UsageError(f"size '{asked}': give {TRUTH}, {OWN} or WIDTHxHEIGHT in pixels, such as 256x256")
    return int(height), int(width)


def encode(values: np.ndarray, spec: Spec) -> bytes:
    """Encode a map (h, w) as a file; equal maps give equal bytes.

    PNG: the minimum subtracted where it is negative, scaled so that the maximum is the largest grey, rounded, then
    raised to the floor; a map of zeros becomes constant. NPY: the values, as float32 where that holds them. Raises
    ValueError for what is not finite, UsageError for a depth or floor that there is not.
    """
    if not np.isfinite(values).all():
        raise ValueError("has values that are NaN or infinite")
    buffer = io.BytesIO()
    if spec.form == "npy":
        single = np.ascontiguousarray(values, dtype=np.float32)
        kept = single if np.array_equal(single, values) else np.ascontiguousarray(values, dtype=np.float64)
        np.save(buffer, kept, allow_pickle=False)
        return buffer.getvalue()
    if spec.depth not in (8, 16):
        raise UsageError(f"depth {spec.depth}: a PNG has 8 or 16 bits")
    white = 2**spec.depth - 1
    if not 0 <= spec.floor <= white:
        raise UsageError(f"floor {spec.floor} is not a grey value; give 0 to {white}")
    array = np.asarray(values, dtype=np.float64)
    array = array - min(array.min(), 0.0)
    array = array / array.max() if array.max() > 0 else np.ones_like(array)
    grey = np.maximum(np.floor(array * white + 0.5), spec.floor)
    Image.fromarray(grey.astype(np.uint8 if spec.depth == 8 else np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def decode(name: str, data: bytes, report: Report) -> np.ndarray | None:
    """Decode a file's map (h, w), or None where it cannot be used."""
    try:
        values = load_npy(data) if name.lower().endswith(".npy") else _picture(name, data, report)
    except Exception as problem:  # decoders raise OSError, SyntaxError, struct.error and more on hostile files
        said = " ".join(str(problem).split()) or type(problem).__name__
        report.error(name, f"cannot be read ({said})", "write it again")
        return None
    if values is None:
        return None
    if values.ndim != 2 or values.dtype.kind not in "fiu" or not values.size:
        report.error(
            name, f"holds {values.dtype} of shape {values.shape}", "save one number per pixel, (height, width)"
        )
        return None
    wrong = values.size - int(np.isfinite(values).sum())
    if wrong:
        text = f"{wrong} of {values.size} values are NaN or infinite"
        report.error(name, text, "predict finite values for every pixel")
        return None
    if values.min() == values.max():
        text = f"is constant ({values.flat[0]:g} everywhere)"
        report.warning(name, text, "it is scored as uniform; predict something")
    elif values.max() <= 0 and abs(np.exp(values.astype(np.float64)).sum() - 1) < LOG_DENSITY:
        report.error(name, "looks like a log-density: no value is positive", "save its exponential")
        return None
    return values


def _picture(name: str, data: bytes, report: Report) -> np.ndarray | None:
    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            report.error(name, f"has {width} x {height} pixels", "write it at the truth map's size")
            return None
        if image.format == "JPEG":
            report.tolerated(name, "is a JPEG, which changes the predicted values", "save a PNG")
        try:
            values, doubtful = values_of(image)
        except NoMap as problem:
            text, _, mend = str(problem).rpartition("; ")
            report.error(name, text, mend)
            return None
        if doubtful:
            report.tolerated(name, doubtful, GREY)
        return values


def _against(name: str, values: np.ndarray, truth: np.ndarray, report: Report) -> None:
    """Report the faults of a map (h, w) in view of the truth map: its size, zeros where people look."""
    if values.shape != truth.shape:
        text = f"is {values.shape[1]} x {values.shape[0]} pixels, the truth {truth.shape[1]} x {truth.shape[0]}"
        report.tolerated(name, text, "write it at the truth's size (it is resized here)")
        return
    if values.min() == values.max() or not truth.any():
        return
    lost = float(distribution(truth)[values <= min(values.min(), 0)].sum())
    if lost > 0:
        text = f"{lost:.2%} of the truth's mass is where the map is zero, which dominates KLD"
        report.warning(name, text, "raise the map to a small floor")


FORMAT = PredictionFormat(FORMS, ABOUT, read, examine, write)
