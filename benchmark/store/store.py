"""The results folder: records by content, arrays beside them."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import complain
from inkbench.benchmark.store.arrays import arrays_bytes, pack, read_arrays, unpack
from inkbench.benchmark.store.files import checksum, json_bytes, sweep, write_result
from inkbench.benchmark.store.proof import stamped
from inkbench.benchmark.store.reading import BadRecord, read_record
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.record_parts import StoredFile

MADE_FOR = "inkbench.work"
"""The array of a file of predictions that holds the id which they were made for."""
SCORED_WITH = "inkbench.calibration"
"""The array that holds what validation chose for scoring them, as JSON."""


class Store:
    """The results folder: the only place that is written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.left_out: dict[str, str] = {}
        """Why a file that was read is no record that is believed, by the file's stem."""

    def check_writable(self, *folders: str) -> None:
        """Raise UsageError where the folder cannot be written, or one of ``folders`` in it that is there."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise UsageError(
                f"results folder {self.root} cannot be written ({error.strerror}); give another with --results DIR"
            ) from None
        require_writable(self.root / name for name in folders)

    def sweep(self) -> None:
        """Remove what processes of this machine that are dead left half written, in the folder and two levels below.

        For every command that writes here, before it does.
        """
        for folder in (self.root, *self.root.glob("*/"), *self.root.glob("*/*/")):
            sweep(folder)

    def check_folder(self) -> None:
        """Raise UsageError where the folder is none."""
        if self.root.exists() and not self.root.is_dir():
            raise UsageError(f"results folder {self.root} is a file; give another with --results DIR")

    def record_path(self, run: str) -> Path:
        """Return the path of a run's record."""
        return self.root / "cells" / run[:2] / f"{run}.json"

    def items_path(self, run: str) -> Path:
        """Return the path of a run's per-item arrays."""
        return self.record_path(run).with_suffix(".items.npz")

    def predictions_path(self, work: str) -> Path:
        """Return the path of predictions by their id (``Record.made``): one file, however many records use it."""
        return self.record_path(work).with_suffix(".predictions.npz")

    def network_path(self, work: str) -> Path:
        """Return the path of what was learnt for these predictions beyond pretraining; it can be removed any time."""
        return self.root / "networks" / f"{work}.safetensors"

    def write_predictions(
        self, work: str, predictions: Sequence[Mapping[str, np.ndarray]], calibration: Mapping[str, Any]
    ) -> StoredFile:
        """Write the predictions of this id, with it and what validation chose; gives what a record says of them."""
        bound = {MADE_FOR: np.array(work), SCORED_WITH: np.array(json.dumps(calibration, sort_keys=True))}
        data, path = arrays_bytes({**pack(predictions), **bound}), self.predictions_path(work)
        write_result(path, data)
        return StoredFile(file=path.name, sha256=checksum(data))

    def read_predictions(self, record: Record) -> list[dict[str, np.ndarray]]:
        """Read the predictions that a record's figures are scored from, as they were written. Raises UsageError."""
        return self.read_named(record.made, record.predictions.sha256 if record.predictions else "")

    def read_named(self, work: str, sha256: str = "") -> list[dict[str, np.ndarray]]:
        """Read the predictions of this id, with this checksum where one is told. Raises UsageError."""
        path = self.predictions_path(work)
        try:
            data = path.read_bytes()
            if sha256 not in ("", checksum(data)):
                raise ValueError("they do not match the record")
            arrays = read_arrays(io.BytesIO(data))
            if MADE_FOR in arrays and str(arrays[MADE_FOR]) != work:
                raise ValueError("they were made for another run")
            return unpack(arrays)
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise UsageError(f"the predictions {path} cannot be read ({error}); run it again with --force") from None

    def predictions_of(self, work: str) -> list[dict[str, np.ndarray]] | None:
        """Return the predictions of this id; None where there are none that can be read."""
        try:
            return self.read_named(work) if self.predictions_path(work).is_file() else None
        except UsageError:
            return None

    def read(self, run: str) -> Record | None:
        """Read the record of a run, or None where there is none. Raises BadRecord for one that is not believed."""
        path = self.record_path(run)
        if not path.is_file():
            return None
        return read_record(path)

    def known(self, run: str) -> Record | None:
        """Return the record of a run; None where there is none, or none that is believed: it is made anew then."""
        try:
            return self.read(run)
        except BadRecord:
            return None

    def write(self, record: Record, items: Mapping[str, np.ndarray] | None = None) -> Record:
        """Write a record; its items before it, so that a record never names what is not there."""
        if record.status == "planned":
            raise ValueError(f"the run {record.id} is only planned: there is nothing to record")
        if items is not None:
            data = arrays_bytes(items)
            path = self.items_path(record.id)
            write_result(path, data)
            record = record.but(items=StoredFile(file=path.name, sha256=checksum(data)))
        write_result(self.record_path(record.id), json_bytes(stamped(record.to_json())))
        return record

    def paths(self) -> list[Path]:
        """Return the files of all records, in the order of their names."""
        self.check_folder()
        return sorted((self.root / "cells").glob("*/[!.]*.json"))

    def records(self) -> Iterator[Record]:
        """Yield every record in the order of their names; what is not believed is named and in ``left_out``."""
        for path in self.paths():
            if (record := self.record_or_none(path)) is not None:
                yield record

    def record_or_none(self, path: Path, loads: Callable[[bytes], Any] = json.loads) -> Record | None:
        """Read the record in a file; None where it is not believed, which is told as ``records`` does."""
        try:
            return read_record(path, loads)
        except BadRecord as bad:
            complain(f"skipped: {bad}")
            self.left_out[path.stem.encode(errors="replace").decode()] = bad.reason
            return None

    def find(self, prefix: str) -> Record:
        """Find the record whose id begins with ``prefix``. Raises UsageError where none or several do."""
        return read_record(self.find_path(prefix))

    def find_path(self, prefix: str) -> Path:
        """Find the file of the record whose id begins with ``prefix``. Raises UsageError where none or several do."""
        paths = [path for path in self.paths() if path.name.startswith(prefix)]
        if len(paths) != 1:
            found = f"{len(paths)} run IDs" if paths else "No run ID"
            start = "start" if paths else "starts"
            raise UsageError(f"{found} in {self.root} {start} with '{prefix}' (see: run_benchmark.py list runs)")
        return paths[0]

    def complete(self, record: Record) -> bool:
        """Return whether the per-item arrays that a record names are there as they were written."""
        path = self.items_path(record.id)
        try:
            return record.items is None or (path.is_file() and checksum(path.read_bytes()) == record.items.sha256)
        except OSError:
            return False


def bound_to(data: bytes) -> tuple[str, Any] | None:
    """Return the id that predictions were made for, and what validation chose; None where they do not say.

    Raises ValueError.
    """
    found = read_arrays(io.BytesIO(data), (MADE_FOR, SCORED_WITH))
    if len(found) < 2:
        return None
    return str(found[MADE_FOR]), json.loads(str(found[SCORED_WITH]))


def require_writable(folders: Iterable[Path]) -> None:
    """Raise UsageError for the first folder that is there and cannot be written: what is made for it would be lost."""
    for folder in folders:
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(
                f"{folder} belongs to {_owner(folder)} and cannot be written; ask for the right to, or give another "
                "results folder with --results DIR"
            )


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except (KeyError, OSError):
        return "another user"
