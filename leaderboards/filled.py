"""The declared tables that records fill: those of which enough rows were run to compare something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inkbench.benchmark.errors import Refusal
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import board, table_files
from inkbench.leaderboards.table import Table

LEAST_ROWS = 2
"""Declared rows that must have been run for a table to be shown."""


def filled(store: Store, records: Sequence[Record], problems: list[str]) -> Iterator[Table]:
    """Yield the declared tables of which the records hold some rows; ``problems`` gets tables without a layout."""
    for name in table_files.names():
        declared = table_files.load(name)
        labels = {row.label for row in declared.rows}
        try:
            made = board.declared_tables(store, declared, records)
        except (Refusal, ImportError) as error:
            problems.append(f"{name}: {error}")
            continue
        for table in made:
            run = {row.label for block in table.blocks for row in block.rows if row.records} & labels
            if len(run) >= LEAST_ROWS:
                yield table
