"""The declared tables that records fill: those of which enough rows were run to compare something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build
from inkbench.leaderboards.declared import load
from inkbench.leaderboards.declared.spec import RowSpec
from inkbench.leaderboards.table import Cell, Table

LEAST_ROWS = 2
"""Declared rows that must have been run for a table to be shown."""


def filled(store: Store, records: Sequence[Record], problems: list[str]) -> Iterator[Table]:
    """Yield the declared tables of which the records hold some rows; ``problems`` gets tables without a layout."""
    for name in load.names():
        try:
            declared = load.load(name)
            labels = {row.label for row in declared.rows if _is_own(row, declared.given)}
            made = build.declared_tables(store, declared, records)
        except (UsageError, ImportError) as error:
            problems.append(f"{name}: {error}")
            continue
        for table in made:
            if _rows_of(table, labels, declared.across) >= LEAST_ROWS:
                yield table


def _is_own(row: RowSpec, given: str) -> bool:
    """Return whether a row is what its table is about: of one on given weights those that have or start from them."""
    return not given or given in (row.method, row.settings.get("init"))


def _rows_of(table: Table, labels: Set[str], across: bool) -> int:
    """Return how many declared rows were run; of a table across backbones how many backbones."""
    rows = [row for block in table.blocks for row in block.rows if row.records]
    if across:
        return len({row.cells["backbone"].value for row in rows if row.cells.get("backbone", Cell()).value})
    return len({row.label for row in rows} & labels)
