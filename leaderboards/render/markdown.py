"""A table for a repository's page; the best and all not distinguishable from it are bold."""

from __future__ import annotations

from tabulate import tabulate

from inkbench.benchmark.escaping import markdown as escape
from inkbench.benchmark.escaping import markdown_cell
from inkbench.leaderboards.render.marks import label, left, legend, numbered, shown
from inkbench.leaderboards.table import Block, Cell, Table


def markdown(table: Table) -> str:
    """Format a heading, a pipe table for each block, the notes as a list."""
    marks = numbered(table)
    lines = [f"# {escape(table.title)}", "", escape(table.subtitle)]
    for block in table.blocks:
        lines += ["", f"## {escape(str(block.setup))}", "", _grid(table, block, marks)]
        lines += ["", *(f"**{escape(note)}**  " for note in block.notes)] if block.notes else []
    lines += ["", *(f"- {line}" for line in legend(table, marks, "**bold**: ", escape))]
    return "\n".join(lines) + "\n"


def _grid(table: Table, block: Block, marks: dict[str, int]) -> str:
    heads = table.columns
    rows = [
        [markdown_cell(label(row, marks)), *(_cell(row.cells.get(head.key, Cell())) for head in heads)]
        for row in block.rows
    ]
    titles = [markdown_cell(table.head), *map(markdown_cell, shown(heads))]
    align = ["left", *("left" if left(head) else "right" for head in heads)]
    return tabulate(rows, headers=titles, tablefmt="pipe", colalign=align, disable_numparse=True)


def _cell(cell: Cell) -> str:
    text = markdown_cell(cell.text)
    return f"**{text}**" if cell.best else text
