"""Rows of different backbones in one block: weights, whatever their architecture, against one reference row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.store.record import Record
from inkbench.leaderboards.groups import CONTROL, Group
from inkbench.leaderboards.table import Row, RowKind, Table

SEVERAL = "several backbones"
NOTE = "rows differ in architecture and data, not in pretraining alone"
USUAL = "imagenet"
"""The reference row where none is asked for and there is one; else the first that was trained with labels."""


def setup(record: Record) -> dict[str, Any]:
    """Return what rows share that may be compared across backbones: the task and its settings but for the side."""
    task = {name: value for name, value in (record.settings.task or {}).items() if name != "side"}
    return {"family": record.family, "task": task, "backbone": SEVERAL if record.backbone else None}


def labels(rows: Sequence[Group]) -> list[str]:
    """Return the rows' labels, with the backbone, then with its side, where several have one name."""
    named = [row.label() for row in rows]
    backbones = [row.any.backbone for row in rows]
    for told in (
        [one.name if one else "" for one in backbones],
        [f"{one.side} px" if one else "" for one in backbones],
    ):
        many = Counter(named)
        named = [
            f"{label}, {own}" if own and many[label] > 1 else label for label, own in zip(named, told, strict=True)
        ]
    return named


def reference(rows: Sequence[Group], asked: str) -> Group | None:
    """Return the row that a block's others are held against: the one asked for, else the usual one; None without it.

    A row is asked for by its label or by its method and backbone, ``random, resnet18``, whichever its label is.
    """
    networks = [row for row in rows if not row.bare]
    if asked:
        named = zip(labels(networks), networks, strict=True)
        return next((row for label, row in named if asked in (label, _in_full(row))), None)
    usual = [row for row in networks if row.method == USUAL]
    labelled = [row for row in networks if row.any.supervision == "labels"]
    return next(iter([*usual, *labelled, *(row for row in networks if row.method == CONTROL)]), None)


def _in_full(row: Group) -> str:
    return f"{row.label()}, {row.any.backbone.name if row.any.backbone else ''}"


def require_reference(tables: Sequence[Table], asked: str) -> None:
    """Raise UsageError where no table has the row that was asked for."""
    rows = [row for table in tables for block in table.blocks for row in block.rows]
    if not any(row.kind is RowKind.CONTROL for row in rows):
        raise UsageError(f"--reference: no row '{asked}'{did_you_mean(asked, [row.label for row in rows])}")


def ranked(rows: Sequence[Row], metric: str, upwards: bool) -> list[Row]:
    """Return rows that see no backbone first, the others best first, those without a figure last."""

    def place(row: Row) -> tuple[bool, bool, float]:
        value = row.metrics.get(metric)
        bare = row.kind in (RowKind.TRIVIAL, RowKind.BEST_TRIVIAL, RowKind.REFERENCE)
        return not bare, value is None, 0.0 if value is None else -value if upwards else value

    return sorted(rows, key=place)
