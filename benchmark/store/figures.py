"""The figures of a record beside what its items give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from inkbench.benchmark.scorers import scorer_of
from inkbench.benchmark.store.record import Record

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
    for name, figure in record.metrics.items():
        if not scorer.defines(name) or figure.version != (metric := scorer.definition(name)).version:
            continue
        if name not in found:
            yield f"has {name} {figure.value:.6g}, which its items do not give"
            continue
        value, count = found[name]
        told: tuple[Any, ...] = (figure.n, figure.direction, figure.unit)
        if abs(figure.value - value) > RELATIVE * max(abs(figure.value), abs(value)):
            yield f"has {name} {figure.value:.9g}, its items give {value:.9g}"
        elif told != (count, metric.direction, metric.unit):
            yield f"has another n, unit or direction of {name} than its items give"
