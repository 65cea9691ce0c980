"""The rows and columns of a table and their order: as declared, or as usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inkbench.benchmark.scorers import scorer_of
from inkbench.benchmark.store.identity import plugged_metrics
from inkbench.benchmark.store.record import Record
from inkbench.leaderboards.columns.column import Column
from inkbench.leaderboards.columns.usual import AFTER_METRICS, BEFORE_METRICS, COLUMNS, metric_column, setting_column
from inkbench.leaderboards.declared.match import row_of
from inkbench.leaderboards.declared.spec import ColumnSpec, RowSpec, TableFile
from inkbench.leaderboards.groups import CONTROL, Group, plain
from inkbench.leaderboards.significance.row_statistics import BlockStatistics
from inkbench.leaderboards.table import Cell, Row
from inkbench.tasks.metrics.scorer import Scorer

REPORTED = "reported:"
REFERENCE_ROW = "reference"
"""What stands in headings in place of the control's name where another row is in its place."""
ONLY_REPORTED = "reported"
"""The status of a row that a paper has and no method here stands for."""


def arranged(rows: Sequence[Row], declared: TableFile | None) -> list[Row]:
    """Return declared rows in their order, behind trivial and control rows; the others as they came."""
    places = {spec.label: place for place, spec in enumerate(declared.rows)} if declared else {}
    return sorted(rows, key=lambda row: places.get(row.label, -1))


def missing(rows: Sequence[Group], declared: TableFile | None, columns: Sequence[Column]) -> list[Row]:
    """Return the declared rows that nobody has run here: shown, with the paper's figures, never left out."""
    if declared is None:
        return []
    present = {spec.label for group in rows if (spec := row_of(declared, group))}
    return [absent(spec, columns[0].key) for spec in declared.rows if spec.label not in present]


def absent(spec: RowSpec, first: str) -> Row:
    """Return a declared row without a record: not run, or one that no method here stands for; ``first`` says so."""
    status = "not run" if spec.method else ONLY_REPORTED
    return Row(spec.label, status, {**({first: Cell(status)} if spec.method else {}), **reported(spec)})


def reported(spec: RowSpec) -> dict[str, Cell]:
    """Return the paper's figures of a row, as they are printed there."""
    return {f"{REPORTED}{key}": Cell(plain(value), value) for key, value in spec.reported.items()}


def chosen(
    records: Sequence[Record],
    block_statistics: Sequence[BlockStatistics],
    declared: TableFile | None,
    axes: Sequence[str] = (),
) -> list[Column]:
    """Return columns of ``axes`` (settings), then declared or usual ones, without comparisons with an absent row."""
    done = [record for record in records if record.status == "done"]
    primary = records[0].primary
    present = {
        "control": any(block.control for block in block_statistics),
        "trivial": any(block.best_trivial for block in block_statistics),
        "given": any(record.origin for record in done) or bool(declared and declared.columns),
    }
    if declared and declared.columns:
        columns = [column for spec in declared.columns for column in _declared(spec, primary, declared)]
    else:
        metrics = [name for name in metric_names(done) if name != primary]
        scorer = scorer_of(records[0].task)
        defined = {metric.name for metric in scorer.metrics}
        shown = [name for name in metrics if name in defined]
        shown += [name for name in metrics if name not in defined and _is_form(scorer, name, primary)]
        stored = {name for record in done for name in plugged_metrics(record.identity)}
        shown += [name for name in metrics if name in stored - defined]
        columns = [COLUMNS[key] for key in BEFORE_METRICS] + [metric_column(name) for name in shown]
        columns += [COLUMNS[key] for key in AFTER_METRICS]
    columns = [setting_column(key, key) for key in axes] + columns
    kept = [column for column in columns if not column.requires or present[column.requires]]
    if declared and declared.across:
        kept = [replace(column, label=column.label.replace(CONTROL, REFERENCE_ROW)) for column in kept]
    return [_arrowed(column, done, primary) for column in kept]


def _is_form(scorer: Scorer, name: str, metric: str) -> bool:
    """Return whether a figure is a form of a metric; old records may hold figures that are no longer defined."""
    return scorer.defines(name) and scorer.definition(name).name == metric


def metric_names(records: Sequence[Record]) -> list[str]:
    """Return all metrics of records, in the order in which they come."""
    return list(dict.fromkeys(name for record in records for name in record.metrics))


def _declared(spec: ColumnSpec, primary: str, declared: TableFile) -> list[Column]:
    known = COLUMNS.get("primary" if spec.key == primary else spec.key)
    if known:
        column = replace(known, volatile=False)  # asked for by name
        if spec.label:
            column = replace(column, label=spec.label, interval=False)
    elif spec.setting:
        column = setting_column(spec.key, spec.label)
    else:
        column = metric_column(spec.key, spec.label)
    if spec.id != spec.key:
        column = replace(column, key=spec.id)
    columns = [column]
    if any(spec.id in row.reported for row in declared.rows):
        label = spec.reported or f"{spec.label or spec.key} (reported)"
        columns.append(Column(f"{REPORTED}{spec.id}", label, lambda _: Cell()))
    return columns


def _arrowed(column: Column, done: Sequence[Record], primary: str) -> Column:
    """Return metrics with arrows towards the better end; the primary one says its name."""
    name = primary if column.primary else column.metric
    label = column.label or name
    entry = next((record.metrics[name] for record in done if name in record.metrics), None)
    if entry is not None:
        label += " ↑" if entry.direction == "max" else " ↓"
    shows = column.interval or column.primary
    return replace(column, label=label, direction=entry.direction if entry else "", interval=shows)
