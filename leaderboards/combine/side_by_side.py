"""Several tables side by side as one: rows by their labels, blocks by their backbones, nothing computed anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from inkbench.leaderboards.arrange import REPORTED, absent, reported
from inkbench.leaderboards.combine.ranks import with_ranks
from inkbench.leaderboards.declared.spec import TableFile
from inkbench.leaderboards.table import BEST_NOTE, Block, Cell, Head, Note, NoteKind, Row, RowKind, Setup, Table

BEST_TRIVIAL = "best trivial baseline"
NOTES = (
    Note(
        "each column summarises a separate table that has its intervals, differences and p-values; "
        "* significantly different from random (Holm p < .05)"
    ),
    BEST_NOTE,
)
Shown = tuple[str | None, Mapping[Head, Cell]]
"""How a row of a table enters the joined one: under which label (None: not at all), with which cells."""


def blocks_of(tables: Sequence[Table], show: Callable[[Table, Block, Row], Shown]) -> tuple[list[Head], list[Block]]:
    """Return the columns as they come, and the blocks; a backbone's rows of all tables are one block."""
    heads: dict[str, Head] = {}
    cells: dict[str, dict[str, dict[str, Cell]]] = {}
    parts: dict[tuple[str, str], list[Row]] = {}
    for table in tables:
        for block in table.blocks:
            backbone = block.setup.backbone
            for row in block.rows:
                label, shown = show(table, block, row)
                if label is None:
                    continue
                heads |= {head.key: head for head in shown}
                told = cells.setdefault(backbone, {}).setdefault(label, {})
                told |= {head.key: cell for head, cell in shown.items() if head.key not in told}
                parts.setdefault((backbone, label), []).append(row)
    blocks = [
        Block(Setup(backbone), tuple(_row(label, told, parts[backbone, label]) for label, told in found.items()))
        for backbone, found in cells.items()
    ]
    return list(heads.values()), blocks


def _row(label: str, cells: Mapping[str, Cell], of: Sequence[Row]) -> Row:
    statuses = [row.status for row in of]
    return Row(
        label,
        "done" if "done" in statuses else statuses[0],
        cells,
        marks=tuple(dict.fromkeys(mark for row in of for mark in row.marks)),
        records=tuple(dict.fromkeys(record for row in of for record in row.records)),
        kind=of[0].kind,
        name=of[0].name,
    )


def label_of(row: Row) -> str | None:
    """Return a row's label in a joined table: of trivial baselines the best one alone, references not at all."""
    if row.kind is RowKind.BEST_TRIVIAL:
        return BEST_TRIVIAL
    return None if row.kind in (RowKind.TRIVIAL, RowKind.REFERENCE) else row.label


def primary_cell(row: Row, cell: Cell) -> Cell:
    """Return a primary figure without interval, starred as in its own table; of the best trivial baseline its name."""
    star = "*" if cell.extra.get("differs") else ""
    told = f" ({row.name})" if row.kind is RowKind.BEST_TRIVIAL else ""
    return Cell((cell.figure or cell.text) + star + told, cell.value, best=cell.best)


def notes_of(tables: Sequence[Table]) -> list[Note]:
    """Return a joined table's notes: the meaning of its figures, the sources of its data and of the papers' figures."""
    kept = (NoteKind.DATA, NoteKind.REPORTED, NoteKind.LEFT_OUT)
    told = [note for table in tables for note in table.notes if note.kind in kept]
    return list(dict.fromkeys((*NOTES, *told)))


def join(declared: TableFile, tables: Sequence[Table]) -> Table:
    """Return a declared table over several tasks, protocols or datasets, from the tables of its ``parts``."""

    def show(table: Table, block: Block, row: Row) -> Shown:
        del block
        if not row.records:
            return None, {}
        if row.status != "done":
            first = next(head for head in table.columns if head.primary or head.direction)
            return label_of(row), {_bare(first): Cell(row.status)}
        own = {head: row.cells[head.key] for head in table.columns if row.cells.get(head.key, Cell()) != Cell()}
        return label_of(row), {
            _bare(head): primary_cell(row, cell) if head.primary else cell for head, cell in own.items()
        }

    _, blocks = blocks_of(tables, show)
    heads = _columns(declared, tables)
    order = {spec.label: place for place, spec in enumerate(declared.rows)}
    specs = {spec.label: spec for spec in declared.rows}
    there = {row.label for block in blocks for row in block.rows}
    made = []
    for number, block in enumerate(blocks):
        rows = [
            replace(row, cells={**row.cells, **reported(specs[row.label])}) if row.label in specs else row
            for row in block.rows
        ]
        if number == len(blocks) - 1:
            rows += [absent(spec, heads[0].key) for spec in declared.rows if spec.label not in there]
        made.append(replace(block, rows=tuple(sorted(rows, key=lambda row: order.get(row.label, -1)))))
    ranked, heads, notes = with_ranks(made, heads)
    first = tables[0]
    about = first.about.shared(*(table.about for table in tables))
    return Table(
        name=first.name,
        title=declared.title,
        subtitle=", ".join(f"{name} {value}" for name, value in about.told().items()),
        columns=tuple(heads),
        blocks=tuple(ranked),
        notes=(*notes_of(tables), *map(Note, declared.notes), *notes),
        about=about,
        head=declared.head,
    )


def _bare(head: Head) -> Head:
    """Return a heading without its words on an interval, which a joined table leaves out."""
    return replace(head, interval=False) if head.primary else head


def _columns(declared: TableFile, tables: Sequence[Table]) -> list[Head]:
    """Return the columns of all parts in the declared order, each behind ours the paper's."""
    found = {head.key: _bare(head) for table in tables for head in table.columns}
    order = [key for column in declared.columns for key in (column.id, f"{REPORTED}{column.id}")]
    return sorted(found.values(), key=lambda head: order.index(head.key) if head.key in order else -1)
