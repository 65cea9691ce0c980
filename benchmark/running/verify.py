"""``verify``: holds every record against its own proofs, its items, its predictions and the card of its backbone."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from inkbench.benchmark.errors import UsageError, did_you_mean, plural
from inkbench.benchmark.escaping import terminal
from inkbench.benchmark.running.cards import Cards
from inkbench.benchmark.store.arrays import read_arrays
from inkbench.benchmark.store.figures import departures, given
from inkbench.benchmark.store.files import checksum
from inkbench.benchmark.store.identity import SCORED_BY
from inkbench.benchmark.store.proof import doubts, is_stamped
from inkbench.benchmark.store.reading import BadRecord, read_form
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.record_parts import StoredFile
from inkbench.benchmark.store.store import Store, bound_to

Again = Callable[[Record], Iterator[str]]
"""What scoring a run's predictions again finds."""
NOT_SEALED = "not sealed: written before records had a checksum, so an edit shows only in ids, items and predictions"
NO_PREDICTIONS = "without predictions: their items cannot be proven"
NO_DAMAGED = "figures under damage without predictions: they cannot be proven"
NOT_BOUND = "predictions that do not say which run they are of: written before they did"
NO_CARD = "method and seed not proven: the card of their pretraining is not here"
UNKNOWN = "of tasks that are not known here (--plugin FILE.py): their figures are not checked"
LEFT_OVER = "items or predictions that no record names"


def check(store: Store, wanted: Sequence[str], again: Again | None = None) -> int:
    """Check the records whose id begins with, or whose method is, one of ``wanted`` (all without any); print findings.

    Return 1 where there are any, else 0. ``again`` scores predictions again. Raises UsageError where nothing is there.
    """
    paths = _chosen(store, wanted)
    seen = Verification(store, again)
    bad = 0
    for path in paths:
        found = list(dict.fromkeys(seen.findings(path)))
        bad += bool(found)
        for line in found:
            print(terminal(f"{path.relative_to(store.root)}: {line}"), flush=True)
    if not wanted and (left := len(_left_over(store, seen.named))):
        seen.remarks[LEFT_OVER] = left
    for remark, count in seen.remarks.items():
        print(f"{count:,} {remark}")
    held = "scored again" if again else "checked"
    print(f"{plural(len(paths), 'record')} {held}: {len(paths) - bad:,} hold, {bad:,} do not")
    return int(bad > 0)


def _chosen(store: Store, wanted: Sequence[str]) -> list[Path]:
    """Return the files of the wanted records. Raises UsageError where one names none."""
    paths = store.paths()
    if not paths:
        raise UsageError(f"no records in {store.root}; name a results folder: verify DIR")
    if not wanted:
        return paths
    methods = {path: _method(path) for path in paths}
    chosen: dict[Path, None] = {}
    for word in wanted:
        found = [path for path in paths if path.name.startswith(word) or methods[path] == word]
        if not found:
            known = sorted({method for method in methods.values() if method})
            raise UsageError(f"no run or method '{word}' in {store.root}{did_you_mean(word, known)}")
        chosen |= dict.fromkeys(found)
    return sorted(chosen)


def _method(path: Path) -> str:
    try:
        return read_form(path)[1].method
    except BadRecord:
        return ""


def _left_over(store: Store, named: set[str]) -> list[Path]:
    return [path for path in (store.root / "cells").glob("*/*.npz") if path.name not in named]


def _of_damage(record: Record) -> list[StoredFile]:
    return [under.predictions for under in record.robustness.under.values()] if record.robustness else []


class Verification:
    """What is found while the records of a folder are read; ``remarks`` counts what could not be proven."""

    def __init__(self, store: Store, again: Again | None) -> None:
        self.store, self.again = store, again
        self.cards = Cards(store)
        self.remarks: Counter[str] = Counter()
        self.named: set[str] = set()
        """The files of arrays that records name."""

    def findings(self, path: Path) -> Iterator[str]:
        """Yield what is wrong with the record of a file, in words."""
        try:
            told, record = read_form(path)
        except BadRecord as bad:
            yield bad.reason
            return
        self.named |= {file.file for file in (record.items, record.predictions, *_of_damage(record)) if file}
        try:
            yield from doubts(told, record)
        except ValueError as error:
            yield str(error)
        if not is_stamped(told):
            self.remarks[NOT_SEALED] += 1
        elif not record.identity:
            yield "has no identity that its id could be the hash of"
        if record.status != "done":
            if self.store.items_path(record.id).exists():
                yield f"is {record.status}, but its items lie beside it"
            return
        yield from self._of_items(record)
        yield from self._of_predictions(record)
        yield from self._of_damaged(record)
        yield from self._of_card(record)
        if self.again is not None:
            yield from self.again(record)

    def _of_items(self, record: Record) -> Iterator[str]:
        """Yield what is wrong with the items: missing, changed, or not what the figures are of."""
        path = self.store.items_path(record.id)
        if record.items is None:
            yield "names no items"
            return
        try:
            data = path.read_bytes()
            if checksum(data) != record.items.sha256:
                yield "its items do not match their checksum"
            items = read_arrays(io.BytesIO(data))
        except (OSError, ValueError) as error:
            yield f"its items cannot be read ({error})"
            return
        try:
            yield from departures(record, given(record.task, items))
        except UsageError:
            self.remarks[UNKNOWN] += 1
        except ValueError as error:
            yield str(error)

    def _of_predictions(self, record: Record) -> Iterator[str]:
        """Yield what is wrong with the predictions: changed, or made for another run."""
        told = record.predictions
        if told is None or not self.store.predictions_path(record.made).exists():
            self.remarks[NO_PREDICTIONS] += 1
            return
        yield from self._of_stored(record, self.store.predictions_path(record.made), told.sha256, record.work)

    def _of_damaged(self, record: Record) -> Iterator[str]:
        """Yield what is wrong with the predictions under damage, and with what is said of their figures."""
        versions = record.identity.get(SCORED_BY, {})
        for name, under in record.robustness.under.items() if record.robustness else ():
            path = self.store.record_path(record.made).with_name(under.predictions.file)
            if str(versions.get(record.primary, under.figure.version)) != str(under.figure.version):
                yield f"has version {under.figure.version} of {record.primary} under {name}"
            if not path.exists():
                self.remarks[NO_DAMAGED] += 1
                continue
            owner = path.name.partition(".")[0]
            if not owner.startswith(f"{record.made}-{name.replace('@', '-')}-v"):
                yield f"names {path.name} as its predictions under {name}"
            for found in self._of_stored(record, path, under.predictions.sha256, owner):
                yield f"under {name}, {found}"

    def _of_stored(self, record: Record, path: Path, sha256: str, work: str) -> Iterator[str]:
        """Yield what is wrong with a file of predictions that must be of ``work``."""
        try:
            data = path.read_bytes()
            if sha256 not in ("", checksum(data)):
                yield "its predictions do not match their checksum"
            bound = bound_to(data)
        except (OSError, ValueError) as error:
            yield f"its predictions cannot be read ({error})"
            return
        if bound is None:
            self.remarks[NOT_BOUND] += 1
            return
        owner, calibration = bound
        if owner != work:
            yield f"its predictions were made for {owner}"
        if calibration != record.to_json().get("calibration", {}):
            yield "says that validation chose otherwise than its predictions do"

    def _of_card(self, record: Record) -> Iterator[str]:
        """Yield what the card of the pretraining says otherwise."""
        if record.pretraining is None:
            return
        if self.cards.has(record.pretraining):
            yield from self.cards.findings(record)
        elif record.pretrained is None:
            self.remarks[NO_CARD] += 1
