"""Records -> tables: rows into blocks, figures into cells, and in words whatever departs from a fair comparison."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from inkbench.benchmark.data.units import GUESSED, TOLD
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store.files import key_of, write_result
from inkbench.benchmark.store.index import summaries
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import across, render
from inkbench.leaderboards.arrange import arranged, chosen, metric_names, missing, reported
from inkbench.leaderboards.believed import believed, notes
from inkbench.leaderboards.columns.column import Column, Subject
from inkbench.leaderboards.columns.usual import AFTER_METRICS
from inkbench.leaderboards.combine.side_by_side import join
from inkbench.leaderboards.declared.match import match, row_of, sieve
from inkbench.leaderboards.declared.spec import RowSpec, TableFile
from inkbench.leaderboards.groups import Group, blocks, plain, setup
from inkbench.leaderboards.notes import block_notes, hoisted, marks, table_notes
from inkbench.leaderboards.significance.item_statistics import ItemStatistics
from inkbench.leaderboards.significance.named_rows import hold_against
from inkbench.leaderboards.significance.row_statistics import BlockStatistics, compute, control_of, limits
from inkbench.leaderboards.table import About, Block, Cell, Head, Note, Row, RowKind, Setup, Table

LONGEST = 150
"""Bytes of the longest name of a table's file."""


def tables(
    store: Store, records: Sequence[Record], declared: TableFile | None = None, axes: Sequence[str] = ()
) -> list[Table]:
    """Return one table for each task, protocol, data and preset among the records, in their order.

    ``axes`` are settings that get a column each, in place of the words in the rows' labels.
    """
    parts: dict[str, list[Record]] = {}
    for record in believed(store, records):
        data = record.data
        key = [record.task, record.protocol_name, data.id, data.fingerprint, record.preset]
        parts.setdefault(key_of(key), []).append(record)
    made: list[Table] = []
    for part in parts.values():
        first = part[0]
        title = declared.title if declared else f"{first.task} on {first.data.called}"
        table = build(store, part, title, declared, axes)
        if any(table.name == other.name for other in made):
            table = replace(table, name=f"{table.name}-{first.data.fingerprint[:6]}")
        made.append(table)
    if declared and len(made) == 1 and not declared.across:
        made[0] = replace(made[0], name=declared.name)
    doubted = notes(store)
    return [replace(table, notes=(*table.notes, *doubted)) for table in made]


def declared_tables(store: Store, declared: TableFile, records: Sequence[Record] | None = None) -> list[Table]:
    """Return a declared table from what is in the store, once for each preset and (where it names none) dataset.

    ``records`` are those that may be used, where not all.
    """
    of = declared.parts()
    parts: dict[str, list[Table]] = {}
    known = summaries(store, sieve(of)) if records is None else []
    for part in of:
        if records is None:
            own = [record for one in match(part, known) if (record := store.known(one.id)) is not None]
        else:
            own = match(part, records)
        for table in tables(store, own, part):
            key = table.about.preset + ("" if part.data else table.about.data)
            parts.setdefault(key, []).append(table)
    if len(of) == 1:
        return [table for found in parts.values() for table in found]
    joined = [join(declared, found) for found in parts.values()]
    return [replace(joined[0], name=declared.name)] if len(joined) == 1 else joined


def build(
    store: Store,
    records: Sequence[Record],
    title: str,
    declared: TableFile | None = None,
    axes: Sequence[str] = (),
) -> Table:
    """Build the table of records of one task, protocol, data and preset; ``declared`` orders rows and columns.

    Raises UsageError where a column would mix versions of its metric, or the table those of its protocol.
    """
    if not records:
        raise UsageError("there are no records to make a table from")
    _check_one(records)
    first = next((record for record in records if record.backbone is not None), records[0])
    primary = first.primary
    wide = declared if declared and declared.across else None
    grouped = blocks(records, lambda record: _made(store, record), across.setup if wide else setup)
    _check_versions([row for _, rows, _ in grouped for row in rows])
    item_statistics = ItemStatistics(store, primary)
    direction = _direction(records, primary)
    control = partial(across.reference, asked=wide.reference) if wide else control_of
    block_statistics = compute([rows for _, rows, _ in grouped], item_statistics, primary, direction, control)
    if declared:
        hold_against(block_statistics, declared, item_statistics)
    columns = chosen(records, block_statistics, declared, axes)
    common = _common_changes(block_statistics)
    bounds = limits(block_statistics)
    made = []
    for (shared, _, environment), block in zip(grouped, block_statistics, strict=True):
        rows = []
        names = across.labels(block.rows) if wide else [group.label((*common, *axes)) for group in block.rows]
        for group, statistics, name in zip(block.rows, block.statistics, names, strict=True):
            audits = _audits(store, group)
            subject = Subject(group, statistics, primary, bounds, block.control, block.best_trivial, audits)
            spec = row_of(declared, group) if declared else None
            rows.append(_row(subject, columns, spec.label if spec else name, spec, environment))
        if block is block_statistics[-1]:
            rows += missing([row for of in block_statistics for row in of.rows], declared, columns)
        rows = across.ranked(rows, primary, direction == "max") if wide else arranged(rows, declared)
        made.append(Block(_setup(shared, block.rows), tuple(rows), tuple(block_notes(block, environment, bool(wide)))))
    if declared is None:
        told = {key for block in made for row in block.rows for key, cell in row.cells.items() if cell != Cell()}
        columns = [column for column in columns if column.key in told or column.key not in AFTER_METRICS]
    everywhere = hoisted([block.rows for block in made])
    remarks = table_notes(records, block_statistics, bounds, item_statistics, common, declared)
    return Table(
        name=_name(first, declared),
        title=title,
        subtitle=", ".join(f"{name} {value}" for name, value in _about(first).told().items()),
        columns=tuple(
            Head(column.key, column.label, column.direction, column.primary, column.volatile, column.interval)
            for column in columns
        ),
        blocks=tuple(_without(block, everywhere) for block in made),
        notes=(*map(Note, everywhere), *remarks),
        about=_about(first),
        head=declared.head if declared else "row",
    )


def write(store: Store, table: Table, name: str | None = None) -> Path:
    """Write ``results/tables/NAME.{md,tex,csv,html,json}``, each whole or not at all; gives the path of the first."""
    stem = plain_name(name or table.name)
    paths = {suffix: store.root / "tables" / f"{stem}.{suffix}" for suffix in render.FILES}
    for suffix, path in paths.items():
        write_result(path, render.FILES[suffix](table).encode())
    return paths["md"]


def plain_name(name: str) -> str:
    """Return a name for a file that leads nowhere else: a table's own, else what is left of it and a hash."""
    if re.fullmatch(r"\w[\w .,+@=~-]*", name) and len(name.encode()) <= LONGEST:
        return name
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)[: LONGEST // 2].strip('-')}-{key_of(name)[:8]}".lstrip("-")


def _row(
    subject: Subject, columns: Sequence[Column], label: str, spec: RowSpec | None, environment: dict[str, Any]
) -> Row:
    group = subject.row
    if group.done:
        cells = {column.key: column.produce(subject) for column in columns}
    else:
        cells = {column.key: Cell() for column in columns}
        cells[columns[0].key] = Cell(group.status, extra={"reason": group.any.reason or ""})
    if spec:
        cells |= reported(spec)
    return Row(
        label=label,
        status=group.status,
        cells=cells,
        marks=tuple(marks(subject, environment)),
        metrics={name: value for name in metric_names(group.done) if (value := group.value(name)) is not None},
        records=tuple(record.id for record in (*group.done, *group.unfinished)),
        kind=_kind(subject),
        name=group.method.partition(":")[2] if group.bare else "",
    )


def _audits(store: Store, group: Group) -> list[dict[str, Any]]:
    """Return the findings of audits on the row's pretrainings."""
    keys = [record.pretraining for record in group.done if record.pretraining]
    files = [store.root / "audit" / key / "audit.json" for key in keys]
    return [found for file in files if file.is_file() and (found := _findings(file))]


def _findings(file: Path) -> dict[str, Any]:
    """Return the findings of an audit; empty where their file is damaged, which costs a column's cell."""
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, OSError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _kind(subject: Subject) -> RowKind:
    if subject.row.trivial:
        return RowKind.BEST_TRIVIAL if subject.row is subject.best_trivial else RowKind.TRIVIAL
    if subject.row.reference:
        return RowKind.REFERENCE
    return RowKind.CONTROL if subject.row is subject.control else RowKind.COMPARED


def _common_changes(block_statistics: Sequence[BlockStatistics]) -> dict[str, Any]:
    """Return the pretraining settings that all pretrained rows change alike: told once, not in every label."""
    rows = [row.changes for block in block_statistics for row in block.rows if row.any.settings.pretrain is not None]
    shared = {key: value for key, value in (rows[0] if rows else {}).items() if key.startswith(("pretrain", "budget"))}
    return {key: value for key, value in shared.items() if all(row.get(key, ...) == value for row in rows)}


def _check_one(records: Sequence[Record]) -> None:
    """Raise UsageError where records cannot stand in one table."""
    for what, found in (
        ("task", {record.task for record in records}),
        ("protocol", {record.protocol_name for record in records}),
        ("data", {f"{record.data.id} {record.data.fingerprint[:8]}" for record in records}),
        ("preset", {record.preset for record in records}),
        ("primary metric", {record.primary for record in records}),
    ):
        if len(found) > 1:
            raise UsageError(f"a table needs one {what}, not {', '.join(sorted(found))}")


def _check_versions(rows: Sequence[Group]) -> None:
    """Raise UsageError where the rows' figures have different definitions."""
    for what, versions in (
        ("protocol", {row.any.protocol: row for row in rows}),
        *(
            (f"metric {name}", {str(row.done[0].metrics[name].version): row for row in rows if _has(row, name)})
            for name in metric_names([row.done[0] for row in rows if row.done])
        ),
    ):
        if len(versions) > 1:
            told = ", ".join(f"{version} ({row.label()})" for version, row in sorted(versions.items()))
            raise UsageError(f"one column would mix versions of {what}: {told}; repeat the older runs")


def _has(row: Group, metric: str) -> bool:
    return bool(row.done) and metric in row.done[0].metrics


def _direction(records: Sequence[Record], metric: str) -> str:
    for record in records:
        if record.status == "done":
            return record.metrics[metric].direction
    return "max"


def _made(store: Store, record: Record) -> float:
    path = store.record_path(record.id)
    return path.stat().st_mtime if path.is_file() else 0.0


def _setup(setup: dict[str, Any], rows: Sequence[Group]) -> Setup:
    record = next((row.any for row in rows if not row.bare), rows[0].any if rows else None)
    if setup["backbone"] is None or record is None:
        return Setup("no backbone")
    if setup["backbone"] == across.SEVERAL:
        return Setup(f"{across.SEVERAL}, {record.family}")
    told = [
        f"{key}={plain(value)}"
        for key, value in record.changed.items()
        if key.startswith((f"{record.task}.", "backbone."))
    ]
    return Setup(setup["backbone"], setup["side"], setup["family"], tuple(told))


def _about(record: Record) -> About:
    data = record.data
    kind = "simulated" if data.simulated else "not comics" if data.photographs else ""
    return About(
        task=record.task,
        protocol=record.protocol,
        data=f"{data.id} {data.fingerprint[:8]}" + (f" ({kind})" if kind else ""),
        series=TOLD[data.series_by] if data.series_by in GUESSED else "",
        preset=record.preset,
        called=re.sub(r"[^a-z0-9]+", "-", data.called.lower()).strip("-"),
    )


def _name(record: Record, declared: TableFile | None) -> str:
    start = f"{record.task}-{record.protocol_name}"
    if declared:
        start = f"{declared.name}-{start}" if declared.across else declared.name
    return f"{start}-{_about(record).called}-{record.preset}"


def _without(block: Block, told: Sequence[str]) -> Block:
    rows = (replace(row, marks=tuple(mark for mark in row.marks if mark not in told)) for row in block.rows)
    return replace(block, rows=tuple(rows))
