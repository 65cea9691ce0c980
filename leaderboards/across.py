"""Rows of different backbones in one block: weights, whatever their architecture, against one reference row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.store.record import Record
from inkbench.leaderboards.groups import CONTROL, Group
from inkbench.leaderboards.table import Row, RowKind

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
    """Return the row that the others are held against: the one asked for by its label, else the usual one.

    Raises UsageError where there is none of this label.
    """
    by_label = {label: row for label, row in zip(labels(rows), rows, strict=True) if row.done}
    if asked:
        if asked not in by_label:
            raise UsageError(f"--reference: no row '{asked}'{did_you_mean(asked, by_label)}")
        return by_label[asked]
    networks = [row for row in by_label.values() if not row.bare]
    usual = [row for row in networks if row.method == USUAL]
    labelled = [row for row in networks if row.any.supervision == "labels"]
    return next(iter([*usual, *labelled, *(row for row in networks if row.method == CONTROL)]), None)


def ranked(rows: Sequence[Row], metric: str, upwards: bool) -> list[Row]:
    """Return rows that see no backbone first, the others best first, those without a figure last."""

    def place(row: Row) -> tuple[bool, bool, float]:
        value = row.metrics.get(metric)
        bare = row.kind in (RowKind.TRIVIAL, RowKind.BEST_TRIVIAL, RowKind.REFERENCE)
        return not bare, value is None, 0.0 if value is None else -value if upwards else value

    return sorted(rows, key=place)
