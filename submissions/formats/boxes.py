"""Detections as one file of boxes: COCO's results list, CoMix's COCO dictionary with scores, iCartoonFace's CSV.

- ``coco``: ``predictions.json``, a list of ``image_id``, ``category_id``, ``bbox`` (x, y, width, height) and ``score``.
  Its numbers mean what an ``images.json`` beside it says (COCO's ``images`` with ``id`` and ``file_name``, and
  ``categories``); without one what the reference's own COCO files say; where there are none a number for an image is
  its place (from 1) in the reference's order, one for a category its place (from 1) among the classes. An image may
  also be called by its id or its file's name.
- ``comix``: ``predictions.json``, a COCO dictionary with ``images``, ``categories`` and ``annotations`` that have a
  ``score`` (as CoMix's evaluators write it), with CoMix's categories. Those that are not scored are left out.
- ``icartoonface``: ``predictions.csv``, lines ``image,xmin,ymin,xmax,ymax,class,score`` without a head.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from inkbench.benchmark.contracts.prediction_format import PredictionFormat
from inkbench.submissions.findings import Finding, Report
from inkbench.submissions.formats.box_rows import ALIASES, Rows
from inkbench.submissions.formats.coco_file import Index, load_json, rows_of_dictionary, rows_of_results
from inkbench.submissions.formats.files import Files
from inkbench.submissions.formats.names import flat
from inkbench.submissions.formats.reading import Options, Prediction, Truths, bytes_of, read_folder
from inkbench.submissions.formats.spec import Spec
from inkbench.submissions.formats.texts import text_of

FORMS = ("coco", "comix", "icartoonface")
ABOUT = """One file. predictions.json: COCO's results list (image_id, category_id, bbox as x, y, width, height in pixels
of the original image, score) and next to it images.json with COCO's images and categories; or one COCO dictionary whose
annotations have a score. Or predictions.csv, lines of image,xmin,ymin,xmax,ymax,class,score. Do not round scores; 100
boxes an image and class count at most for COCO's figures."""
COMIX = ("panel", "character", "balloon", "text", "onomatopoeia", "link_sbsc", "face")
"""The categories of CoMix, numbered from 1."""
IMAGES = "images.json"
"""What the numbers of a results list mean, where it lies beside one."""


def read(
    source: Path, ids: Sequence[str], truths: Truths, options: Options, findings: list[Finding] | None = None
) -> list[Prediction]:
    """Read ``boxes`` (d, 4) float64 as x0, y0, x1, y1 in pixels, ``scores`` (d,), ``labels`` (d,) for each item.

    An item that the file does not name has none. ``options`` holds ``classes``.
    """
    return read_folder(examine, source, ids, truths, options, findings)


def examine(
    files: Files, ids: Sequence[str] | None, truths: Truths | None, options: Options, report: Report
) -> Iterator[tuple[str, Prediction]]:
    """Yield the boxes of every item; faults of the file and its rows go into ``report``."""
    name = _the_file(files, report)
    data = None if name is None else bytes_of(files, name, report)
    if name is None or data is None:
        return
    rows = Rows(name, ids, options, report)
    if name.lower().endswith(".csv"):
        _rows_of_csv(data, rows)
    else:
        _rows_of_json(name, data, rows, files, report)
    yield from rows.predictions(truths)


def _the_file(files: Files, report: Report) -> str | None:
    """Return the one file of boxes."""
    boxes = []
    for name in files.names:
        if PurePosixPath(name).name == IMAGES:
            continue
        if PurePosixPath(name).suffix.lower() in (".json", ".csv"):
            boxes.append(name)
        else:
            report.tolerated(name, "is not a file of boxes", "pack one .json or .csv file")
    if not boxes:
        report.error(files.whole, "contains no file of boxes", "add predictions.json or predictions.csv")
        return None
    if len(boxes) > 1:
        report.error(", ".join(boxes), "are several files of boxes", "keep one")
        return None
    return boxes[0]


def _rows_of_json(name: str, data: bytes, rows: Rows, files: Files, report: Report) -> None:
    content = load_json(name, data, report)
    if isinstance(content, list):
        index = Index()
        beside = next((other for other in files.names if PurePosixPath(other).name == IMAGES), None)
        told = None if beside is None else bytes_of(files, beside, report)
        if beside is not None and told is not None:
            index = Index.of(beside, load_json(beside, told, report), report)
        rows_of_results(content, rows, index)
    elif isinstance(content, dict):
        if "annotations" not in content:
            report.error(name, "is a dictionary without annotations", "give COCO's results list or dictionary")
            return
        rows_of_dictionary(content, rows, Index.of(name, content, report))
    elif content is not None:
        report.error(name, f"contains a {type(content).__name__}", "give COCO's results list or dictionary")


def _rows_of_csv(data: bytes, rows: Rows) -> None:
    """Read rows of ``image,xmin,ymin,xmax,ymax,class,score``; a head is passed over."""
    try:
        lines = list(csv.reader(io.StringIO(text_of(data))))
    except (UnicodeDecodeError, csv.Error) as problem:
        rows.report.error(rows.file, f"is not CSV ({problem})", "write UTF-8 text, one line per box")
        return
    for number, line in enumerate(lines, start=1):
        if not line or (number == 1 and len(line) == 7 and line[1].strip().isidentifier() and line[1] != "nan"):
            continue
        where = f"line {number}"
        if len(line) != 7:
            rows.wrong(where, f"has {len(line)} columns, not 7", "write image,xmin,ymin,xmax,ymax,class,score")
            continue
        image, *corners, label, score = (cell.strip() for cell in line)
        try:
            x0, y0, x1, y1, sure = (float(cell) for cell in (*corners, score))
        except ValueError:
            rows.wrong(where, "has corners or a score that are not numbers", "write plain decimals")
            continue
        rows.add(where, rows.item(image), rows.label(label), (x0, y0, x1, y1), sure)


def write(
    items: Mapping[str, np.ndarray], predictions: Sequence[Prediction], options: Options, spec: Spec
) -> dict[str, bytes]:
    """Write one file of all boxes; its numbers are the exact predictions. ``items`` holds ``id``."""
    form = spec.form_of(FORMS, "detection")
    classes = list(options["classes"])
    ids = [str(item) for item in items["id"]]
    if form == "icartoonface":
        return {spec.path_of("predictions.csv"): _csv(ids, predictions, classes)}
    entries: list[dict[str, Any]] = []
    for number, prediction in enumerate(predictions, start=1):
        boxes = np.asarray(prediction["boxes"], dtype=np.float64).tolist()
        labels, scores = prediction["labels"].tolist(), prediction["scores"].tolist()
        for (x0, y0, x1, y1), label, score in zip(boxes, labels, scores, strict=True):
            entry = {"image_id": number, "category_id": label + 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "score": score}
            entries.append(entry)
    if form == "comix":
        numbers = [COMIX.index(_comix(name)) + 1 for name in classes]
        entries = [{**entry, "category_id": numbers[entry["category_id"] - 1]} for entry in entries]
        classes = list(COMIX)
    images = [{"id": number, "file_name": item} for number, item in enumerate(ids, start=1)]
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
    told = {"images": images, "categories": categories}
    if form == "coco":
        return {spec.path_of(IMAGES): _json(told), spec.path_of("predictions.json"): _json(entries)}
    numbered = [
        {"id": number, **entry, "area": entry["bbox"][2] * entry["bbox"][3], "iscrowd": 0}
        for number, entry in enumerate(entries, start=1)
    ]
    return {spec.path_of("predictions.json"): _json({**told, "annotations": numbered})}


def _comix(name: str) -> str:
    """Return CoMix's name of a class."""
    return next((theirs for theirs, ours in ALIASES.items() if ours == name), name)


def _csv(ids: Sequence[str], predictions: Sequence[Prediction], classes: Sequence[str]) -> bytes:
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator="\n")
    for item, prediction in zip(ids, predictions, strict=True):
        corners = np.asarray(prediction["boxes"], dtype=np.float64).tolist()
        for box, label, score in zip(
            corners, prediction["labels"].tolist(), prediction["scores"].tolist(), strict=True
        ):
            lines.writerow([flat(item), *box, classes[label], score])
    return buffer.getvalue().encode()


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n").encode()


FORMAT = PredictionFormat(FORMS, ABOUT, read, examine, write)
