"""``rescore``: new metrics from stored predictions, without a model, after a metric's definition has changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from inkbench.benchmark import registry
from inkbench.benchmark.api import Task
from inkbench.benchmark.contracts.dataset import Dataset
from inkbench.benchmark.data.cache import Caching
from inkbench.benchmark.data.cache import build as build_cache
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.escaping import terminal
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.leak_check import without
from inkbench.benchmark.scorers import metric_versions, scorer_for
from inkbench.benchmark.scoring.score import score
from inkbench.benchmark.store.arrays import read_arrays
from inkbench.benchmark.store.identity import SCORED_BY, plugged_metrics, record_id
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training.task_data import TaskData


def rescore(store: Store, prefix: str | None, progress: Progress) -> int:
    """Score the stored predictions of a run, or of all that are done; prints what changed, gives the exit status.

    Equal definitions write the record anew in its place. Where a definition has changed since, the record gets the id
    that a run with the new definition would give it; the old one stays.
    Raises UsageError where one named run cannot be
    scored; of all runs those that cannot are told and the status is 1.
    """
    if prefix is not None:
        print(terminal(_again(store, store.find(prefix), progress)))
        return 0
    status = 0
    done = [record for record in store.records() if record.status == "done"]
    if not done:
        raise UsageError(f"no finished run in {store.root}; nothing to rescore")
    for record in done:
        try:
            print(terminal(_again(store, record, progress)))
        except UsageError as refusal:
            progress.say(str(refusal))
            status = 1
    return status


def _again(store: Store, record: Record, progress: Progress) -> str:
    """Score one record again and write it; gives the line that says what became of its primary metric."""
    who = f"{record.id[:10]} {record.method} on {record.task}, seed {record.seed}"
    if record.status != "done":
        raise UsageError(f"{who} is {record.status}; only a finished run has predictions")
    predictions = store.read_predictions(record)
    request = Request.model_validate(record.request.resolved)
    data = _the_data(record, request, store)
    task = _the_task(record, data)
    test = _the_items(task, data, store, progress)
    ids = [item.id for item in test.items]
    before = read_arrays(store.items_path(record.id))
    if ids != before["id"].tolist():
        raise UsageError(f"{who}: the test items of {data.root} have changed since the prediction; repeat the run")
    try:
        scored = score(task, predictions, test.items, test.truths, record.calibration)
    except RunError as error:
        raise UsageError(f"{who}: {error}") from None
    versions = metric_versions(task)
    if lost := sorted(plugged_metrics(record.identity).keys() - versions.keys()):
        raise UsageError(f"{who}: also scored by {', '.join(lost)} of a plugin file; name it with --plugin FILE.py")
    identity = {**record.identity, SCORED_BY: versions}
    same = identity == record.identity
    changed: dict[str, Any] = {
        "id": record.id if same else record_id(identity),
        "identity": identity,
        "metrics": scored.metrics,
        "notes": tuple(scored.notes),
        "primary": task.scorer.primary.name,
    }
    if scored.empty:
        changed["exclusions"] = record.exclusions.model_copy(update={"empty_truth": tuple(scored.empty)})
    if record.leaks:
        suspect = before.get("leak", np.zeros(len(ids), dtype=bool))
        left = without(scorer_for(task), scored.items, suspect, scored.metrics)
        changed["leaks"] = record.leaks.model_copy(update={"without": left})
        if suspect.any():
            scored.items["leak"] = suspect
    if changed["id"] != record.id:
        changed["was"] = record.id
    new = store.write(record.but(**changed), scored.items)
    return f"{who}: {_change(record, new)}"


def _the_data(record: Record, request: Request, store: Store) -> Dataset:
    """Return the dataset that a record was made on. Raises UsageError where its files changed since or are gone."""
    try:
        data = open_dataset(request.data, request.preset, request.sets, store.root)
    except UsageError as refusal:
        raise UsageError(f"{record.id[:10]} {record.method} on {record.task}: {refusal}") from None
    data.prepare(Progress(quiet=True))
    if data.fingerprint() != record.data.fingerprint:
        raise UsageError(f"{data.root} has changed since run {record.id[:10]}; repeat the run")
    return data


def _the_task(record: Record, data: Dataset) -> Task:
    """Return the task as it was configured. Raises UsageError where its settings are no longer known."""
    kind: Any = registry.load("tasks", record.task)
    try:
        task: Task = kind(kind.Config(**(record.settings.task or {})))
    except ValueError as error:
        raise UsageError(
            f"{record.id[:10]}: {record.task} has other settings now ({str(error).splitlines()[0]})"
        ) from None
    task.bind(data)
    return task


def _the_items(task: Task, data: Dataset, store: Store, progress: Progress) -> TaskData:
    folder = store.root / "cache" / "images"
    views = task.views()
    return TaskData.of(
        task,
        task.items(data, "test"),
        lambda name, items: build_cache(items, views[name], Caching(folder, data.fingerprint(), progress, 1)),
    )


def _change(old: Record, new: Record) -> str:
    """Say in words what scoring again changed, the primary metric first."""
    before, after = old.metrics, new.metrics
    told = [new.primary, *(name for name in after if name != new.primary)]
    moved = [
        f"{name} {before[name].value:.6g} -> {after[name].value:.6g}"
        for name in told
        if name in before and before[name].value != after[name].value
    ]
    fresh = [f"{name} {after[name].value:.6g} (new)" for name in told if name not in before]
    gone = [f"{name} removed" for name in before if name not in after]
    home = "" if new.id == old.id else f"; now run {new.id[:10]}"
    unchanged = f"{new.primary} {after[new.primary].value:.6g}, nothing changed"
    return (", ".join([*moved, *fresh, *gone]) or unchanged) + home
