"""The network of a finished experiment on a folder of images without truth: what a challenge asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inkbench.benchmark.api import Item, Predictions
from inkbench.benchmark.data.files import images_below
from inkbench.benchmark.data.fingerprint import fingerprint
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.planning import planner
from inkbench.benchmark.planning.experiment import Experiment
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running import evaluate
from inkbench.benchmark.running.replay import request_of
from inkbench.benchmark.running.workspace import Workspace
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training import engine


def predict_folder(
    store: Store, record: Record, folder: Path, progress: Progress
) -> tuple[dict[str, np.ndarray], Predictions]:
    """Predict each image below ``folder`` that can be read; return the images and the predictions.

    Of the images ``id`` (the path without suffix), ``width`` and ``height`` in pixels, each (N,), as submissions need.
    Raises UsageError where the run has no network, was made by other versions or settings than run here, or where its
    task needs more than one image an item.
    """
    items = _items(folder)
    who = f"run {record.id[:10]}"
    if record.status != "done" or record.backbone is None:
        raise UsageError(f"{who} ({record.method}) has no network to predict with; choose a run with a backbone")
    request = request_of(record, results=store.root, force=False)
    device = engine.start(1, request.precision, request.threads)
    tested = open_dataset(request.data, request.preset, request.sets, store.root)
    pretrain_data = tested
    if request.pretrain_data not in (None, request.data):
        pretrain_data = open_dataset(str(request.pretrain_data), request.preset, request.sets, store.root)
    work = planner.make(request, device, tested, pretrain_data)
    experiment = next((experiment for experiment in work.experiments if experiment.work == record.work), None)
    if experiment is None:
        raise UsageError(f"{who} was made by other versions, on other data or another machine; repeat it here")
    _check(experiment, who)
    workspace = Workspace(request, work, device, store, progress, lambda event: None)
    workspace.prepare(work.data)
    data, predictions = evaluate.predict(
        workspace, experiment, record, items, fingerprint(folder, [item.path for item in items])
    )
    found = {
        "id": np.array([item.id for item in data.items]),
        "width": np.array([place.width for place in data.placements]),
        "height": np.array([place.height for place in data.placements]),
    }
    return found, predictions


def _items(folder: Path) -> list[Item]:
    if not folder.is_dir():
        raise UsageError(f"no folder {folder}")
    items = []
    for file in images_below(folder):
        name = file.relative_to(folder).with_suffix("").as_posix()
        items.append(Item(name, file, name, "test"))
    if not items:
        raise UsageError(f"{folder} contains no images")
    return items


def _check(experiment: Experiment, who: str) -> None:
    """Refuse tasks and protocols whose network is not one that looks at an image alone."""
    if len(experiment.task.views()) > 1:
        raise UsageError(
            f"{who}: {experiment.task.name} needs {' and '.join(experiment.task.views())} of an item, not at one image"
        )
    if experiment.task.needs_for(experiment.protocol):
        raise UsageError(f"{who}: {experiment.protocol} has a network per group and none for images without a group")
