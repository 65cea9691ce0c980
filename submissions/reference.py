"""The truth that a submission is scored against: a split of a dataset, read as its task reads it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark import registry
from benchmark.api import Item, Split, Task, Truth
from benchmark.data.dataset import SPLITS, Dataset
from benchmark.data.images import BadImage, clamp_crop, size_of
from benchmark.data.locate import Sets, open_dataset
from benchmark.errors import Refusal
from benchmark.progress import Progress
from benchmark.request import settings_of


@dataclass(frozen=True, slots=True)
class Asked:
    """What to score as and against: a task, a dataset (folder or id), a split, and the ``--set`` pairs of both.

    ``settings`` are those of a task that is made as a cell had it, whatever ``preset`` and ``sets`` say.
    """

    task: str = "saliency"
    data: str = ""
    split: str = "test"
    sets: Sets = ()
    preset: str = "quick"
    results: Path = Path("results")
    settings: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """The items of a split with their truths, in the dataset's order."""

    task: Task
    data: Dataset
    split: Split
    items: list[Item]
    truths: list[Truth]

    @property
    def ids(self) -> list[str]:
        """The ids of the items."""
        return [item.id for item in self.items]


def the_task(asked: Asked) -> Task:
    """The task with the settings that are asked for. Raises Refusal for one whose predictions have no form as files."""
    kind: Any = registry.load("tasks", asked.task)
    if not kind.files:
        able = [name for name in registry.names("tasks") if getattr(registry.load("tasks", name), "files", "")]
        raise Refusal(f"predictions of task '{asked.task}' have no form as files; those of {', '.join(able)} have one")
    owners = {kind.name, *registry.names("datasets")}
    for key, _ in asked.sets:
        if key.partition(".")[0] not in owners:
            raise Refusal(f"--set {key}: only settings of {kind.name} and of the dataset count here")
    if asked.settings is None:
        task: Task = kind(kind.Config.resolve(kind.name, asked.preset, settings_of(kind.name, asked.sets)))
        return task
    try:
        return kind(kind.Config(**asked.settings))
    except ValueError as error:
        raise Refusal(
            f"{kind.name} has other settings now ({str(error).splitlines()[0]}); give them with --set"
        ) from None


def form_of(task: Task) -> Any:
    """The module of ``submissions.formats`` that reads and writes the predictions of a task."""
    return importlib.import_module(task.files)


def read_reference(asked: Asked) -> Reference:
    """The items and truths of a split. Raises Refusal where the data, the task or a file of it cannot be had."""
    if asked.split not in SPLITS:
        raise Refusal(f"no split '{asked.split}'; there are: {', '.join(SPLITS)}")
    task = the_task(asked)
    data = open_dataset(asked.data, asked.preset, asked.sets, asked.results)
    lacking = sorted(task.needs() - data.offers())
    if lacking:
        raise Refusal(f"{asked.data} ({data.name}) has no {', '.join(lacking)}, which {task.name} is scored against")
    data.prepare(Progress(quiet=True))
    split: Split = next(name for name in SPLITS if name == asked.split)
    items = task.items(data, split)
    if not items:
        raise Refusal(f"{asked.data} has no {task.view().kind} in its {split} split")
    return Reference(task, data, split, items, [_truth(task, item) for item in items])


def _truth(task: Task, item: Item) -> Truth:
    try:
        return task.truth(item, *_sides(item))
    except BadImage as problem:
        raise Refusal(f"the reference cannot be read: {problem}; mend the file, or leave the item out") from None


def _sides(item: Item) -> tuple[int, int]:
    """Width and height in pixels of an item (of its crop, where there is one). Raises BadImage."""
    width, height = size_of(item.path)
    if item.crop is None:
        return width, height
    x0, y0, x1, y1 = clamp_crop(item.path, item.crop, width, height)
    return x1 - x0, y1 - y0
