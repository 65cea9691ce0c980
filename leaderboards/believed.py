"""The records that a table believes: those whose figures are what their items give; the others are named under it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from inkbench.benchmark.errors import UsageError, plural
from inkbench.benchmark.progress import complain
from inkbench.benchmark.store.arrays import read_arrays
from inkbench.benchmark.store.figures import Given, departures, given
from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.sealed import SealedFiles
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.table import Note, NoteKind

MOST = 5
"""Records that are named under a table; the others are counted."""


def believed(store: Store, records: Sequence[Record]) -> list[Record]:
    """Return the records whose figures are what their items give; the others are told, and in ``store.left_out``.

    One whose items are missing, or are not those that it names, is returned: its table says that of them.
    """
    kept = []
    for record in records:
        if why := _departure(store, record):
            if record.id not in store.left_out:
                complain(f"skipped: {store.record_path(record.id)} {why}; see: run_benchmark.py verify")
            store.left_out[record.id] = why
        else:
            kept.append(record)
    return kept


def left_out(store: Store) -> list[str]:
    """Return a line on each record that was not believed, and on how many more there are."""
    told = [f"run {run[:10]} {why}" for run, why in sorted(store.left_out.items())]
    more = [f"and {plural(len(told) - MOST, 'record')} more"] if len(told) > MOST else []
    return [*told[:MOST], *more]


def notes(store: Store) -> list[Note]:
    """Return the notes on what a table leaves out because it is not believed."""
    return [Note(f"left out, not to be believed (see verify): {line}", NoteKind.LEFT_OUT) for line in left_out(store)]


def _departure(store: Store, record: Record) -> str:
    if record.status != "done" or record.items is None:
        return ""
    try:
        found = _given(store, record)
        return "" if found is None else next(departures(record, found), "")
    except UsageError:
        return ""  # of a task that is not known here, which its table says
    except ValueError as error:
        return str(error)


def _given(store: Store, record: Record) -> Given | None:
    """Return what the items of a record give, kept under the cache; None where they are not the ones that it names."""
    assert record.items is not None
    versions = sorted((name, figure.version) for name, figure in record.metrics.items())
    key = key_of(["figures", record.items.sha256, record.task, versions])
    kept = SealedFiles(store.root / "cache" / "statistics")
    if (data := kept.read(key)) is not None:
        known: Given = json.loads(data)
        return known
    if not store.complete(record):
        return None
    found = given(record.task, read_arrays(store.items_path(record.id)))
    kept.write(key, json.dumps(found).encode())
    return found
