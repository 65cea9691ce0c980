"""The contents of a report: the readable records of a store, their tables, and in words what could not be shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import complain
from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build
from inkbench.leaderboards.believed import believed
from inkbench.leaderboards.combine.overall import overall
from inkbench.leaderboards.table import Row, RowKind, Table

MOST_ROWS = 300
"""Rows of a table that are shown: its trivial and control rows and the best of each block."""


@dataclass(frozen=True)
class Shown:
    """A table with the records of its rows; ``cut`` counts rows that are left out."""

    table: Table
    records: Sequence[Record]
    cut: int = 0

    @property
    def task(self) -> str:
        """The task of all rows."""
        return str(self.records[0].task)


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
    sound = believed(store, list(store.records()))
    found.problems += [f"{run}.json {why}" for run, why in sorted(store.left_out.items())]
    for record in sorted(sound, key=lambda record: (record.task, record.protocol)):
        found.records[record.id] = record
        data = record.data
        key = [record.task, record.protocol_name, data.id, data.fingerprint, record.preset]
        parts.setdefault(key_of(key), []).append(record)
    whole = []
    for part in parts.values():
        first = part[0]
        try:
            whole += [Shown(table, part) for table in build.tables(store, part)]
        except (UsageError, ImportError) as error:
            what = f"{first.task} {first.protocol} on {first.data.id}, preset {first.preset}"
            _tell(found, f"no table of {what}: {error}")
    whole = [_ranked(shown) for shown in _named_apart(whole)]
    for together in _by_data(whole):
        if (joined := overall([shown.table for shown in together])) is not None:
            found.boards.append(_shortened(Shown(joined, together[0].records)))
    found.tables = [_shortened(shown) for shown in whole]
    return found


def _tell(found: Gathered, problem: str) -> None:
    complain(f"skipped: {problem}")
    found.problems.append(problem)


def _named_apart(tables: Sequence[Shown]) -> list[Shown]:
    """Return tables whose names differ: of those with one name each has the beginning of its data's fingerprint."""
    many = Counter(shown.table.name for shown in tables)
    apart, taken = [], set()
    for shown in tables:
        name = shown.table.name
        if many[name] > 1:
            name = f"{name}-{shown.records[0].data.fingerprint[:6]}"
        while name in taken:
            name += "-"
        taken.add(name)
        apart.append(replace(shown, table=replace(shown.table, name=name)))
    return apart


def _by_data(tables: Sequence[Shown]) -> list[list[Shown]]:
    """Group tables that may stand side by side on one board: of the same data and preset."""
    found: dict[str, list[Shown]] = {}
    for shown in tables:
        data = shown.records[0].data
        found.setdefault(key_of([data.id, data.fingerprint, shown.records[0].preset]), []).append(shown)
    return list(found.values())


def _ranked(shown: Shown) -> Shown:
    """Sort the best of each block first, behind the rows that they are held against."""
    upwards = shown.table.columns[0].direction != "min"
    blocks = tuple(
        replace(block, rows=tuple(sorted(block.rows, key=lambda row: _rank(row, upwards))))
        for block in shown.table.blocks
    )
    return replace(shown, table=replace(shown.table, blocks=blocks))


def _rank(row: Row, upwards: bool) -> tuple[int, bool, float]:
    """Return the sort key: rows that see no backbone, the control, then by figure; rows without one come last."""
    value = first_value(row)
    place = 1 if row.kind is RowKind.CONTROL else 2 if row.kind is RowKind.COMPARED else 0
    return place, value is None, 0.0 if value is None or place < 2 else -value if upwards else value


def _shortened(shown: Shown) -> Shown:
    """Return the first rows of each block, at most ``MOST_ROWS`` in all."""
    total = sum(len(block.rows) for block in shown.table.blocks)
    share = total if total <= MOST_ROWS else max(MOST_ROWS // len(shown.table.blocks), 1)
    blocks = tuple(replace(block, rows=block.rows[:share]) for block in shown.table.blocks)
    left = sum(len(block.rows) for block in blocks)
    return replace(shown, table=replace(shown.table, blocks=blocks), cut=total - left)


def first_value(row: Row) -> float | None:
    """Return the figure in a row's first column; None where it has none."""
    value: Any = next(iter(row.cells.values())).value if row.cells else None
    return float(value) if isinstance(value, int | float) else None
