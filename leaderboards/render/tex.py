"""A table for a paper: LaTeX with booktabs; needs ``booktabs`` and ``amssymb``."""

from __future__ import annotations

import re

from inkbench.benchmark.escaping import latex as escape
from inkbench.leaderboards.render.marks import left, legend, numbered, numbers
from inkbench.leaderboards.table import Block, Cell, Table


def tex(table: Table) -> str:
    """Format a ``table`` with a tabular: blocks between rules, best in bold, remarks as raised numbers and notes."""
    marks = numbered(table)
    columns = "l" + "".join("l" if left(head) else "r" for head in table.columns)
    lines = [
        r"% needs \usepackage{booktabs,amssymb}",
        r"\begin{table}",
        r"\centering\footnotesize",
        rf"\caption{{{escape(table.title)} ({escape(table.subtitle)})}}",
        rf"\label{{tab:{re.sub(r'[^A-Za-z0-9-]+', '-', table.name)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        *_headings(table),
    ]
    for block in table.blocks:
        lines += [
            r"\midrule",
            rf"\multicolumn{{{len(table.columns) + 1}}}{{l}}{{\textit{{{escape(str(block.setup))}}}}} \\",
            *_rows(table, block, marks),
        ]
    lines += [r"\bottomrule", r"\end{tabular}"]
    notes = [note for block in table.blocks for note in block.notes]
    told = [*map(escape, notes), *_legend(table, marks)]
    if told:
        lines += [r"\par\smallskip\raggedright", *(rf"{line}\\" for line in told[:-1]), told[-1]]
    lines += [r"\end{table}"]
    return "\n".join(lines) + "\n"


def _headings(table: Table) -> list[str]:
    """Return as many lines of headings as the tallest has, aligned below."""
    titles = [[table.head], *(head.text.split("\n") for head in table.columns)]
    height = max(map(len, titles))
    padded = [[""] * (height - len(lines)) + lines for lines in titles]
    return [" & ".join(escape(lines[level]) for lines in padded) + r" \\" for level in range(height)]


def _rows(table: Table, block: Block, marks: dict[str, int]) -> list[str]:
    lines = []
    for row in block.rows:
        raised = rf"\textsuperscript{{{numbers(row, marks)}}}" if row.marks else ""
        cells = [_cell(row.cells.get(head.key, Cell())) for head in table.columns]
        lines.append(" & ".join([_guarded(escape(row.label)) + raised, *map(_guarded, cells)]) + r" \\")
    return lines


def _guarded(text: str) -> str:
    """Guard a cell that begins with a bracket: it would be read as an argument of the line break before it."""
    return f"{{}}{text}" if text.startswith(("[", "*")) else text


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    return rf"\textbf{{{text}}}" if cell.best else text


def _legend(table: Table, marks: dict[str, int]) -> list[str]:
    return legend(table, marks, r"\textbf{bold}: ", escape, lambda number: rf"\textsuperscript{{{number}}}")
