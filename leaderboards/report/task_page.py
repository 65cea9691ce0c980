"""A page for each task: what it is, its tables, how heads learnt, and the same test items as each method sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.report import plots, tables_page, words
from inkbench.leaderboards.report.gather import Gathered, Shown
from inkbench.leaderboards.report.site import Site
from inkbench.leaderboards.table import RowKind

MOST_SHOWN = 8
"""Rows whose curves and pictures a task's page shows: the first of each of its tables."""
MOST_PICTURES = 4


def write(site: Site, store: Store, found: Gathered, pages: Mapping[str, str]) -> None:
    """Write ``tasks.html`` and the pages of the tasks."""
    by_task: dict[str, list[Shown]] = {}
    for shown in found.tables:
        by_task.setdefault(shown.task, []).append(shown)
    cards = []
    for name, tables in by_task.items():
        page = f"task-{words.slug(name)}.html"
        summary = words.summary("tasks", name)
        sides = [side for shown in tables if (side := _side_by_side(site, store, found, shown, pages))["names"]]
        views = [
            tables_page.of_table(
                shown.table, found.records, pages, f"table-{words.slug(shown.table.name)}.html", shown.cut
            )
            for shown in tables
        ]
        site.page(
            page,
            "task.html",
            title=name,
            section="tasks",
            name=name,
            summary=summary,
            introduction=words.introduction("tasks", name),
            views=tables_page.in_full(views),
            curves=[plot for shown in tables if (plot := _curves(found, shown))],
            sides=sides,
        )
        picture = next((address for side in sides for row in side["rows"] for address in row[1] if address), "")
        runs = sum(record.task == name for record in found.records.values())
        cards.append({"name": name, "page": page, "summary": summary, "runs": runs, "picture": picture})
    absent = [(entry.name, entry.summary) for entry in registry.entries("tasks").values() if entry.name not in by_task]
    site.page("tasks.html", "cards.html", title="Tasks", section="tasks", cards=cards, absent=sorted(absent), left=0)


def _first_rows(shown: Shown) -> list[tuple[str, str]]:
    """Return label and first run of the first rows that are done; methods before what must be beaten."""
    rows = [row for block in shown.table.blocks for row in block.rows if row.status == "done" and row.records]
    rows.sort(key=lambda row: row.kind not in (RowKind.COMPARED, RowKind.CONTROL))
    return [(row.label, row.records[0]) for row in rows][:MOST_SHOWN]


def _curves(found: Gathered, shown: Shown) -> str:
    curves = {label: found.records[run].curve for label, run in _first_rows(shown)}
    return plots.curve(f"Loss of the head: {shown.table.title}, {shown.records[0].protocol}", curves)


def _side_by_side(
    site: Site, store: Store, found: Gathered, shown: Shown, pages: Mapping[str, str]
) -> dict[str, list[Any]]:
    """Arrange pictures of the same name, and so of the same test item: one row each, a column for every table row."""
    galleries = {
        (label, pages.get(run, "")): dict(site.gallery(store.root / "runs" / run)) for label, run in _first_rows(shown)
    }
    galleries = {head: pictures for head, pictures in galleries.items() if pictures}
    names = list(dict.fromkeys(name for pictures in galleries.values() for name in pictures))[:MOST_PICTURES]
    rows = [(name, [pictures.get(name, "") for pictures in galleries.values()]) for name in names]
    return {"title": [shown.table.title], "heads": list(galleries), "names": names, "rows": rows}
