"""``rescore``: new metrics from stored predictions, without a model, after a metric's definition has changed."""

from __future__ import annotations

from pathlib import Path

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.escaping import terminal
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.scored_again import SharedTests, score_again
from inkbench.benchmark.store.proof import CHECKSUM, doubts
from inkbench.benchmark.store.reading import BadRecord, read_record
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store


def rescore(store: Store, prefix: str | None, progress: Progress) -> int:
    """Score the stored predictions of a run, or of all that are done; prints what changed, gives the exit status.

    Equal definitions write the record anew in its place. Where a definition has changed since, the record gets the id
    that a run with the new definition would give it; the old one stays. A record whose figures were changed gets them
    back where that makes its checksum right again.
    Raises UsageError where one named run cannot be
    scored; of all runs those that cannot are told and the status is 1.
    """
    store.sweep()
    tests = SharedTests(store, progress)
    if prefix is not None:
        print(terminal(_again(store, store.find_path(prefix), tests)))
        return 0
    status = 0
    found = 0
    for path in store.paths():
        try:
            if _is_unfinished(path):
                continue
            found += 1
            print(terminal(_again(store, path, tests)))
        except UsageError as refusal:
            progress.say(str(refusal))
            status = 1
    if not found and not status:
        raise UsageError(f"no finished run in {store.root}; nothing to rescore")
    return status


def _is_unfinished(path: Path) -> bool:
    try:
        return read_record(path).status != "done"
    except BadRecord:
        return False


def _again(store: Store, path: Path, tests: SharedTests) -> str:
    """Score the record of a file again and write it; gives the line that says what became of its primary metric."""
    record, bad = _as_told(path)
    fields, items = score_again(store, record, tests.of(record))
    if fields["id"] != record.id:
        fields["was"] = record.id
    again = record.but(**fields)
    if bad is not None and not _makes_right(bad, again):
        raise bad
    new = store.write(again, items)
    return f"{record.id[:10]} {record.method} on {record.task}, seed {record.seed}: {_change(record, new)}"


def _as_told(path: Path) -> tuple[Record, BadRecord | None]:
    """Return what a file says, and what is wrong with it. Raises BadRecord where it says no finished run."""
    try:
        return read_record(path), None
    except BadRecord as bad:
        if bad.record is None or bad.record.status != "done":
            raise
        return bad.record, bad


def _makes_right(bad: BadRecord, again: Record) -> bool:
    """Return whether a record with its own figures back is what its checksum is of."""
    told = bad.told or {}
    return CHECKSUM in told and not any(doubts({**again.to_json(), CHECKSUM: told[CHECKSUM]}, again))


def _change(old: Record, new: Record) -> str:
    """Say in words what scoring again changed, the primary metric first."""
    before, after = old.metrics, new.metrics
    told = [new.primary, *(name for name in after if name != new.primary)]
    moved = [
        f"{name} {before[name].value:.6g} -> {after[name].value:.6g}"
        for name in told
        if name in before and before[name].value != after[name].value
    ]
    fresh = [f"{name} {after[name].value:.6g} (new)" for name in told if name not in before]
    gone = [f"{name} removed" for name in before if name not in after]
    home = "" if new.id == old.id else f"; now run {new.id[:10]}"
    unchanged = f"{new.primary} {after[new.primary].value:.6g}, nothing changed"
    return (", ".join([*moved, *fresh, *gone]) or unchanged) + home
