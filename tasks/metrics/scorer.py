"""The contract of a scorer: predictions and truths become items, items become metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inkbench.tasks.metrics.items import Items, Resampler, mean_resampler
from inkbench.tasks.metrics.metric import Metric

Options = Mapping[str, Any]


def no_notes(items: Items) -> list[str]:
    """Return no notes."""
    del items
    return []


def all_options(options: Options) -> Options:
    """Return the options as they are."""
    return options


def same_name(metric: str) -> str:
    """Return the metric's own name."""
    return metric


@dataclass(frozen=True, slots=True)
class Scorer:
    """The scorer of a task's predictions, as pure functions on arrays.

    ``metrics``: their definitions, the primary one first.
    ``score_items(predictions, truths, ids=None, **options)`` gives the items (see ``items``); errors name the item.
    ``aggregate(items, weights=None)`` gives each metric's value; ``weights`` (N,) is the whole multiplicity of an item.
    ``counts(items)`` gives what each metric is averaged over.
    ``resampler(items, metric)`` gives one metric as a function of weights (N,), prepared for many calls.
    ``notes(items)`` gives lines that a reader of the figures must know.
    ``served(options)`` leaves out the options of ``score_items`` that need more than numpy and Pillow, which is all
    that a challenge's server has.
    ``column(metric)`` names the array of items that holds a metric's value of each item.
    """

    metrics: tuple[Metric, ...]
    score_items: Callable[..., dict[str, Any]]
    aggregate: Callable[..., dict[str, float]]
    counts: Callable[[Items], dict[str, int]]
    resampler: Callable[[Items, str], Resampler] = mean_resampler
    notes: Callable[[Items], Sequence[str]] = no_notes
    served: Callable[[Options], Options] = all_options
    column: Callable[[str], str] = same_name

    @classmethod
    def of_means(cls, metrics: Sequence[Metric], score_items: Callable[..., dict[str, Any]]) -> Scorer:
        """Build the scorer whose every metric is the mean over items of the array that ``score_items`` calls so."""
        names = [metric.name for metric in metrics]

        def aggregate(items: Items, weights: np.ndarray | None = None) -> dict[str, float]:
            return {name: float(np.average(items[name], weights=weights)) for name in names}

        def counts(items: Items) -> dict[str, int]:
            return {name: len(items[name]) for name in names}

        return cls(tuple(metrics), score_items, aggregate, counts)

    @property
    def primary(self) -> Metric:
        """The metric that decides between trials and ranks rows."""
        return self.metrics[0]

    @property
    def module(self) -> str:
        """The full name of the module that it is defined in, as ``SCORER``."""
        return self.score_items.__module__

    def definition(self, name: str) -> Metric:
        """Return the definition behind a figure. Raises KeyError where there is none.

        A figure is called like its metric, or like a form of it: ``metric[part]`` is of a part of the test set (a
        class), ``metric@style`` of images of a style. Of several metrics that it may be a form of, the longest name
        counts: ``map@r@toon`` is a form of ``map@r``, not of ``map``.
        """
        found = [metric for metric in self.metrics if f"{name}@".startswith((f"{metric.name}@", f"{metric.name}["))]
        if not found:
            raise KeyError(name)
        return max(found, key=lambda metric: len(metric.name))

    def defines(self, name: str) -> bool:
        """Return whether a figure may be called so."""
        return any(f"{name}@".startswith((f"{metric.name}@", f"{metric.name}[")) for metric in self.metrics)
