"""The tables that are laid out like the papers' (``papers.html``), filled from what has been run."""

from __future__ import annotations

from collections.abc import Mapping

from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.declared.filled import filled
from inkbench.leaderboards.report import tables_page
from inkbench.leaderboards.report.gather import Gathered
from inkbench.leaderboards.report.site import Site


def write(site: Site, store: Store, found: Gathered, pages: Mapping[str, str]) -> None:
    """Write the page; what cannot be laid out is told there."""
    problems: list[str] = []
    made = filled(store, list(found.records.values()), problems)
    views = [tables_page.of_table(table, found.records, pages, "") for table in made]
    site.page("papers.html", "papers.html", title="Papers", section="papers", views=views, problems=problems)
