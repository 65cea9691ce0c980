"""Stored predictions of a run scored again against the truths of its data, without a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from inkbench.benchmark import registry
from inkbench.benchmark.api import NotApplicable, Task
from inkbench.benchmark.contracts.dataset import Dataset
from inkbench.benchmark.data.cache import Caching
from inkbench.benchmark.data.cache import build as build_cache
from inkbench.benchmark.data.damage.catalogue import VERSION, Damage
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.leak_check import without
from inkbench.benchmark.running.replay import request_of
from inkbench.benchmark.running.under_damage import damaged_figure, damaged_work
from inkbench.benchmark.scorers import metric_versions, scorer_for
from inkbench.benchmark.scoring.score import score
from inkbench.benchmark.store.arrays import read_arrays
from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.store.identity import SCORED_BY, plugged_metrics, record_id
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.record_parts import Robustness
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training.damaged_data import damaged_truths
from inkbench.benchmark.training.task_data import TaskData


@dataclass(frozen=True, slots=True)
class Tested:
    """What a run was tested on: its data, its task as it was configured, the test items."""

    data: Dataset
    task: Task
    test: TaskData


class SharedTests:
    """The test items of runs of a results folder, read once for all runs that share them."""

    def __init__(self, store: Store, progress: Progress) -> None:
        self.store, self.progress = store, progress
        self._known: dict[str, Tested] = {}

    def of(self, record: Record) -> Tested:
        """Return what a run was tested on. Raises UsageError where its data have changed or its task is another now."""
        asked = record.request.resolved
        kept = {name: asked.get(name) for name in ("data", "preset", "sets")}
        key = key_of([kept, record.data.fingerprint, record.task, record.settings.task])
        if key not in self._known:
            try:
                data = self._data(record)
                task = _the_task(record, data)
                self._known[key] = Tested(data, task, self._items(task, data))
            except (RunError, OSError, ValueError) as error:
                raise UsageError(f"{record.id[:10]} {record.method} on {record.task}: {error}") from None
        return self._known[key]

    def _data(self, record: Record) -> Dataset:
        """Return the dataset that a record was made on. Raises UsageError where its files changed or are gone."""
        request = request_of(record)
        try:
            data = open_dataset(request.data, request.preset, request.sets, self.store.root)
        except UsageError as refusal:
            raise UsageError(f"{record.id[:10]} {record.method} on {record.task}: {refusal}") from None
        if data.drawn and data.fingerprint() != record.data.fingerprint:
            raise _other_data(data, record)  # before anything is drawn
        data.prepare(Progress(quiet=True))
        if data.fingerprint() != record.data.fingerprint:
            raise _other_data(data, record)
        return data

    def _items(self, task: Task, data: Dataset) -> TaskData:
        folder = self.store.root / "cache" / "images"
        views = task.views()
        return TaskData.of(
            task,
            task.items(data, "test"),
            lambda name, items: build_cache(items, views[name], Caching(folder, data.fingerprint(), self.progress, 1)),
        )


def _other_data(data: Dataset, record: Record) -> UsageError:
    return UsageError(f"{data.root} has changed since run {record.id[:10]}; repeat the run")


def _the_task(record: Record, data: Dataset) -> Task:
    """Return the task as it was configured. Raises UsageError where its settings are no longer known."""
    kind: Any = registry.load_named("tasks", record.task)
    try:
        task: Task = kind(kind.Config(**(record.settings.task or {})))
    except ValueError as error:
        raise UsageError(
            f"{record.id[:10]}: {record.task} has other settings now ({str(error).splitlines()[0]})"
        ) from None
    task.bind(data)
    return task


def score_again(store: Store, record: Record, tested: Tested) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the fields of a record that scoring its predictions gives today, and the items.

    Raises UsageError where they cannot be scored.
    """
    who = f"{record.id[:10]} {record.method} on {record.task}, seed {record.seed}"
    if record.status != "done":
        raise UsageError(f"{who} is {record.status}; only a finished run has predictions")
    predictions = store.read_predictions(record)
    task, test = tested.task, tested.test
    ids = [item.id for item in test.items]
    before = _items_of(store, record)
    if ids != before["id"].tolist():
        raise UsageError(
            f"{who}: the test items of {tested.data.root} have changed since the prediction; repeat the run"
        )
    if len(predictions) != len(ids):
        raise UsageError(f"{who}: {len(predictions)} predictions for {len(ids)} test items; repeat the run")
    versions = metric_versions(task)
    if lost := sorted(plugged_metrics(record.identity).keys() - versions.keys()):
        raise UsageError(f"{who}: also scored by {', '.join(lost)} of a plugin file; name it with --plugin FILE.py")
    try:
        scored = score(task, predictions, test.items, test.truths, record.calibration)
    except (RunError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise UsageError(f"{who}: its predictions cannot be scored ({error})") from None
    identity = {**record.identity, SCORED_BY: versions}
    fields: dict[str, Any] = {
        "id": record.id if identity == record.identity else record_id(identity),
        "identity": identity,
        "metrics": scored.metrics,
        "notes": tuple(scored.notes),
        "primary": task.scorer.primary.name,
    }
    if scored.empty:
        fields["exclusions"] = record.exclusions.model_copy(update={"empty_truth": tuple(scored.empty)})
    if record.robustness:
        fields["robustness"] = _under_damage(store, record, tested)
    if record.leaks:
        suspect = np.asarray(before.get("leak", np.zeros(len(ids), dtype=bool)), dtype=bool)
        left = without(scorer_for(task), scored.items, suspect, scored.metrics)
        fields["leaks"] = record.leaks.model_copy(update={"without": left})
        if suspect.any():
            scored.items["leak"] = suspect
    return fields, scored.items


def _under_damage(store: Store, record: Record, tested: Tested) -> Robustness:
    """Return the figures under damage that their stored predictions give today. Raises UsageError."""
    told = record.robustness
    assert told is not None
    if told.version != VERSION:
        raise UsageError(f"{record.id[:10]}: its figures under damage are of version {told.version} of the damages")
    under = {}
    for name, damaged in told.under.items():
        try:
            damage = Damage.of(name)
            truths = damaged_truths(tested.task, tested.test, damage)
            found = store.read_named(damaged_work(record.made, damage), damaged.predictions.sha256)
            under[name] = damaged.model_copy(
                update={"figure": damaged_figure(tested.task, tested.test, truths, found, record)}
            )
        except (NotApplicable, RunError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise UsageError(f"{record.id[:10]}: its predictions under {name} cannot be scored ({error})") from None
    return told.model_copy(update={"under": under, "chance": tested.task.chance()})


def _items_of(store: Store, record: Record) -> dict[str, np.ndarray]:
    path = store.items_path(record.id)
    try:
        items = read_arrays(path)
        return {"id": items["id"], **items}
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"the items {path} cannot be read ({error}); run it again with --force") from None
