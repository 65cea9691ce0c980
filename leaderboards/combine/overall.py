"""One board of several tables: methods by tasks, each figure as its own table has it, nothing computed anew."""

from __future__ import annotations

from collections.abc import Sequence

from inkbench.leaderboards.combine.ranks import with_ranks
from inkbench.leaderboards.combine.side_by_side import Shown, blocks_of, label_of, notes_of, primary_cell
from inkbench.leaderboards.table import About, Block, Cell, Head, Row, Table


def overall(tables: Sequence[Table]) -> Table | None:
    """Join the primary figures of tables on the same data and preset; None where there are not several.

    A column is a table and what its block does besides naming a backbone (side, settings); a block is a backbone.
    """
    heads, blocks = blocks_of(tables, _shown)
    if len(heads) < 2:
        return None
    blocks, heads, notes = with_ranks(blocks, heads)
    first = tables[0]
    about = About(data=first.about.data, preset=first.about.preset, called=first.about.called)
    return Table(
        name=f"overall-{about.called}-{about.preset}",
        title="all tasks",
        subtitle=", ".join(f"{name} {value}" for name, value in about.told().items()),
        columns=tuple(heads),
        blocks=tuple(blocks),
        notes=(*notes_of(tables), *notes),
        about=about,
    )


def _shown(table: Table, block: Block, row: Row) -> Shown:
    main = next(head for head in table.columns if head.primary)
    label = "\n".join([table.about.task, table.about.protocol, main.label, *block.setup.changes])
    cell = primary_cell(row, row.cells[main.key]) if row.status == "done" else Cell(row.status)
    return label_of(row), {Head(f"{table.name} {block.setup.rest}", label, main.direction, primary=True): cell}
