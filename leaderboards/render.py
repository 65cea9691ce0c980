"""A finished table as text for a terminal, Markdown, CSV and JSON."""

from __future__ import annotations

import csv as csv_format
import io
import json as json_format
from collections.abc import Callable, Sequence
from typing import Any

from tabulate import tabulate

from leaderboards.table import BEST_NOTE, Block, Cell, Head, Row, Table

WIDTH = 118
PADDING = 2
"""What tabulate leaves beside a heading."""
BEST = "•"
SUPERSCRIPT = str.maketrans("0123456789,", "⁰¹²³⁴⁵⁶⁷⁸⁹ ")


def text(table: Table, width: int = WIDTH) -> str:
    """For a terminal ``width`` columns wide: what does not fit beside goes below, under the same row labels."""
    numbered = _numbered(table)
    lines = [table.title, table.subtitle]
    for block in table.blocks:
        lines += ["", block.heading]
        for heads in _packed(table.columns, block, width, numbered):
            lines += [_grid(block, heads, numbered, "simple", _plain_cell), ""]
        lines += [f"! {note}" for note in block.notes]
    lines += _legend(table, numbered, f"{BEST} ")
    return "\n".join(lines) + "\n"


def markdown(table: Table) -> str:
    """For a repository's page; the best and all not distinguishable from it are bold."""
    numbered = _numbered(table)
    lines = [f"# {table.title}", "", table.subtitle]
    for block in table.blocks:
        lines += ["", f"## {block.heading}", "", _grid(block, table.columns, numbered, "pipe", _bold_cell)]
        lines += ["", *(f"**{note}**  " for note in block.notes)] if block.notes else []
    lines += ["", *(f"- {line}" for line in _legend(table, numbered, "**bold**: "))]
    return "\n".join(lines) + "\n"


def csv(table: Table) -> str:
    """One line a row, full precision; an interval and an unadjusted p beside their column."""
    fields: list[str] = ["block", "row", "status"]
    rows = [(block, row) for block in table.blocks for row in block.rows]
    parts = {head.key: _parts([row.cells.get(head.key, Cell()) for _, row in rows]) for head in table.columns}
    for key, names in parts.items():
        fields += [key, *(f"{key}.{name}" for name in names)]
    buffer = io.StringIO()
    writer = csv_format.writer(buffer, lineterminator="\n")
    writer.writerow([*fields, "marks", "records"])
    for block, row in rows:
        values: list[Any] = [block.heading, row.label, row.status]
        for key, names in parts.items():
            cell = row.cells.get(key, Cell())
            values += [cell.value, *(_part(cell, name) for name in names)]
        writer.writerow([*values, "; ".join(row.marks), " ".join(row.records)])
    return buffer.getvalue()


def json(table: Table) -> str:
    """Everything, for programs: cells with value, interval and whether best; all metrics; the records' ids."""
    blocks = [
        {"heading": block.heading, "notes": block.notes, "rows": [_json_row(row, table.columns) for row in block.rows]}
        for block in table.blocks
    ]
    whole = {
        "name": table.name,
        "title": table.title,
        "subtitle": table.subtitle,
        "columns": [{"key": head.key, "label": head.label.replace("\n", " ")} for head in table.columns],
        "blocks": blocks,
        "notes": table.notes,
    }
    return json_format.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _json_row(row: Row, heads: Sequence[Head]) -> dict[str, Any]:
    cells = {}
    for head in heads:
        cell = row.cells.get(head.key, Cell())
        cells[head.key] = {"text": cell.text, "value": cell.value, **cell.extra}
        if cell.low is not None:
            cells[head.key] |= {"low": cell.low, "high": cell.high}
        if cell.best:
            cells[head.key]["best"] = True
    return {
        "label": row.label,
        "status": row.status,
        "marks": row.marks,
        "cells": cells,
        "metrics": dict(row.metrics),
        "records": row.records,
    }


def _parts(cells: Sequence[Cell]) -> list[str]:
    names = ["low", "high"] if any(cell.low is not None for cell in cells) else []
    return names + (["unadjusted"] if any("unadjusted" in cell.extra for cell in cells) else [])


def _part(cell: Cell, name: str) -> Any:
    return cell.extra.get(name) if name == "unadjusted" else getattr(cell, name)


def _plain_cell(cell: Cell) -> str:
    return f"{BEST} {cell.text}" if cell.best else cell.text


def _bold_cell(cell: Cell) -> str:
    shown = cell.text.replace("|", "\\|").replace("*", "\\*")
    return f"**{shown}**" if cell.best else shown


def _numbered(table: Table) -> dict[str, int]:
    """Every remark on a row with its number."""
    found = dict.fromkeys(mark for block in table.blocks for row in block.rows for mark in row.marks)
    return {mark: number for number, mark in enumerate(found, 1)}


def _label(row: Row, numbered: dict[str, int]) -> str:
    raised = ",".join(str(numbered[mark]) for mark in row.marks).translate(SUPERSCRIPT)
    return f"{row.label} {raised}".rstrip()


def _grid(block: Block, heads: Sequence[Head], numbered: dict[str, int], form: str, show: Callable[[Cell], str]) -> str:
    rows = [[_label(row, numbered), *(show(row.cells.get(head.key, Cell())) for head in heads)] for row in block.rows]
    flat = form == "pipe"
    titles = ["row", *(head.label.replace("\n", " ").replace("|", "\\|") if flat else head.label for head in heads)]
    align = ["left", *("left" if head.key == "pretext" else "right" for head in heads)]
    return tabulate(rows, headers=titles, tablefmt=form, colalign=align, disable_numparse=True)


def _packed(heads: Sequence[Head], block: Block, width: int, numbered: dict[str, int]) -> list[list[Head]]:
    """Columns in groups that fit into ``width`` beside the row labels."""
    first = max((len(_label(row, numbered)) for row in block.rows), default=0)
    packed: list[list[Head]] = [[]]
    used = first
    for head in heads:
        shown = [_plain_cell(row.cells.get(head.key, Cell())) for row in block.rows]
        need = 2 + max(*map(len, shown), *(PADDING + len(line) for line in head.label.split("\n")))
        if packed[-1] and used + need > width:
            packed.append([])
            used = first
        packed[-1].append(head)
        used += need
    return packed


def _legend(table: Table, numbered: dict[str, int], best: str) -> list[str]:
    marks = [f"{str(number).translate(SUPERSCRIPT)} {mark}" for mark, number in numbered.items()]
    return marks + [f"{best}{note}" if note == BEST_NOTE else note for note in table.notes]
