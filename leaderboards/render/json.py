"""A table for programs: everything that it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inkbench.benchmark.escaping import json as as_json
from inkbench.leaderboards.render.marks import flat
from inkbench.leaderboards.table import Cell, Head, Row, Table


def json(table: Table) -> str:
    """Format everything for programs: cells with value, interval and whether best; all metrics; the records' ids."""
    blocks = [
        {
            "heading": str(block.setup),
            "notes": block.notes,
            "rows": [_json_row(row, table.columns) for row in block.rows],
        }
        for block in table.blocks
    ]
    whole = {
        "name": table.name,
        "title": table.title,
        "subtitle": table.subtitle,
        "about": table.about.told(),
        "columns": [{"key": head.key, "label": flat(head.text)} for head in table.columns],
        "blocks": blocks,
        "notes": table.notes,
    }
    return as_json(whole) + "\n"


def _json_row(row: Row, heads: Sequence[Head]) -> dict[str, Any]:
    cells = {}
    for head in heads:
        cell = row.cells.get(head.key, Cell())
        cells[head.key] = {"text": cell.text, "value": cell.value, **cell.extra}
        if cell.low is not None:
            cells[head.key] |= {"low": cell.low, "high": cell.high}
        if cell.best:
            cells[head.key]["best"] = True
    return {
        "label": row.label,
        "status": row.status,
        "role": row.kind,
        "marks": row.marks,
        "cells": cells,
        "metrics": dict(row.metrics),
        "records": row.records,
    }
