"""A zip of saliency maps from a cell's stored predictions: the same cell gives the same bytes; no model is opened."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.errors import Refusal
from benchmark.store import Store, checksum, read_arrays, unpack, write_atomic, write_json
from submissions.maps import Spec, encode
from submissions.reference import stem_of
from tasks.metrics.maps import resize_map

EPOCH = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o100644 << 16
UNIX = 3


def pack(store: Store, record: Mapping[str, Any], out: Path, spec: Spec | None = None) -> dict[str, Any]:
    """Write a cell's maps as ``out`` and a manifest beside it (``manifest_path``); gives the manifest.

    One file an item, at the truth map's own size, flat at the root, names sorted, times fixed. With format ``npy``
    the maps are those that the cell's metrics were computed from, to the bit. Raises Refusal.
    """
    spec = spec or Spec()
    if out.suffix.lower() != ".zip":
        raise Refusal(f"--out {out} must end in .zip")
    if not 0 <= spec.floor <= 255:
        raise Refusal(f"floor {spec.floor} is no grey value; give 0 to 255")
    files = dict(sorted(_files(store, record, spec).items()))
    data = zip_bytes(files)
    manifest = {
        "schema": 1,
        "zip": {"file": out.name, "sha256": checksum(data), "bytes": len(data)},
        "cell": record["id"],
        "task": record["task"],
        "method": record["method"],
        "data": record["data"],
        "specification": "flat zip of one map an image at the truth map's size; unverified for the AI4VA server",
        "format": spec.format,
        "floor": spec.floor if spec.format == "png" else None,
        "files": {name: checksum(content) for name, content in files.items()},
    }
    try:
        write_atomic(out, data)
        write_json(manifest_path(out), manifest)
    except OSError as problem:
        raise Refusal(f"{out} cannot be written ({problem.strerror}); give another place with --out") from None
    return manifest


def manifest_path(out: Path) -> Path:
    """Where the manifest of a zip lies: beside it, never inside."""
    return out.with_suffix(".manifest.json")


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """A zip of ``files`` in their order: deflated, at the root, all times at the zip epoch."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, FILE_MODE, UNIX
            archive.writestr(info, content)
    return buffer.getvalue()


def _files(store: Store, record: Mapping[str, Any], spec: Spec) -> dict[str, bytes]:
    """The maps of a cell as files by name."""
    cell = record["id"]
    if record["status"] != "done":
        raise Refusal(f"cell {cell} is {record['status']}: it has no predictions; run it again")
    if record["task"] != "saliency":
        raise Refusal(f"cell {cell} is of task {record['task']}; only saliency can be packed")
    items, predictions = _arrays(store.items_path(cell)), unpack(_arrays(store.predictions_path(cell)))
    if len(items["id"]) != len(predictions):
        raise Refusal(f"cell {cell} has {len(predictions)} predictions for {len(items['id'])} items; run it again")
    files: dict[str, bytes] = {}
    for item, height, width, prediction in zip(items["id"], items["height"], items["width"], predictions, strict=True):
        name = f"{stem_of(str(item))}.{spec.format}"
        if name in files:
            raise Refusal(f"two items of cell {cell} would both be {name} in a flat zip")
        try:
            files[name] = encode(resize_map(prediction["map"], int(height), int(width)), spec)
        except ValueError as problem:
            raise Refusal(f"the predicted map of item {item} of cell {cell}: {problem}") from None
    return files


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        return read_arrays(path)
    except (OSError, ValueError, zipfile.BadZipFile) as problem:
        raise Refusal(f"{path} cannot be read ({problem}); run the cell again with --force") from None
