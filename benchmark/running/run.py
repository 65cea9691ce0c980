"""The worker's loop over a plan in a results folder that other processes may share: each cell is done once."""

from __future__ import annotations

import time
import traceback
from contextlib import ExitStack
from functools import cached_property
from typing import Any

import numpy as np

from inkbench.benchmark.errors import CellError, Refusal
from inkbench.benchmark.planning.planned import Cell
from inkbench.benchmark.running import cells
from inkbench.benchmark.running.bench import Bench
from inkbench.benchmark.running.pretrained import weights_path
from inkbench.benchmark.running.records import base_record
from inkbench.benchmark.store import provenance
from inkbench.benchmark.store.files import write_atomic
from inkbench.benchmark.store.identity import SCORED_BY
from inkbench.benchmark.store.index import summaries
from inkbench.benchmark.store.locks import claim
from inkbench.benchmark.store.record import Record

WAIT_S = 1.0


class Crash(Exception):
    """A rank cannot go on beside the others; the parent ends them all and starts anew."""


class Runner:
    """One worker's (or rank's) way through a plan over a results folder that others may share."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.request, self.plan, self.device = bench.request, bench.plan, bench.device
        self.store, self.progress, self.report, self.first = bench.store, bench.progress, bench.report, bench.first
        self.scored_from: dict[str, Record] = {}
        """The record whose predictions a cell is scored from, by the cell's id."""

    def drain(self, skip: frozenset[str]) -> None:
        """Do every cell once; cells that another process holds are waited for."""
        pending = [cell for cell in self.plan.cells if cell.id not in skip]
        while pending:
            moved = False
            for cell in list(pending):
                with ExitStack() as held:
                    turn = self.bench.agree(lambda cell=cell, held=held: self._claim(cell, held))  # type: ignore[misc]
                    if turn == "busy":
                        continue
                    moved = True
                    pending.remove(cell)
                    if turn != "done":
                        self._attempt(cell, turn)
            if not moved:
                time.sleep(WAIT_S)

    def _claim(self, cell: Cell, held: ExitStack) -> str:
        """Decide the state of a cell: ``done`` already, ``busy`` elsewhere, ``score`` from predictions, or ``run``."""
        if self._done(cell):
            return "done"
        locks = self.store.root / "locks"
        if not held.enter_context(claim(locks / f"{cell.work}.lock")):
            return "busy"
        if self._done(cell):
            return "done"
        if self._has_predictions(cell):
            return "score"
        if cell.pretraining is None or weights_path(self.store, cell.pretraining).is_file():
            return "run"
        return "run" if held.enter_context(claim(locks / f"{cell.pretraining.key}.lock")) else "busy"

    def _done(self, cell: Cell) -> bool:
        record = self._known(cell)
        if record is None or record.status == "failed":
            return False
        if not self.store.whole(record):
            self.progress.say(f"{self.store.items_path(cell.id)} does not match its record; repeating the run")
            return False
        if not self.request.force:
            self._note_reuse(record)
            return True
        return bool(record.request.resolved["started"] == self.request.started)

    def _has_predictions(self, cell: Cell) -> bool:
        """Return whether another record holds the predictions of a cell; it is noted, and said with what it lacks."""
        other = self.records_of_work.get(cell.work, cell.id)
        if self.request.force or cell.declined or other == cell.id:
            return False
        try:
            record = self.store.find(other)
            self.store.read_predictions(record)
        except Refusal as refusal:
            self.progress.say(str(refusal))
            return False
        new = [name for name, version in cell.identity[SCORED_BY].items() if _version(record, name) != version]
        why = f"{', '.join(new)} {'is' if len(new) == 1 else 'are'} new" if new else "its id has changed"
        self.progress.say(
            f"{cell.method} on {cell.task.name}, seed {cell.seed}: rescored from predictions of {record.id[:10]} "
            f"({why}); no head is trained"
        )
        self.scored_from[cell.id] = record
        return True

    @cached_property
    def records_of_work(self) -> dict[str, str]:
        """The finished records that lay there when the first cell was not found, by the id of their predictions."""
        return {found.work: found.id for found in summaries(self.store) if found.status == "done" and found.work}

    def _known(self, cell: Cell) -> Record | None:
        """Return the record of a cell as it lies there; None where there is none that can be read."""
        try:
            return self.store.read(cell.id)
        except Refusal as refusal:
            self.progress.say(f"recomputing: {refusal}")
            return None

    def _note_reuse(self, record: Record) -> None:
        then, now = record.provenance.git.get("commit"), provenance.git_state().get("commit")
        other = f", made by commit {str(then)[:10]}" if then != now else ""
        self.progress.say(f"{record.method} on {record.task}, seed {record.seed}: already finished{other}")

    def _attempt(self, cell: Cell, turn: str) -> None:
        """Run a cell or score its predictions; whatever fails is recorded as failed and does not stop the others."""
        self.report({"event": "working", "cells": [cell.id]})
        if self.request.force and self.first:
            cells.forget(self.store, cell)
        try:
            if cell.declined:
                self._write(self._planned(cell), status="declined", reason=cell.declined)
            else:
                if turn == "score":
                    fields, items = cells.again(self.bench, cell, self.scored_from.get(cell.id))
                else:
                    fields, items = cells.measure(self.bench, cell)
                self._write(self._planned(cell), items, status="done", **fields)
                if self.first:
                    cells.forget(self.store, cell)
        except Exception as error:
            self._fail(cell, error)
            if self.device.fabric.world_size > 1:
                raise Crash(cell.id) from error
        self.report({"event": "idle"})

    def _fail(self, cell: Cell, error: Exception) -> None:
        """Record a failure with its log; a good record of an earlier run (``--force``) is kept."""
        rank = "" if self.first else f".rank{self.device.fabric.global_rank}"
        log = self.store.root / "logs" / f"{cell.id}{rank}.log"
        write_atomic(log, traceback.format_exc().encode())
        reason = str(error) if isinstance(error, CellError | Refusal) else f"{type(error).__name__}: {error}"
        self.report({"event": "failed", "cells": [cell.id]})
        known = self._known(cell)
        if known is None or known.status != "done":
            where = str(log.relative_to(self.store.root))
            self._write(self._planned(cell), status="failed", reason=" ".join(reason.split()), log=where)
        self.progress.say(f"FAILED {cell.method} on {cell.task.name}: {' '.join(reason.split())} (log: {log})")

    def _planned(self, cell: Cell) -> Record:
        return base_record(cell, self.plan, self.request)

    def _write(self, planned: Record, items: dict[str, np.ndarray] | None = None, **fields: Any) -> None:
        """Record a cell with what the work found; only the first rank does."""
        if self.first:
            made = {
                "git": provenance.git_state(),
                "packages": provenance.versions(provenance.TOLD),
                "hardware": provenance.hardware(self.device.hardware()),
                **{name: value for name, value in self.device.identity().items() if name != "precision"},
            }
            self.store.write(planned.but(**{"provenance": made, **fields}), items)


def _version(record: Record, metric: str) -> int | str | None:
    """Return the version of a metric that a record's figures were scored by; None where it did not know the metric."""
    versions: dict[str, int | str] = record.identity.get(SCORED_BY, {})
    return versions.get(metric)
