"""A table for spreadsheets: one line a row, full precision."""

from __future__ import annotations

import csv as csv_format
import io
from collections.abc import Sequence
from typing import Any

from inkbench.benchmark.escaping import csv as escape
from inkbench.leaderboards.table import Cell, Table


def csv(table: Table) -> str:
    """Format one line a row, full precision; beside its column an interval, an unadjusted p, scores under damage."""
    fields: list[str] = ["block", "row", "status"]
    rows = [(block, row) for block in table.blocks for row in block.rows]
    parts = {head.key: _parts([row.cells.get(head.key, Cell()) for _, row in rows]) for head in table.columns}
    for key, names in parts.items():
        fields += [key, *(f"{key}{name}" if name.startswith("@") else f"{key}.{name}" for name in names)]
    buffer = io.StringIO()
    writer = csv_format.writer(buffer, lineterminator="\n")
    writer.writerow(map(escape, [*fields, "marks", "records"]))
    for block, row in rows:
        values: list[Any] = [str(block.setup), row.label, row.status]
        for key, names in parts.items():
            cell = row.cells.get(key, Cell())
            values += [cell.value, *(_part(cell, name) for name in names)]
        writer.writerow(map(escape, [*values, "; ".join(row.marks), " ".join(row.records)]))
    return buffer.getvalue()


def _parts(cells: Sequence[Cell]) -> list[str]:
    names = ["low", "high"] if any(cell.low is not None for cell in cells) else []
    names += ["unadjusted"] if any("unadjusted" in cell.extra for cell in cells) else []
    return names + list(dict.fromkeys(name for cell in cells for name in cell.extra.get("scores", ())))


def _part(cell: Cell, name: str) -> Any:
    if name in ("low", "high"):
        return getattr(cell, name)
    return cell.extra.get(name, cell.extra.get("scores", {}).get(name))
