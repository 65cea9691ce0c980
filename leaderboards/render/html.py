"""A table as a page of its own, or as a fragment for another one: no script, no style from elsewhere."""

from __future__ import annotations

from inkbench.benchmark.escaping import html as escape
from inkbench.leaderboards.render.marks import left, legend, numbered, numbers
from inkbench.leaderboards.table import Block, Cell, Head, Row, Table

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; text-align: right; white-space: nowrap; }
th { vertical-align: bottom; border-bottom: 2px solid; } .words { text-align: left; }
tbody tr + tr > * { border-top: 1px solid #8884; } tbody th { border-bottom: 0; font-weight: normal; }
.best { font-weight: bold; } .notes { font-size: .9em; list-style: none; padding: 0; }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #e6e6e6; } }
"""


def html(table: Table) -> str:
    """Format the whole page."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(table.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(table.title)}</h1>\n{fragment(table)}</body>\n</html>\n"
    )


def fragment(table: Table) -> str:
    """Format subtitle, a table for each block, notes; everything that comes from records is escaped."""
    marks = numbered(table)
    lines = [f"<p>{escape(table.subtitle)}</p>"]
    for block in table.blocks:
        lines += [f"<h2>{escape(str(block.setup))}</h2>", '<div class="scroll">', "<table>"]
        lines += ["<thead>", _headings(table), "</thead>", "<tbody>", *_rows(table, block, marks), "</tbody>"]
        lines += ["</table>", "</div>"]
        lines += [f"<p><strong>{escape(note)}</strong></p>" for note in block.notes]
    told = legend(table, marks, "bold: ", escape, lambda number: f"{number}:")
    lines += ['<ul class="notes">', *(f"<li>{line}</li>" for line in told), "</ul>"]
    return "\n".join(lines) + "\n"


def _headings(table: Table) -> str:
    first = f'<th scope="col" class="words">{escape(table.head)}</th>'
    cells = [f'<th scope="col"{_words(head)}>{_broken(head.text)}</th>' for head in table.columns]
    return f"<tr>{first}{''.join(cells)}</tr>"


def _rows(table: Table, block: Block, marks: dict[str, int]) -> list[str]:
    lines = []
    for row in block.rows:
        cells = [_cell(row.cells.get(head.key, Cell()), head) for head in table.columns]
        lines.append(f"<tr>{_label(row, marks)}{''.join(cells)}</tr>")
    return lines


def _label(row: Row, marks: dict[str, int]) -> str:
    raised = f"<sup>{numbers(row, marks)}</sup>" if row.marks else ""
    return f'<th scope="row" class="words">{escape(row.label)}{raised}</th>'


def _cell(cell: Cell, head: Head) -> str:
    names = [name for name, wanted in (("words", left(head)), ("best", cell.best)) if wanted]
    kind = f' class="{" ".join(names)}"' if names else ""
    value = f' data-value="{escape(str(cell.value))}"' if cell.value is not None else ""
    return f"<td{kind}{value}>{escape(cell.text)}</td>"


def _words(head: Head) -> str:
    return ' class="words"' if left(head) else ""


def _broken(text: str) -> str:
    return "<br>".join(map(escape, text.split("\n")))
