"""The lines of ``list runs``: every record, and behind them the files that are none that is believed."""

from __future__ import annotations

from typing import Any

from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store


def run_rows(store: Store) -> list[dict[str, Any]]:
    """Return a line for each record of a results folder, by the keys of ``list runs --json``."""
    rows = [_row(record) for record in store.records()]
    return [*rows, *(_bad_row(run, why) for run, why in store.left_out.items())]


def _row(record: Record) -> dict[str, Any]:
    """Return the line of a record."""
    figure = record.metrics.get(record.primary)
    value = figure.value if figure else None
    found = f"{record.primary} {value:z.4f}" if value is not None else record.reason
    changed = " ".join(f"{key}={value}" for key, value in record.changed.items())
    backbone = record.backbone.name if record.backbone else "-"
    what = f"{record.method} on {record.task}/{record.protocol}, {record.data.called}, {backbone}"
    how = f"seed {record.seed}, {record.preset} {changed}".rstrip()
    return {
        "name": record.id,
        "summary": f"{record.status:8} {what}, {how}: {found}",
        "status": record.status,
        "method": record.method,
        "task": record.task,
        "protocol": record.protocol,
        "seed": record.seed,
        "value": value,
    }


def _bad_row(run: str, why: str) -> dict[str, Any]:
    """Return the row of a file that is no record, or none that is believed."""
    unknown = dict.fromkeys(("method", "task", "protocol", "seed", "value"))
    return {"name": run, "summary": f"{'invalid':8} {why}", "status": "invalid", **unknown}
