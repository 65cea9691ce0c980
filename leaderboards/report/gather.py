"""What a report is made of: the readable records of a store, their tables, and in words what could not be shown."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from inkbench.benchmark.errors import Refusal
from inkbench.benchmark.store.store import Store, key_of
from inkbench.leaderboards import board
from inkbench.leaderboards.overall import overall
from inkbench.leaderboards.rows import Record
from inkbench.leaderboards.table import Row, RowKind, Table

MOST_ROWS = 300
"""Rows of a table that are shown: its trivial and control rows and the best of each block."""
NEEDED: Mapping[str, type | tuple[type, ...]] = {
    "method": str,
    "task": str,
    "protocol": str,
    "family": str,
    "preset": str,
    "data": Mapping,
    "settings": Mapping,
    "changed": Mapping,
    "request": Mapping,
    "primary": str,
    "backbone": (Mapping, type(None)),
    "seed": int,
}
"""What the tables read of a record beside what the store checks."""


@dataclass(frozen=True)
class Shown:
    """A table with the records of its rows; ``cut`` counts rows that are left out."""

    table: Table
    records: Sequence[Record]
    cut: int = 0

    @property
    def task(self) -> str:
        """The task of all rows."""
        return str(self.records[0]["task"])


@dataclass
class Gathered:
    """Everything that is shown."""

    records: dict[str, Record] = field(default_factory=dict)
    tables: list[Shown] = field(default_factory=list)
    boards: list[Shown] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def gather(store: Store) -> Gathered:
    """Read a store. What cannot be shown is named on standard error and in ``problems``, and the rest goes on."""
    found = Gathered()
    parts: dict[str, list[Record]] = {}
    for record in sorted(store.records(), key=lambda record: (str(record["task"]), str(record["protocol"]))):
        if lack := _lack(record):
            _tell(found, f"{store.record_path(record['id'])} {lack}; move it away and run the cell again")
            continue
        found.records[record["id"]] = record
        data = record["data"]
        key = [record["task"], record["protocol"].partition("@")[0], data["id"], data["fingerprint"], record["preset"]]
        parts.setdefault(key_of(key), []).append(record)
    whole = []
    for part in parts.values():
        first = part[0]
        try:
            whole += [Shown(table, part) for table in board.tables(store, part)]
        except (Refusal, ImportError) as error:
            what = f"{first['task']} {first['protocol']} on {first['data']['id']}, preset {first['preset']}"
            _tell(found, f"no table of {what}: {error}")
    whole = [_ranked(shown) for shown in _named_apart(whole)]
    for together in _by_data(whole):
        if (joined := overall([shown.table for shown in together])) is not None:
            found.boards.append(_shortened(Shown(joined, together[0].records)))
    found.tables = [_shortened(shown) for shown in whole]
    return found


def _tell(found: Gathered, problem: str) -> None:
    print(f"skipped: {problem}", file=sys.stderr)
    found.problems.append(problem)


def _lack(record: Record) -> str:
    """Why a record cannot stand in a table, in words; empty where it can."""
    for name, kind in NEEDED.items():
        if not isinstance(record.get(name, ...), kind):
            return f"{'has no usable' if name in record else 'lacks'} {name}"
    if not all(isinstance(record["data"].get(name), str) for name in ("id", "fingerprint")):
        return "does not say which data it is about"
    if record["backbone"] is not None and not isinstance(record["backbone"].get("name"), str):
        return "has a backbone without a name"
    if record["status"] not in ("done", "failed", "declined"):
        return f"has the unknown status {record['status']!r}"
    return _lack_of_figures(record) if record["status"] == "done" else ""


def _lack_of_figures(record: Record) -> str:
    metrics = record.get("metrics")
    if not isinstance(metrics, Mapping) or record["primary"] not in metrics:
        return f"is done and lacks its primary metric {record['primary']}"
    for name, entry in metrics.items():
        value = entry.get("value") if isinstance(entry, Mapping) else None
        if not isinstance(value, int | float) or not math.isfinite(value):
            return f"has no finite value of {name}"
        if not {"direction", "n", "version"} <= set(entry):
            return f"does not say direction, n and version of {name}"
    phases = record.get("phases")
    if not isinstance(phases, Mapping) or not all(isinstance(phase, Mapping) for phase in phases.values()):
        return "lacks its phases"
    return ""


def _named_apart(tables: Sequence[Shown]) -> list[Shown]:
    """Tables whose names differ: of those with one name each has the beginning of its data's fingerprint."""
    many = Counter(shown.table.name for shown in tables)
    apart, taken = [], set()
    for shown in tables:
        name = shown.table.name
        if many[name] > 1:
            name = f"{name}-{shown.records[0]['data']['fingerprint'][:6]}"
        while name in taken:
            name += "-"
        taken.add(name)
        apart.append(replace(shown, table=replace(shown.table, name=name)))
    return apart


def _by_data(tables: Sequence[Shown]) -> list[list[Shown]]:
    """Tables that may stand side by side on one board: of the same data and preset."""
    found: dict[str, list[Shown]] = {}
    for shown in tables:
        data = shown.records[0]["data"]
        found.setdefault(key_of([data["id"], data["fingerprint"], shown.records[0]["preset"]]), []).append(shown)
    return list(found.values())


def _ranked(shown: Shown) -> Shown:
    """The best of each block first, behind the rows that they are held against."""
    upwards = shown.table.columns[0].direction != "min"
    blocks = tuple(
        replace(block, rows=tuple(sorted(block.rows, key=lambda row: _rank(row, upwards))))
        for block in shown.table.blocks
    )
    return replace(shown, table=replace(shown.table, blocks=blocks))


def _rank(row: Row, upwards: bool) -> tuple[int, bool, float]:
    """Rows that see no backbone, the control, then by figure; what has none comes last."""
    value = first_value(row)
    place = 1 if row.kind is RowKind.CONTROL else 2 if row.kind is RowKind.COMPARED else 0
    return place, value is None, 0.0 if value is None or place < 2 else -value if upwards else value


def _shortened(shown: Shown) -> Shown:
    """The first rows of each block, at most ``MOST_ROWS`` in all."""
    total = sum(len(block.rows) for block in shown.table.blocks)
    share = total if total <= MOST_ROWS else max(MOST_ROWS // len(shown.table.blocks), 1)
    blocks = tuple(replace(block, rows=block.rows[:share]) for block in shown.table.blocks)
    left = sum(len(block.rows) for block in blocks)
    return replace(shown, table=replace(shown.table, blocks=blocks), cut=total - left)


def first_value(row: Row) -> float | None:
    """The figure in a row's first column; None where it has none."""
    value: Any = next(iter(row.cells.values())).value if row.cells else None
    return float(value) if isinstance(value, int | float) else None
