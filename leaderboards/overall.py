"""One board of several tables: methods by tasks, each figure as its own table has it, nothing computed anew."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboards.rows import REFERENCE, TRIVIAL
from leaderboards.table import BEST_NOTE, Block, Cell, Head, Row, Table

BEST_TRIVIAL = "best trivial row"
NOTES = (
    "each column is a table of its own, with intervals, differences and p; * differs from random (p below .05, Holm)",
    BEST_NOTE,
)


def overall(tables: Sequence[Table]) -> Table | None:
    """The primary figures of tables on the same data and preset side by side; None where there are not several.

    A column is a table and what its block does besides naming a backbone (side, settings); a block is a backbone.
    """
    columns: dict[tuple[str, str], Head] = {}
    rows: dict[str, dict[str, dict[str, Cell]]] = {}
    statuses: dict[tuple[str, str], list[str]] = {}
    for table in tables:
        for block in table.blocks:
            backbone, _, rest = block.heading.partition(", ")
            key = (table.name, rest)
            columns[key] = Head(" ".join(key), _label(table, rest))
            for row in block.rows:
                name = _row_name(row)
                if name is None:
                    continue
                rows.setdefault(backbone, {}).setdefault(name, {})[" ".join(key)] = _cell(row)
                statuses.setdefault((backbone, name), []).append(row.status)
    if len(columns) < 2:
        return None
    first = tables[0]
    made = [
        Block(
            backbone,
            tuple(
                Row(name, "done" if "done" in statuses[backbone, name] else statuses[backbone, name][0], cells)
                for name, cells in found.items()
            ),
        )
        for backbone, found in rows.items()
    ]
    about = [part for part in first.subtitle.split(", ") if part.startswith(("data ", "preset "))]
    return Table(
        name="overall-" + "-".join(first.name.split("-")[-2:]),
        title="all tasks",
        subtitle=", ".join(about),
        columns=tuple(columns.values()),
        blocks=tuple(made),
        notes=(
            *NOTES,
            *dict.fromkeys(note for table in tables for note in table.notes if note.startswith("simulated")),
        ),
    )


def _row_name(row: Row) -> str | None:
    """The row of the board that a row belongs to: of trivial rows the best one alone, references none."""
    if row.label.startswith(TRIVIAL):
        return BEST_TRIVIAL if row.cells.get("over_trivial", Cell()).text == "(best)" else None
    return None if row.label.startswith(REFERENCE) else row.label


def _cell(row: Row) -> Cell:
    """The primary figure without its interval, starred as its own table stars it."""
    primary = next(iter(row.cells.values()))
    if row.status != "done":
        return Cell(row.status)
    star = "*" if row.cells.get("p", Cell()).text.endswith("*") else ""
    told = f" ({row.label.removeprefix(TRIVIAL)})" if row.label.startswith(TRIVIAL) else ""
    return Cell(primary.text.split(" ")[0] + star + told, primary.value, best=primary.best)


def _label(table: Table, rest: str) -> str:
    """Task, protocol and primary metric, and what of the block's setup is more than side and family."""
    task, protocol = (part.split(" ", 1)[1] for part in table.subtitle.split(", ")[:2])
    more = rest.split(", ")[2:]
    return "\n".join([task, protocol, table.columns[0].label.split("\n")[0], *more])
