"""The truth that a submission is scored against: a split of a dataset, read as its task reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.api import Item, Predictions, Split, Task, Truth
from inkbench.benchmark.config import settings_of
from inkbench.benchmark.contracts.dataset import SPLITS, Dataset
from inkbench.benchmark.contracts.prediction_format import PredictionFormat
from inkbench.benchmark.data.images import clamp_crop, size_of
from inkbench.benchmark.data.locate import Sets, open_dataset
from inkbench.benchmark.data.own_numbers import reading_options
from inkbench.benchmark.errors import RunError, UsageError, brief
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.scoring.score import item_arrays
from inkbench.benchmark.store.arrays import arrays_bytes, pack
from inkbench.benchmark.training.task_data import part_of
from inkbench.submissions.formats.numbers import OWN
from inkbench.submissions.program import SCHEMA
from inkbench.submissions.program import Truth as Bundled


@dataclass(frozen=True, slots=True)
class Asked:
    """The task and data to score against: a task, a dataset (folder or id), a split, and the ``--set`` pairs of both.

    ``settings`` are those of a task that is made as a run had it, whatever ``preset`` and ``sets`` say, and
    ``calibration`` what validation chose for it.
    """

    task: str = "saliency"
    data: str = ""
    split: str = "test"
    sets: Sets = ()
    preset: str = "quick"
    results: Path = Path("results")
    settings: Mapping[str, Any] | None = None
    calibration: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reference:
    """The items of a split with their truths, in the dataset's order; ``options`` are those of the scorer."""

    task: Task
    data: Dataset
    split: Split
    items: list[Item]
    truths: list[Truth]
    options: dict[str, Any]

    @property
    def ids(self) -> list[str]:
        """The ids of the items."""
        return [item.id for item in self.items]

    @property
    def read_options(self) -> dict[str, Any]:
        """The options of the form: those of the scorer, and the numbers that the dataset's own files give."""
        return reading_options(self.data, self.ids, self.options)


def the_task(asked: Asked) -> Task:
    """Return the task with the settings that are asked for.

    Raises UsageError for one whose predictions have no form as files.
    """
    kind: Any = registry.load("tasks", asked.task)
    if kind.prediction_format is None:
        others: dict[str, Any] = registry.usable("tasks")
        able = [name for name, other in others.items() if other.prediction_format is not None]
        raise UsageError(
            f"predictions of task '{asked.task}' have no file format; tasks that have one: {', '.join(able)}"
        )
    owners = {kind.name, *registry.names("datasets")}
    for key, _ in asked.sets:
        if key.partition(".")[0] not in owners:
            raise UsageError(f"--set {key}: only settings of {kind.name} and of the dataset apply here")
    task: Task
    if asked.settings is None:
        task = kind(kind.Config.resolve(kind.name, asked.preset, settings_of(kind.name, asked.sets)))
        return task
    try:
        task = kind(kind.Config(**asked.settings))
        return task
    except ValueError as error:
        raise UsageError(
            f"{kind.name} has other settings now ({str(error).splitlines()[0]}); give them with --set"
        ) from None


def task_of(truth: Bundled, asked: Asked = Asked()) -> Task:
    """Return the task that a bundle's reference is of. Raises UsageError for one that is not known here.

    A bundle names no file of Python: what it names is never imported.
    """
    if truth.task not in registry.names("tasks"):
        known = ", ".join(registry.names("tasks"))
        raise UsageError(f"the reference is of task {brief(truth.task)}, which is not known here; there are: {known}")
    return the_task(replace(asked, task=truth.task))


def form_of(task: Task) -> PredictionFormat:
    """Return the form that reads and writes a task's predictions; ``the_task`` refuses a task without one."""
    assert task.prediction_format is not None
    return task.prediction_format


def served(reference: Reference) -> dict[str, Any]:
    """Return the options of a reference without what a server cannot compute (``Scorer.served``)."""
    return dict(reference.task.scorer.served(reference.options))


def read_reference(asked: Asked) -> Reference:
    """Return the items and truths of a split.

    Raises UsageError where the data, the task or a file of it cannot be had.
    """
    if asked.split not in SPLITS:
        raise UsageError(f"no split '{asked.split}'; there are: {', '.join(SPLITS)}")
    task = the_task(asked)
    data = open_dataset(asked.data, asked.preset, asked.sets, asked.results)
    lacking = sorted(task.needs() - data.offers())
    if lacking:
        raise UsageError(f"{asked.data} ({data.name}) has no {', '.join(lacking)}, which {task.name} is scored against")
    task.bind(data)
    data.prepare(Progress(quiet=True))
    split: Split = next(name for name in SPLITS if name == asked.split)
    items = task.items(data, split)
    if not items:
        raise UsageError(f"{asked.data} has no {task.view().kind} in its {split} split")
    truths = [_truth(task, item) for item in items]
    return Reference(task, data, split, items, truths, {**task.score_options(), **asked.calibration})


def _truth(task: Task, item: Item) -> Truth:
    try:
        return task.truth(item, *_sides(task, item))
    except RunError as problem:
        raise UsageError(f"the reference cannot be read: {problem}; fix the file, or leave the item out") from None


def _sides(task: Task, item: Item) -> tuple[int, int]:
    """Return width and height in pixels of the first image that an item has (of its crop, where it has one)."""
    shown = next((part for name in task.views() if (part := part_of(item, name)) is not None), item)
    width, height = size_of(shown.path)
    if shown.crop is None:
        return width, height
    x0, y0, x1, y1 = clamp_crop(shown.path, shown.crop, width, height)
    return x1 - x0, y1 - y0


def trivial(reference: Reference) -> Predictions:
    """Return the predictions of the last of the task's trivial baselines for the items of a reference."""
    task = reference.task
    train = [_truth(task, item) for item in task.items(reference.data, "train")]
    placements = [task.view().place(*_sides(task, item)) for item in reference.items]
    return task.predict_trivial(task.trivial[-1], train, reference.truths, placements)


def reference_files(
    reference: Reference, options: Mapping[str, Any], strict: bool, columns: Mapping[str, str]
) -> dict[str, bytes]:
    """Return a reference as a scoring program takes it (``submissions.program.Truth``), by file."""
    told = {
        "schema": SCHEMA,
        "task": reference.task.name,
        "options": dict(options),
        "numbers": reference.read_options[OWN],
        "strict": strict,
        "items": {name: values.tolist() for name, values in item_arrays(reference.items).items()},
        "columns": dict(columns),
    }
    return {
        "reference.json": (json.dumps(told, indent=1) + "\n").encode(),
        "truths.npz": arrays_bytes(pack(reference.truths)),
    }
