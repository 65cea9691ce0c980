"""The remarks of a table: whatever a reader would otherwise take for more than it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inkbench.benchmark.store.record import Record
from inkbench.leaderboards import across, hardware
from inkbench.leaderboards.columns.column import Subject, figure
from inkbench.leaderboards.columns.usual import pretext
from inkbench.leaderboards.declared.spec import TableFile
from inkbench.leaderboards.groups import CONTROL, Group, environment, plain
from inkbench.leaderboards.significance.item_statistics import ItemStatistics
from inkbench.leaderboards.significance.row_statistics import BlockStatistics, Limits
from inkbench.leaderboards.table import BEST_NOTE, Note, NoteKind, Row

NARROW_BELOW = 8
"""Test series below which intervals are known to be too narrow (docs/statistics.md)."""
ONE_SEED = (
    "Single seed: intervals and p-values reflect test-set sampling only. Use --seeds 3 or more to compare methods."
)
GIVEN = "External weights, not trained under this budget; the interval excludes pretraining variance."
TRANSDUCTIVE = "transductive: pretraining also used validation and test series"
NEAR_TRIVIAL = (
    "Scores under damage tell little: the clean score is not significantly above the best trivial baseline's."
)
UNPAIRED = "not compared: different test items from {}, or no common seed"


def marks(subject: Subject, wanted: Mapping[str, Any]) -> list[str]:
    """Return the remarks on one row, most important first; ``wanted`` is the environment of its block."""
    row = subject.row
    told = [f"{record.status}: {_told(record, row)}" for record in row.unfinished]
    if not row.done:
        return told
    if row.any.given:
        told.append(GIVEN)
    if row.any.transductive:
        told.append(TRANSDUCTIVE)
    told += _leaks(subject)
    told += _near_trivial(subject)
    found = pretext(row)
    if found and found["learnt"] is False:
        figures = f"held-out {found['name']} {figure(found['value'])}, chance {figure(found['trivial'])}"
        told.append(f"Pretext task not learned ({figures}).")
    if len(row.done) == 1 and not row.bare:
        told.append(ONE_SEED)
    compared = subject.control is not None and row is not subject.control and not row.trivial
    if compared and subject.statistics.control is None:
        told.append(UNPAIRED.format(subject.control.method if subject.control else CONTROL))
    elif compared and not row.bare and subject.control is not None and set(row.seeds) != set(subject.control.seeds):
        shared = ", ".join(map(str, sorted(row.seeds.keys() & subject.control.seeds.keys())))
        told.append(f"compared with {subject.control.method} on common seeds only: {shared}")
    if not row.bare and wanted and environment(row.any) != wanted:
        told.append(f"different environment: {_in_words(environment(row.any), wanted)}")
    return told + hardware.marks(row, subject.control)


def _near_trivial(subject: Subject) -> list[str]:
    """Say that what is left under damage is of little beyond what the best trivial baseline has."""
    pair, p = subject.statistics.trivial, subject.statistics.trivial_p
    if pair is None or not any(record.robustness for record in subject.row.done):
        return []
    better = (
        pair.difference > 0 if subject.row.done[0].metrics[subject.primary].direction == "max" else pair.difference < 0
    )
    return [] if better and p is not None and p < 0.05 else [NEAR_TRIVIAL]


def _leaks(subject: Subject) -> list[str]:
    """Count the suspect test items, and return the primary metric without them (means over seeds)."""
    told = [record.leaks for record in subject.row.done if record.leaks]
    worst = max((leaks.suspect for leaks in told), default=0)
    if not worst:
        return []
    values = [leaks.without.get(subject.primary) for leaks in told]
    known = [value for value in values if value is not None]
    mean = figure(sum(known) / len(known)) if known and len(known) == len(values) else "no value"
    return [
        f"Possible leakage: {worst:,} of {told[0].test_items:,} test items are near-duplicates of pretraining images "
        f"or share a series with them; {subject.primary} without them: {mean}"
    ]


def block_notes(block: BlockStatistics, wanted: Mapping[str, Any], wide: bool = False) -> list[Note]:
    """Return the notes on a block; ``wide`` where it holds rows of several backbones."""
    told = list(map(Note, block.notes))
    if not block.informative and block.best_trivial is not None:
        best = block.best_trivial.method
        told.insert(0, Note(f"not informative: no row beats the trivial baseline {best} at this budget"))
    if block.control is None and wide:
        text = "no row here to hold the others against (--reference names one): no differences or p-values"
        told.append(Note(text, NoteKind.NO_CONTROL))
    elif block.control is None:
        several = sum(row.method == CONTROL for row in block.rows)
        why = f"{several} variants, none with default settings" if several else "it was not run, or failed"
        text = f"no baseline row {CONTROL} in this block ({why}): no differences or p-values"
        told.append(Note(text, NoteKind.NO_CONTROL))
    if any(row.environments > 1 for row in block.rows):
        told.append(Note(f"several environments: showing the newest complete one: {_in_words(wanted)}"))
    return told


def table_notes(
    records: Sequence[Record],
    block_statistics: Sequence[BlockStatistics],
    bounds: tuple[Limits, Limits],
    item_statistics: ItemStatistics,
    common: Mapping[str, Any],
    declared: TableFile | None,
) -> list[Note]:
    """Return the notes on the whole table."""
    data = records[0].data
    told: list[str] = []
    if data.simulated:
        text = "Synthetic data: results do not carry over to real comics."
        told.append(Note(text, NoteKind.DATA))
    if data.photographs:
        told.append(Note("not comics: the test images are photographs", NoteKind.DATA))
    if common:
        told.append("all pretrained rows: " + " ".join(f"{key}={plain(value)}" for key, value in common.items()))
    rows = [row for block in block_statistics for row in block.rows if row.done]
    seeds = any(len(row.done) > 1 for row in rows)
    told.append(f"[low, high]: 95 % bootstrap interval over {'seeds, ' if seeds else ''}series and items")
    control, trivial = bounds
    if control.tests or trivial.tests:
        told.append("p: paired two-sided permutation test, clustered by series, Holm-corrected per column; * below .05")
    held_against = "reference" if declared and declared.across else CONTROL
    few = [name for name, limit in ((held_against, control), ("trivial", trivial)) if limit.few]
    if few:
        limit = control if control.few else trivial
        told.append(
            f"few series: {limit.series} test series and {limit.tests} tests cannot reach p < .05 after correction, "
            f"so nothing is marked significant (vs {', '.join(few)})"
        )
    if any(row.best for block in block_statistics for row in block.statistics):
        told.append(BEST_NOTE)
    series = [row.series for block in block_statistics for row in block.statistics if row.series is not None]
    fewest = min(series, default=None)
    if fewest == 1:
        told.append("one test series: intervals reflect sampling of its items only")
    elif fewest is not None and fewest < NARROW_BELOW:
        told.append(f"only {fewest} test series: intervals are too narrow")
    if declared and any(row.reported for row in declared.rows):
        text = f"reported: published in {declared.source}; different data and budget, excluded from the statistics"
        told.append(Note(text, NoteKind.REPORTED))
    told += declared.notes if declared else ()
    told += [across.NOTE] if declared and declared.across else []
    told += _unreadable(records)
    told += [f"run {run[:8]}: {why}; no interval or p-value" for run, why in item_statistics.problems.items()]
    return [line if isinstance(line, Note) else Note(line) for line in told]


def hoisted(blocks: Sequence[Sequence[Row]]) -> list[str]:
    """Return the remarks that every finished row with a backbone has: told once under the table."""
    rows = [row for rows in blocks for row in rows if row.status == "done" and not row.name]
    if len(rows) < 2:
        return []
    return [mark for mark in rows[0].marks if all(mark in row.marks for row in rows)]


def _unreadable(records: Sequence[Record]) -> list[str]:
    """Return images that no row could use: counted, and one named."""
    exclusions = [record.exclusions for record in records]
    own = {lost.item: lost.reason for one in exclusions for lost in one.unreadable}
    told = [lost for one in exclusions for lost in (one.pretraining or {}).get("unreadable", ())]
    reasons = {**own, **{lost["item"]: lost["reason"] for lost in told}}
    if not reasons:
        return []
    first = min(reasons)
    return [
        f"unreadable images excluded: {len(reasons):,}, e.g. {first} ({reasons[first]}); all are listed in the records"
    ]


def _told(record: Record, row: Group) -> str:
    seed = f"seed {record.seed}, " if row.done or len(row.unfinished) > 1 else ""
    log = f" (log: {record.log})" if record.log else ""
    return f"{seed}{record.reason}{log}"


def _in_words(found: Mapping[str, Any], other: Mapping[str, Any] | None = None) -> str:
    """Return an environment, or what of it differs from another one."""
    told = [f"{name} {value}" for name, value in found.items() if other is None or other.get(name) != value]
    return ", ".join(told) or "unknown"
