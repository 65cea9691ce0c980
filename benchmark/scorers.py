"""The scorer behind a record, by its task's name, with the metrics that are plugged in; nothing of it needs torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inkbench.benchmark import registry
from inkbench.benchmark.api import ItemMetric, Items, Metric, RunError, Scorer, Task
from inkbench.benchmark.errors import UsageError
from inkbench.tasks.metrics.items import Resampler, WeightedMean


def scorer_of(task: str) -> Scorer:
    """Return the scorer of the task of that name. Raises UsageError where there is no such task."""
    return scorer_for(registry.load_named("tasks", task))


def scorer_for(task: Any) -> Scorer:
    """Return the scorer of a task (or its class): its own, then the metrics that are plugged in for it.

    Raises UsageError where one of these has the name of another metric.
    """
    scorer: Scorer = task.scorer
    for metric in _plugged(task.name):
        if scorer.defines(metric.name):
            raise UsageError(f"metric '{metric.name}' is one of {task.name}'s own; give yours another name")
        scorer = _with(scorer, metric)
    return scorer


def metric_versions(task: Task) -> dict[str, int | str]:
    """The metrics of a task with the versions of their definitions, the primary one first.

    That of a lone file's metric is text, ``VERSION-CHECKSUM``: another file is another definition.
    """
    files = {metric.name: registry.file_of(type(metric)) for metric in _plugged(task.name)}
    return {
        metric.name: f"{metric.version}-{file}" if (file := files.get(metric.name)) else metric.version
        for metric in scorer_for(task).metrics
    }


def _plugged(task: str) -> list[ItemMetric]:
    """The metrics that are plugged in for a task, by name."""
    kinds = registry.usable("metrics", lambda entry: entry.task in ("", task)).values()
    return [kind() for kind in kinds if issubclass(kind, ItemMetric) and kind.task == task]


def _with(scorer: Scorer, metric: ItemMetric) -> Scorer:
    """A scorer that carries one metric more, behind its own."""
    name = metric.name

    def score_items(
        predictions: Sequence[Any], truths: Sequence[Any], ids: Sequence[str] | None = None, **options: Any
    ) -> dict[str, Any]:
        items = scorer.score_items(predictions, truths, ids=ids, **options)
        called = ids if ids is not None else range(len(truths))
        return {
            **items,
            name: np.array([_value(metric, *one) for one in zip(predictions, truths, called, strict=True)]),
        }

    def resampler(items: Items, asked: str) -> Resampler:
        return _mean(items, name) if asked == name else scorer.resampler(items, asked)

    def aggregate(items: Items, weights: np.ndarray | None = None) -> dict[str, float]:
        figures = scorer.aggregate(items, weights)
        if name not in items or not _mean(items, name).present.any():
            return figures
        found = _mean(items, name)(np.ones(len(items[name])) if weights is None else weights)
        return {**figures, **({name: found} if not np.isnan(found) else {})}

    def counts(items: Items) -> dict[str, int]:
        there = {name: int(_mean(items, name).present.sum())} if name in items else {}
        return {**scorer.counts(items), **there}

    about = f"mean over items ({type(metric).__doc__ or name})"
    return replace(
        scorer,
        metrics=(*scorer.metrics, Metric(name, metric.unit, metric.direction, about, metric.version)),
        score_items=score_items,
        aggregate=aggregate,
        counts=counts,
        resampler=resampler,
        column=lambda asked: name if asked == name else scorer.column(asked),
    )


def _value(metric: ItemMetric, prediction: Mapping[str, np.ndarray], truth: Any, item: object) -> float:
    """The figure of one item. Raises RunError where the metric's own code fails."""
    try:
        return float(metric.value(prediction, truth))
    except Exception as error:
        raise RunError(f"metric {metric.name}, item {item}: {type(error).__name__}: {error}") from error


def _mean(items: Items, name: str) -> WeightedMean:
    values = np.asarray(items[name], dtype=np.float64)
    there = ~np.isnan(values)
    return WeightedMean(np.where(there, values, 0.0), there.astype(np.float64))
