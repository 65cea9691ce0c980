"""The figures of a record beside what its items give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from inkbench.benchmark.scorers import scorer_of
from inkbench.benchmark.store.identity import SCORED_BY
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.record_parts import Figure
from inkbench.tasks.metrics.metric import Metric

RELATIVE = 1e-9
"""The difference of a figure from what its items give, as a share of it, that another machine's sums may make."""
Given = Mapping[str, tuple[float, int]]
"""By metric: what items give, and how many they are."""


def given(task: str, items: Mapping[str, np.ndarray]) -> dict[str, tuple[float, int]]:
    """Return the finite figures that items give. Raises UsageError for an unknown task, ValueError for other items."""
    scorer = scorer_of(task)
    try:
        values, counts = scorer.aggregate(items), scorer.counts(items)
        return {name: (float(value), int(counts[name])) for name, value in values.items() if np.isfinite(value)}
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"its items give no figures ({type(error).__name__}: {error})") from None


def departures(record: Record, found: Given) -> Iterator[str]:
    """Yield the figures that are not what the items give; those of other definitions than today's are passed over."""
    scorer = scorer_of(record.task)
    versions = record.identity.get(SCORED_BY, {})
    for name, figure in record.metrics.items():
        if not scorer.defines(name):
            continue
        metric = scorer.definition(name)
        if versions and str(versions.get(metric.name)).partition("-")[0] != str(figure.version):
            yield f"has version {figure.version} of {name}, its identity {versions.get(metric.name)}"
        elif figure.version == metric.version:
            yield from _of_figure(name, figure, metric, found.get(name))
    for name in found.keys() - record.metrics.keys():
        metric = scorer.definition(name)
        if versions.get(metric.name) == metric.version:
            yield f"lacks {name}, of which its items give {found[name][0]:.9g}"


def _of_figure(name: str, figure: Figure, metric: Metric, found: tuple[float, int] | None) -> Iterator[str]:
    if found is None:
        yield f"has {name} {figure.value:.6g}, which its items do not give"
        return
    value, count = found
    if abs(figure.value - value) > RELATIVE * max(abs(figure.value), abs(value)):
        yield f"has {name} {figure.value:.9g}, its items give {value:.9g}"
    elif (figure.n, figure.direction, figure.unit) != (count, metric.direction, metric.unit):
        yield f"has another n, unit or direction of {name} than its items give"
