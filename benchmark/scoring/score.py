"""A record's metrics and the per-item arrays beside it, from predictions and truths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inkbench.benchmark.api import Item, Predictions, Task, Truth
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.scorers import scorer_for
from inkbench.tasks.metrics.scorer import Scorer


@dataclass(frozen=True, slots=True)
class Scored:
    """Result of a task's scorer on a split: metrics as a record has them, items, what a reader must know."""

    metrics: dict[str, dict[str, Any]]
    items: dict[str, np.ndarray]
    notes: list[str]

    @property
    def empty(self) -> list[str]:
        """The ids of items without any truth."""
        return self.items["id"][self.items["empty"]].tolist() if "empty" in self.items else []


def score(
    task: Task,
    predictions: Predictions,
    items: Sequence[Item],
    truths: Sequence[Truth],
    calibration: Mapping[str, Any],
) -> Scored:
    """Score predictions, one for each item, with what validation has chosen (``Task.calibrate``).

    Raises RunError where the primary metric has no finite value.
    """
    scorer = scorer_for(task)
    ids = [item.id for item in items]
    options = {**task.score_options(), **calibration}
    arrays = {**scorer.score_items(predictions, truths, ids=ids, **options), **item_arrays(items)}
    return Scored(metric_entries(scorer, arrays), arrays, list(scorer.notes(arrays)))


def item_arrays(items: Sequence[Item]) -> dict[str, np.ndarray]:
    """Return the items' ids, series and, where known, styles."""
    arrays = {"id": np.array([item.id for item in items]), "series": np.array([item.series for item in items])}
    if any(item.style for item in items):
        arrays["style"] = np.array([item.style or "" for item in items])
    return arrays


def metric_entries(scorer: Scorer, items: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Return every metric with its definition and n. Raises RunError where the primary one has no finite value."""
    values, counts = scorer.aggregate(items), scorer.counts(items)
    entries = {}
    for name, value in values.items():
        metric = scorer.definition(name)
        if not np.isfinite(value):
            raise RunError(f"{name} is {value}: its items hold something that is not finite")
        entries[name] = {
            "value": float(value),
            "unit": metric.unit,
            "direction": metric.direction,
            "n": int(counts[name]),
            "version": metric.version,
        }
    primary = scorer.primary.name
    if primary not in entries:
        raise RunError(f"{primary} has no value on test: there is nothing to score")
    return entries
