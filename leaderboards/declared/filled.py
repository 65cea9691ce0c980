"""The declared tables that records fill: those of which enough rows were run to compare something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build
from inkbench.leaderboards.declared import load
from inkbench.leaderboards.table import Table

LEAST_ROWS = 2
"""Declared rows that must have been run for a table to be shown."""


def filled(store: Store, records: Sequence[Record], problems: list[str]) -> Iterator[Table]:
    """Yield the declared tables of which the records hold some rows; ``problems`` gets tables without a layout."""
    for name in load.names():
        try:
            declared = load.load(name)
            labels = {row.label for row in declared.rows}
            made = build.declared_tables(store, declared, records)
        except (UsageError, ImportError) as error:
            problems.append(f"{name}: {error}")
            continue
        for table in made:
            run = {row.label for block in table.blocks for row in block.rows if row.records} & labels
            if len(run) >= LEAST_ROWS:
                yield table
