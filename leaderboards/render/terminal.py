"""A table for a terminal: what does not fit beside goes below, under the same row labels."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from inkbench.benchmark.escaping import lines as escaped_lines
from inkbench.benchmark.escaping import terminal
from inkbench.leaderboards.render.marks import label, left, legend, numbered
from inkbench.leaderboards.table import Block, Cell, Head, Table

WIDTH = 118
PADDING = 2
"""What tabulate leaves beside a heading."""
BEST = "•"


def text(table: Table, width: int = WIDTH) -> str:
    """Format for a terminal ``width`` columns wide."""
    marks = numbered(table)
    lines = [terminal(table.title), terminal(table.subtitle)]
    steady = [head for head in table.columns if not head.volatile]
    for block in table.blocks:
        lines += ["", terminal(block.setup)]
        for heads in _packed(steady, block, width, marks):
            lines += [_grid(table.head, block, heads, marks), ""]
        lines += [f"! {terminal(note)}" for note in block.notes]
    lines += legend(table, marks, f"{BEST} ", terminal)
    return "\n".join(lines) + "\n"


def _shown(cell: Cell) -> str:
    return f"{BEST} {terminal(cell.text)}" if cell.best else terminal(cell.text)


def _grid(first: str, block: Block, heads: Sequence[Head], marks: dict[str, int]) -> str:
    rows = [
        [terminal(label(row, marks)), *(_shown(row.cells.get(head.key, Cell())) for head in heads)]
        for row in block.rows
    ]
    align = ["left", *("left" if left(head) else "right" for head in heads)]
    titles = [terminal(first), *(escaped_lines(head.text) for head in heads)]
    return tabulate(rows, headers=titles, tablefmt="simple", colalign=align, disable_numparse=True)


def _packed(heads: Sequence[Head], block: Block, width: int, marks: dict[str, int]) -> list[list[Head]]:
    """Pack columns into groups that fit into ``width`` beside the row labels."""
    first = max((len(terminal(label(row, marks))) for row in block.rows), default=0)
    packed: list[list[Head]] = [[]]
    used = first
    for head in heads:
        cells = [_shown(row.cells.get(head.key, Cell())) for row in block.rows]
        need = 2 + max(*map(len, cells), *(PADDING + len(line) for line in escaped_lines(head.text).split("\n")))
        if packed[-1] and used + need > width:
            packed.append([])
            used = first
        packed[-1].append(head)
        used += need
    return packed
