"""The tables that are laid out like the papers' (``papers.html``), filled from what has been run."""

from __future__ import annotations

from collections.abc import Mapping

from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.declared.filled import filled
from inkbench.leaderboards.report import pareto, tables_page
from inkbench.leaderboards.report.gather import Gathered
from inkbench.leaderboards.report.site import Site


def write(site: Site, store: Store, found: Gathered, pages: Mapping[str, str]) -> None:
    """Write the page; what cannot be laid out is told there."""
    problems: list[str] = []
    views = []
    for table in filled(store, list(found.records.values()), problems):
        wide = any(head.key == "gflop" for head in table.columns)
        drawn = pareto.of_table(table, found.records, lambda run: pages.get(run, "")) if wide else []
        views.append(tables_page.of_table(table, found.records, pages, "", drawn=drawn))
    site.page("papers.html", "papers.html", title="Papers", section="papers", views=views, problems=problems)
