"""What survives: atomic files, records by content, arrays beside them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inkbench.benchmark.errors import Refusal

SCHEMA = 1
KEYS = {"id", "status", "method", "task", "protocol", "data", "seed", "preset", "changed", "settings", "request"}
"""What every record has."""


def write_atomic(path: Path, data: bytes) -> None:
    """Write ``data`` so that ``path`` is either the old file or the whole new one, whatever dies when."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` atomically as readable JSON of finite numbers."""
    write_atomic(path, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def checksum(data: bytes) -> str:
    """The sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def key_of(value: Any) -> str:
    """A short hash of anything JSON can hold, independent of key order; the id of cells and pretrainings."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def arrays_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as a compressed npz; never pickles."""
    for name, array in arrays.items():
        if np.asarray(array).dtype == object:
            raise TypeError(f"array {name} holds Python objects")
    buffer = io.BytesIO()
    plain: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
    np.savez_compressed(buffer, **plain)
    return buffer.getvalue()


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an npz; raises ValueError for one that holds pickles."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def pack(dictionaries: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """One dictionary of arrays per item as flat arrays: for every key its values, and a shape per item."""
    flat: dict[str, np.ndarray] = {}
    for key in dictionaries[0] if dictionaries else ():
        values = [np.asarray(dictionary[key]) for dictionary in dictionaries]
        flat[key] = np.concatenate([value.ravel() for value in values])
        flat[f"{key}.shape"] = np.array([value.shape for value in values], dtype=np.int64)
    return flat


def unpack(flat: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """The inverse of ``pack``."""
    keys = [name.removesuffix(".shape") for name in flat if name.endswith(".shape")]
    count = len(flat[f"{keys[0]}.shape"]) if keys else 0
    result: list[dict[str, np.ndarray]] = [{} for _ in range(count)]
    for key in keys:
        start = 0
        for entry, shape in zip(result, flat[f"{key}.shape"], strict=True):
            size = int(np.prod(shape))
            entry[key] = flat[key][start : start + size].reshape(tuple(int(side) for side in shape))
            start += size
    return result


class Store:
    """The results folder: the only place that is written."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def check_writable(self) -> None:
        """Raise Refusal where the folder cannot be written."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise Refusal(
                f"results folder {self.root} cannot be written ({error.strerror}); give another with --results DIR"
            ) from None

    def check_folder(self) -> None:
        """Raise Refusal where the folder is none."""
        if self.root.exists() and not self.root.is_dir():
            raise Refusal(f"results folder {self.root} is a file; give another with --results DIR")

    def record_path(self, cell: str) -> Path:
        """Where the record of a cell lies."""
        return self.root / "cells" / cell[:2] / f"{cell}.json"

    def items_path(self, cell: str) -> Path:
        """Where the per-item arrays of a cell lie."""
        return self.record_path(cell).with_suffix(".items.npz")

    def predictions_path(self, cell: str) -> Path:
        """Where the predictions of a cell lie."""
        return self.record_path(cell).with_suffix(".predictions.npz")

    def network_path(self, cell: str) -> Path:
        """Where lies what a cell has learnt beyond its backbone's pretraining; it may be removed at any time."""
        return self.root / "networks" / f"{cell}.safetensors"

    def read(self, cell: str) -> dict[str, Any] | None:
        """The record of a cell, or None where there is none."""
        path = self.record_path(cell)
        if not path.is_file():
            return None
        return _read_record(path)

    def write(self, record: Mapping[str, Any], items: Mapping[str, np.ndarray] | None = None) -> dict[str, Any]:
        """Write a record; its items before it, so that a record never names what is not there."""
        record = {"schema": SCHEMA, **record}
        if items is not None:
            data = arrays_bytes(items)
            path = self.items_path(record["id"])
            write_atomic(path, data)
            record["items"] = {"file": path.name, "sha256": checksum(data)}
        write_json(self.record_path(record["id"]), record)
        return record

    def records(self) -> Iterator[dict[str, Any]]:
        """Every record in the order of their names; files that are none are named on standard error and passed over."""
        self.check_folder()
        for path in sorted((self.root / "cells").glob("*/*.json")):
            if (record := self.record_or_none(path)) is not None:
                yield record

    def record_or_none(self, path: Path, loads: Callable[[bytes], Any] = json.loads) -> dict[str, Any] | None:
        """The record in a file; None where it is no record, which is told on standard error."""
        try:
            return _read_record(path, loads)
        except Refusal as refusal:
            print(f"skipped: {refusal}", file=sys.stderr)
            return None

    def find(self, prefix: str) -> dict[str, Any]:
        """The record whose id begins with ``prefix``. Raises Refusal where none or several do."""
        paths = sorted((self.root / "cells").glob(f"*/{prefix}*.json"))
        if len(paths) != 1:
            raise Refusal(f"{len(paths)} cells of {self.root} begin with '{prefix}'; see: run_benchmark.py list runs")
        return _read_record(paths[0])

    def whole(self, record: Mapping[str, Any]) -> bool:
        """Whether the per-item arrays that a record names are there as they were written."""
        items = record.get("items")
        path = self.items_path(record["id"])
        return items is None or (path.is_file() and checksum(path.read_bytes()) == items["sha256"])


def _read_record(path: Path, loads: Callable[[bytes], Any] = json.loads) -> dict[str, Any]:
    """A record file. Raises Refusal for what is none."""
    mend = "move it away and run the cell again"
    try:
        record = loads(path.read_bytes())
    except (ValueError, OSError) as error:
        raise Refusal(f"{path} is no JSON ({' '.join(str(error).split())}); {mend}") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise Refusal(f"{path} is no record of schema {SCHEMA}; {mend}, or update inkbench")
    missing = sorted(KEYS - set(record))
    if missing or record["id"] != path.stem:
        what = f"lacks {missing[0]}" if missing else f"is the record of {record['id']}"
        raise Refusal(f"{path} {what}; {mend}")
    return record
