"""Records as one plain table, a line for each run and metric: what notebooks and other statistics start from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from inkbench.benchmark.store.record import Record
from inkbench.leaderboards.groups import plain

COLUMNS = (
    *("id", "status", "method", "task", "protocol", "data", "preset", "backbone", "side", "seed", "changed"),
    *("metric", "value", "unit", "direction", "n", "version", "primary"),
)


def frame(records: Iterable[Record]) -> pd.DataFrame:
    """Return a line for each run and metric, with ``COLUMNS``; a run without figures has one line without a metric.

    ``changed`` are the settings that differ from the preset's, as they are typed; ``primary`` says whether the metric
    is the task's primary one; ``version`` is that of the metric's definition.
    """
    return pd.DataFrame([line for record in records for line in _lines(record)], columns=list(COLUMNS))


def _lines(record: Record) -> Iterator[dict[str, Any]]:
    about = {
        "id": record.id,
        "status": record.status,
        "method": record.method,
        "task": record.task,
        "protocol": record.protocol,
        "data": record.data.called,
        "preset": record.preset,
        "backbone": record.backbone.name if record.backbone else None,
        "side": record.backbone.side if record.backbone else None,
        "seed": record.seed,
        "changed": " ".join(f"{key}={plain(value)}" for key, value in record.changed.items()),
    }
    if not record.metrics:
        yield about
    for name, figure in record.metrics.items():
        yield {**about, "metric": name, **figure.model_dump(), "primary": name == record.primary}
