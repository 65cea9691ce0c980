"""The tables that are laid out like the papers' (``papers.html``), filled from what has been run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmark.errors import Refusal
from benchmark.store import Store
from leaderboards import board, tables
from leaderboards.report import tables_page
from leaderboards.report.gather import Gathered
from leaderboards.report.site import Site
from leaderboards.table import Table

LEAST_ROWS = 2
"""Declared rows that must have been run for a table to be shown: less compares nothing."""


def write(site: Site, store: Store, found: Gathered, pages: Mapping[str, str]) -> None:
    """Write the page; what cannot be laid out is told there."""
    problems: list[str] = []
    views = [tables_page.of_table(table, found.records, pages, "") for table in _filled(store, found, problems)]
    site.page("papers.html", "papers.html", title="Papers", section="papers", views=views, problems=problems)


def _filled(store: Store, found: Gathered, problems: list[str]) -> Iterator[Table]:
    records = list(found.records.values())
    for name in tables.names():
        declared = tables.load(name)
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
