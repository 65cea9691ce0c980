"""Annotation files that a tool wrote, recognised by their content."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from inkbench.benchmark import regular

LOOK = 65_536
CLASS_LISTS = frozenset(
    {"classes.txt", "obj.names", "data.yaml", "data.yml", "labels.txt", "_classes.csv", "classes.csv"}
)
TEXTS = frozenset({".json", ".jsonl", ".ndjson", ".xml", ".csv", ".tsv", ".txt", ".yaml", ".names"})
CONVERT = "write them as COCO (instances.json, which most tools export) to have them read"
MENDS: Mapping[str, str] = MappingProxyType({
    "COCO": "call it instances.json, or train.json, val.json and test.json, beside the images or in annotations/",
    "PASCAL VOC": "put the images into JPEGImages/ and the XML files into Annotations/ to have them read",
    "YOLO": CONVERT,
    "VIA": CONVERT,
    "LabelMe": CONVERT,
    "Label Studio": CONVERT,
    "CreateML": CONVERT,
    "CVAT": CONVERT,
    "a list of classes": CONVERT,
    "annotations": CONVERT,
})  # fmt: skip
"""The mend for each kind that is not read where it lies."""
_BOXES = re.compile(rb'"(?:bbox|boxes|bounding_box|polygon|segmentation|keypoints|labels?|annotations)"\s*:')
_YOLO = re.compile(r"\d+(?:\s+[01]?\.\d+|\s+[01]){4,}\s*")
_COLUMNS = re.compile(
    r"^(?:.*[,;\t])?\"?(?:xmin|x_min|x1|x_1|bbox|bbox_x|label|class|class_name|region_shape_attributes)\"?(?:[,;\t].*)?$",
    re.I,
)
_ROW = re.compile(r".+\.\w{3,4}[,;\t]\s*(?:-?\d+(?:\.\d+)?[,;\t]\s*){3}-?\d.*")


def kind_of(path: Path) -> str | None:
    """Return the tool whose annotations a file holds, by its beginning and end; None for what looks like none."""
    if path.name.lower() in CLASS_LISTS:
        return "a list of classes"
    looks: Mapping[str, Callable[[bytes], str | None]] = {
        ".json": _json, ".jsonl": _json, ".ndjson": _json, ".xml": _xml, ".txt": _lines, ".csv": _table, ".tsv": _table
    }  # fmt: skip
    look = looks.get(path.suffix.lower())
    return look(ends_of(path)) if look else None


def ends_of(path: Path) -> bytes:
    """Return the first and the last 64 KiB of a file; nothing of one that cannot be read."""
    try:
        with regular.opened(path) as file:
            head = file.read(LOOK)
            file.seek(max(path.stat().st_size - LOOK, 0))
            return head + file.read(LOOK)
    except OSError:
        return b""


def is_coco(data: bytes) -> bool:
    """Return whether the ends of a JSON are those of COCO's form: the list in the middle may not be seen."""
    seen = sum(key in data for key in (b'"images"', b'"annotations"', b'"categories"'))
    return seen == 3 or (seen == 2 and b'"file_name"' in data)


def _json(data: bytes) -> str | None:
    if is_coco(data):
        return "COCO"
    if b'"_via_' in data or (b'"regions"' in data and b'"shape_attributes"' in data):
        return "VIA"
    if b'"shapes"' in data and b'"imagePath"' in data:
        return "LabelMe"
    if b'"from_name"' in data or b'"rectanglelabels"' in data:
        return "Label Studio"
    if b'"coordinates"' in data and b'"annotations"' in data:
        return "CreateML"
    return "annotations" if _BOXES.search(data) else None


def _xml(data: bytes) -> str | None:
    if b"<bndbox>" in data:
        return "PASCAL VOC"
    if b"<annotations" in data and b"<image" in data:
        return "CVAT"
    return "annotations" if any(word in data for word in (b"<annotation", b"<object", b"<box", b"<polygon")) else None


def _lines(data: bytes) -> str | None:
    lines = [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()][:20]
    if lines and all(_YOLO.fullmatch(line.strip()) for line in lines):
        return "YOLO"
    return "annotations" if lines and all(_ROW.fullmatch(line) for line in lines) else None


def _table(data: bytes) -> str | None:
    lines = data.decode("utf-8-sig", "replace").splitlines()[:20]
    if not lines:
        return None
    return "annotations" if _COLUMNS.match(lines[0].strip()) or all(_ROW.fullmatch(line) for line in lines) else None
