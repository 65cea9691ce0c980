"""A folder of submissions as one of our tables: ranked, with intervals and paired tests, ties and failures shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.scorers import metric_versions
from inkbench.benchmark.scoring.score import Scored
from inkbench.benchmark.scoring.score import score as score_predictions
from inkbench.benchmark.store.files import checksum, key_of
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build
from inkbench.leaderboards.table import Block, Note, NoteKind, Row, RowKind, Setup, Table
from inkbench.submissions.reference import Reference, trivial
from inkbench.submissions.score import score_here

DIGITS = 10
"""Decimals that a server keeps: submissions that agree in them are tied."""
NO_TRAINING = ("pretext", "images", "trials")
"""Columns that say how a backbone came about."""
TIED = "a rank with = is shared: the values agree in ten decimals"


def leaderboard(folder: Path, reference: Reference, store: Store, preset: str, strict: bool) -> tuple[Table, int]:
    """Score every zip of a folder; gives the table and how many have no score. Raises UsageError where there is no zip.

    Records and items lie in ``store``, which holds nothing else.
    """
    zips = sorted(path for path in folder.glob("*.zip") if path.is_file()) if folder.is_dir() else []
    if not zips:
        raise UsageError(f"{folder} contains no zip; give the folder of the submissions")
    shared = _shared(reference, preset)
    baseline = reference.task.trivial[-1]
    predicted = trivial(reference)
    plain = score_predictions(reference.task, predicted, reference.items, reference.truths, reference.options)
    records = [_record(store, shared, f"trivial:{baseline}", key_of([baseline]), plain)]
    failed = 0
    for path in zips:
        found: Scored | UsageError
        try:
            found = score_here(path, reference, strict)
        except UsageError as problem:
            found = problem
            failed += 1
        records.append(_record(store, shared, f"predictions:{path.stem}", checksum(path.read_bytes()), found))
    title = f"submissions for {reference.task.name} on {reference.data.name}, {reference.split} split"
    return ranked(build.build(store, records, title), shared["primary"], _direction(plain, shared["primary"])), failed


def ranked(table: Table, metric: str, direction: str) -> Table:
    """Return a table with its rows in order of ``metric``, labelled with their ranks; tied rows share one (``2=``).

    Rows of baselines have no rank, rows that failed come last.
    """
    sign = 1.0 if direction == "max" else -1.0
    blocks = []
    for block in table.blocks:
        merits = {id(row): round(sign * row.metrics[metric], DIGITS) for row in block.rows if metric in row.metrics}
        entered = [merits[id(row)] for row in block.rows if id(row) in merits and not _baseline(row)]
        rows = sorted(block.rows, key=lambda row: -merits.get(id(row), float("-inf")))
        shown = tuple(replace(row, label=_label(row, merits.get(id(row)), entered)) for row in rows)
        notes = tuple(note for note in block.notes if note.kind is not NoteKind.NO_CONTROL)
        blocks.append(Block(Setup("submissions"), shown, notes))
    tied = any(_tied(block.rows, metric) for block in table.blocks)
    kept = tuple(head for head in table.columns if head.key not in NO_TRAINING)
    return replace(table, columns=kept, blocks=tuple(blocks), notes=(*table.notes, *([Note(TIED)] if tied else [])))


def _label(row: Row, merit: float | None, entered: list[float]) -> str:
    if _baseline(row):
        return row.label
    name = row.name or row.label
    if merit is None:
        return f"- {name}"
    rank = 1 + sum(other > merit for other in entered)
    return f"{rank}{'=' if entered.count(merit) > 1 else '.'} {name}"


def _baseline(row: Row) -> bool:
    return row.kind in (RowKind.TRIVIAL, RowKind.BEST_TRIVIAL)


def _tied(rows: Sequence[Row], metric: str) -> bool:
    """Return whether two submissions have one figure."""
    values = [round(row.metrics[metric], DIGITS) for row in rows if metric in row.metrics and not _baseline(row)]
    return len(set(values)) < len(values)


def _direction(scored: Scored, metric: str) -> str:
    return str(scored.metrics[metric]["direction"])


def _shared(reference: Reference, preset: str) -> dict[str, Any]:
    """Return the facts that all records of a leaderboard share."""
    task, data = reference.task, reference.data
    return {
        "task": task.name,
        "protocol": "submission",
        "family": "submission",
        "data": {
            "id": data.name,
            "layout": data.reader,
            "own": data.own,
            "series_by": data.series_by,
            "fingerprint": data.fingerprint(),
            "version": data.version,
            "simulated": data.simulated,
            "photographs": data.photographs,
        },
        "seed": 0,
        "preset": preset,
        "backbone": None,
        "precision": None,
        "changed": {},
        "settings": {"task": task.config.model_dump(mode="json"), "split": reference.split},
        "supervision": "unknown",
        "given": False,
        "facts": {},
        "versions": {"task": task.version, "data": data.version},
        "primary": next(iter(metric_versions(task))),
        "phases": {},
        "request": {"typed": [], "resolved": {}},
    }


def _record(store: Store, shared: Mapping[str, Any], method: str, content: str, found: Scored | UsageError) -> Record:
    """Write the record of a submission: its metrics and items, or why it has no score."""
    run = key_of([method, content, shared["task"], shared["data"], shared["settings"], shared["versions"]])
    own = {"id": run, "method": method, **shared}
    if isinstance(found, UsageError):
        return store.write(Record.model_validate({**own, "status": "failed", "reason": str(found)}))
    told = {"status": "done", "metrics": found.metrics, "notes": tuple(found.notes)}
    return store.write(Record.model_validate({**own, **told}), found.items)
