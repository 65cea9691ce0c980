"""Predictions on damaged test images: their name, and the figure that they give."""

from __future__ import annotations

from collections.abc import Sequence

from inkbench.benchmark.api import Predictions, Task, Truth
from inkbench.benchmark.data.damage.catalogue import VERSION, Damage
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.scoring.score import score
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.record_parts import Figure
from inkbench.benchmark.training.task_data import TaskData


def damaged_work(work: str, damage: Damage) -> str:
    """Return the name of the predictions of a work under a damage, as this version of it changes pixels."""
    return f"{work}-{damage.name}-{damage.strength}-v{VERSION}"


def damaged_figure(
    task: Task, clean: TaskData, truths: Sequence[Truth], predictions: Predictions, record: Record
) -> Figure:
    """Score predictions on damaged images as the run's own were. Raises RunError for those of other items."""
    if len(predictions) != len(clean.items):
        raise RunError(f"{len(predictions)} predictions under damage, {len(clean.items)} test items")
    scored = score(task, predictions, clean.items, truths, record.calibration)
    return Figure.model_validate(scored.metrics[record.primary])
