"""The board (``index.html``) and a page for each table: what the text renderer shows, sortable, with plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from markupsafe import Markup

from inkbench.benchmark.store.record import Record
from inkbench.leaderboards.render.marks import left, numbered
from inkbench.leaderboards.report import plots
from inkbench.leaderboards.report.gather import Gathered, Shown
from inkbench.leaderboards.report.site import Site
from inkbench.leaderboards.report.words import slug
from inkbench.leaderboards.table import Cell, NoteKind, Table

MOST_ROWS = 400
"""Rows of tables that a page of several shows; further tables are linked."""


@dataclass(frozen=True)
class Field:
    """A cell as a page shows it: text, the value that it is sorted by, whether it is among the best."""

    text: str
    sort: str
    best: bool
    left: bool


@dataclass(frozen=True)
class Line:
    """A row as a page shows it."""

    label: str
    status: str
    marks: list[int]
    links: list[tuple[str, str]]
    forest: Markup
    cells: list[Field]


@dataclass(frozen=True)
class Part:
    """A block as a page shows it."""

    heading: str
    notes: tuple[str, ...]
    lines: list[Line]
    drawn: bool


@dataclass(frozen=True)
class View:
    """A table as a page shows it."""

    anchor: str
    title: str
    subtitle: str
    head: str
    heads: list[dict[str, Any]]
    parts: list[Part]
    marks: list[str]
    notes: list[tuple[bool, str]]
    page: str = ""
    cut: int = 0
    plots: list[Markup] = field(default_factory=list)
    metrics: dict[str, Any] | None = None


def write(site: Site, found: Gathered, pages: Mapping[str, str]) -> None:
    """Write the board and the pages of its tables; ``pages`` are the addresses of runs by id."""
    addresses = {shown.table.name: f"table-{slug(shown.table.name)}.html" for shown in found.tables}
    views = []
    for shown in found.tables:
        drawn = plots.of_table(shown, found.records, lambda run: pages.get(run, ""))
        view = of_table(shown.table, found.records, pages, addresses[shown.table.name], shown.cut, drawn)
        views.append(view)
        whole = replace(view, metrics=_all_metrics(shown))
        site.page(view.page, "table.html", title=view.title, view=whole, section="board")
    boards = [of_board(board.table, board.cut, addresses) for board in found.boards]
    counts = {
        "runs": len(found.records),
        "tables": len(found.tables),
        "methods": len({record.method for record in found.records.values() if record.backbone is not None}),
        "tasks": len({record.task for record in found.records.values()}),
        "failed": sum(record.status == "failed" for record in found.records.values()),
    }
    site.page(
        "index.html",
        "index.html",
        title="Board",
        section="board",
        boards=boards,
        views=in_full(views),
        counts=counts,
        problems=found.problems,
    )


def in_full(views: Sequence[View]) -> list[tuple[View, bool]]:
    """Return views with whether a page of several shows them in full: those of at most ``MOST_ROWS`` rows."""
    rows = accumulate(sum(len(part.lines) for part in view.parts) for view in views)
    return [(view, so_far <= MOST_ROWS) for view, so_far in zip(views, rows, strict=True)]


def of_table(
    table: Table,
    records: Mapping[str, Record],
    pages: Mapping[str, str],
    page: str,
    cut: int = 0,
    drawn: list[Markup] | None = None,
) -> View:
    """Format a table with links to its runs and, for each row, its interval as a drawing."""
    marks = numbered(table)
    parts = []
    for block in table.blocks:
        forests = plots.forests(block)
        lines = [
            Line(
                row.label,
                row.status,
                [marks[mark] for mark in row.marks],
                [(_which(records[run], row.records), pages[run]) for run in row.records if run in pages],
                forest,
                [_field(row.cells.get(head.key, Cell()), left(head)) for head in table.columns],
            )
            for row, forest in zip(block.rows, forests, strict=True)
        ]
        parts.append(Part(str(block.setup), block.notes, lines, any(forests)))
    return View(
        anchor=slug(table.name),
        title=table.title,
        subtitle=table.subtitle,
        head=table.head,
        heads=[{"label": head.text, "href": "", "left": left(head)} for head in table.columns],
        parts=parts,
        marks=list(marks),
        notes=[(note.kind is NoteKind.BEST, note) for note in table.notes],
        page=page,
        cut=cut,
        plots=drawn or [],
    )


def of_board(board: Table, cut: int, addresses: Mapping[str, str]) -> View:
    """Format a board of several tables: each column links to its table."""
    view = of_table(board, {}, {}, "", cut)
    parts = [replace(part, drawn=False) for part in view.parts]  # its columns have no scale in common
    heads = [
        {
            "label": head.text,
            "href": next((a for name, a in addresses.items() if head.key.startswith(f"{name} ")), ""),
            "left": False,
        }
        for head in board.columns
    ]
    return replace(view, heads=heads, parts=parts)


def _which(record: Record, row: tuple[str, ...]) -> str:
    """Return the text of a row's link to one of its runs: the seed, where there are several."""
    return f"seed {record.seed}" if len(row) > 1 else ""


def _field(cell: Cell, words: bool) -> Field:
    return Field(cell.text, "" if cell.value is None else str(cell.value), cell.best, words)


def _all_metrics(shown: Shown) -> dict[str, Any]:
    """Return every metric of every row, for the table's own page."""
    rows = [(str(block.setup), row) for block in shown.table.blocks for row in block.rows if row.metrics]
    names = list(dict.fromkeys(name for _, row in rows for name in row.metrics))
    return {"names": names, "rows": rows}
