"""A zip of a run's stored predictions: the same run gives the same bytes; no model is opened."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from inkbench.benchmark import registry
from inkbench.benchmark.api import Task
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.store.arrays import read_arrays
from inkbench.benchmark.store.files import checksum, write_atomic, write_json
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.submissions.formats.names import Names
from inkbench.submissions.formats.spec import SPECS, Spec
from inkbench.submissions.reference import Asked, form_of, the_task

EPOCH = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o100644 << 16
UNIX = 3


Found = tuple[Mapping[str, np.ndarray], Sequence[dict[str, np.ndarray]]]
"""Items (``id`` and sizes) and a prediction for each."""


def pack(
    store: Store,
    record: Record,
    out: Path,
    spec: Spec | None = None,
    told: str = SPECS["plain"][1],
    predict: Callable[[], Found] | None = None,
) -> dict[str, Any]:
    """Write a run's predictions as ``out`` and a manifest beside it (``manifest_path``); gives the manifest.

    Names are sorted and times fixed. ``told`` says in the manifest what ``spec`` is of. In a form without loss the
    predictions are those that the run's metrics were computed from, to the bit. ``predict`` gives others in their
    place, of images that nothing is known of; it is called when all that can be refused is. Raises UsageError.
    """
    spec = spec or Spec()
    if out.suffix.lower() != ".zip":
        raise UsageError(f"--out {out} must end in .zip")
    task = _the_task(record)
    form = spec.form_of(form_of(task).forms, task.name)
    spec = replace(spec, form=form)
    items, predictions = predict() if predict else _stored(store, record)
    Names([str(item) for item in items["id"]])  # refuses two of one name
    files = dict(sorted(form_of(task).write(items, predictions, task.score_options(), spec).items()))
    data = zip_bytes(files)
    manifest = {
        "schema": 1,
        "zip": {"file": out.name, "sha256": checksum(data), "bytes": len(data)},
        "cell": record.id,
        "task": record.task,
        "settings": record.settings.task or {},
        "calibration": record.calibration,
        "method": record.method,
        "data": None if predict else record.data.model_dump(mode="json"),
        "specification": told,
        "spec": asdict(spec),
        "files": {name: checksum(content) for name, content in files.items()},
    }
    try:
        write_atomic(out, data)
        write_json(manifest_path(out), manifest)
    except OSError as problem:
        raise UsageError(f"{out} cannot be written ({problem.strerror}); give another place with --out") from None
    return manifest


def manifest_path(out: Path) -> Path:
    """Return the place of a zip's manifest: beside it, never inside."""
    return out.with_suffix(".manifest.json")


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of ``files`` in their order: deflated, at the root, all times at the zip epoch."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, FILE_MODE, UNIX
            archive.writestr(info, content)
    return buffer.getvalue()


def _the_task(record: Record) -> Task:
    """Return the task of a run that has predictions. Raises UsageError."""
    if record.status != "done":
        raise UsageError(f"run {record.id} is {record.status}: it has no predictions; run it again")
    if record.task not in (known := registry.entries("tasks")):
        raise UsageError(f"no task '{record.task}'{did_you_mean(record.task, known)}")
    return the_task(Asked(record.task, settings=record.settings.task or {}))


def _stored(store: Store, record: Record) -> Found:
    """Return items and predictions of a run. Raises UsageError where they do not belong together."""
    run = record.id
    items, predictions = _arrays(store.items_path(run)), store.read_predictions(record)
    if len(items["id"]) != len(predictions):
        raise UsageError(f"run {run} has {len(predictions)} predictions for {len(items['id'])} items; run it again")
    return items, predictions


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        return read_arrays(path)
    except (OSError, ValueError, zipfile.BadZipFile) as problem:
        raise UsageError(f"{path} cannot be read ({problem}); run it again with --force") from None
