"""The worker's loop over a plan in a results folder that other processes may share: each experiment is done once."""

from __future__ import annotations

import time
import traceback
from contextlib import ExitStack
from functools import cached_property
from typing import Any

import numpy as np

from inkbench.benchmark import stopping
from inkbench.benchmark.errors import RunError, UsageError, of_the_system
from inkbench.benchmark.planning.experiment import Experiment
from inkbench.benchmark.progress import complain
from inkbench.benchmark.running import evaluate, robustness
from inkbench.benchmark.running.records import base_record
from inkbench.benchmark.running.weights import weights_path
from inkbench.benchmark.running.workspace import Workspace
from inkbench.benchmark.store import provenance
from inkbench.benchmark.store.files import write_result
from inkbench.benchmark.store.identity import SCORED_BY
from inkbench.benchmark.store.index import summaries
from inkbench.benchmark.store.locks import claim
from inkbench.benchmark.store.record import Record

WAIT_S = 1.0


class Crash(Exception):
    """A rank cannot go on beside the others; the parent ends them all and starts anew."""


class Runner:
    """One worker's (or rank's) way through a plan over a results folder that others may share."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.request, self.plan, self.device = workspace.request, workspace.plan, workspace.device
        self.store, self.progress, self.report, self.first = (
            workspace.store,
            workspace.progress,
            workspace.report,
            workspace.first,
        )
        self.scored_from: dict[str, Record] = {}
        """The record whose predictions an experiment is scored from, by the experiment's id."""

    def execute(self, skip: frozenset[str]) -> None:
        """Do every experiment once; experiments that another process holds are waited for."""
        if self.first:
            self.store.sweep()
        pending = [experiment for experiment in self.plan.experiments if experiment.id not in skip]
        while pending:
            moved = False
            for experiment in list(pending):
                stopping.check()
                with ExitStack() as held:
                    turn = self.workspace.agree(lambda experiment=experiment, held=held: self._claim(experiment, held))  # type: ignore[misc]
                    if turn == "busy":
                        continue
                    moved = True
                    pending.remove(experiment)
                    if turn != "done":
                        self._attempt(experiment, turn)
            if not moved:
                stopping.check()
                time.sleep(WAIT_S)

    def _claim(self, experiment: Experiment, held: ExitStack) -> str:
        """Decide its state: ``done`` already, ``busy`` elsewhere, ``score`` from predictions, ``damage``, or ``run``.

        ``damage``: done, but not yet tested on damaged images as it was asked to.
        """
        if not self._owes(experiment) and self._done(experiment):
            return "done"
        locks = self.store.root / "locks"
        if not held.enter_context(claim(locks / f"{experiment.work}.lock")):
            return "busy"
        if self._done(experiment):
            return "damage" if self._owes(experiment) else "done"
        if self._has_predictions(experiment):
            return "score"
        if experiment.pretraining is None or weights_path(self.store, experiment.pretraining).is_file():
            return "run"
        return "run" if held.enter_context(claim(locks / f"{experiment.pretraining.key}.lock")) else "busy"

    def _done(self, experiment: Experiment) -> bool:
        record = self._known(experiment)
        if record is None or record.status == "failed":
            return False
        if not self.store.complete(record):
            self.progress.say(f"{self.store.items_path(experiment.id)} does not match its record; repeating the run")
            return False
        if not self.request.force:
            self._note_reuse(record)
            return True
        return bool(record.request.resolved.get("started") == self.request.started)

    def _owes(self, experiment: Experiment) -> bool:
        """Return whether a finished experiment is still to be tested on damaged images."""
        if not self.request.robustness or not robustness.has_one(experiment):
            return False
        record = self._known(experiment)
        return record is not None and robustness.is_lacking(record)

    def _has_predictions(self, experiment: Experiment) -> bool:
        """Return whether another record holds an experiment's predictions; it is noted, and said with what it lacks."""
        other = self.records_of_work.get(experiment.work, experiment.id)
        if self.request.force or experiment.declined or other == experiment.id:
            return False
        try:
            record = self.store.find(other)
            self.store.read_predictions(record)
        except UsageError as refusal:
            self.progress.say(str(refusal))
            return False
        new = [name for name, version in experiment.identity[SCORED_BY].items() if _version(record, name) != version]
        why = f"{', '.join(new)} {'is' if len(new) == 1 else 'are'} new" if new else "its id has changed"
        self.progress.say(
            f"{experiment.method} on {experiment.task.name}, seed {experiment.seed}: "
            f"rescored from predictions of {record.id[:10]} ({why}); no head is trained"
        )
        self.scored_from[experiment.id] = record
        return True

    @cached_property
    def records_of_work(self) -> dict[str, str]:
        """The finished records that were there when a first one was missing, by the id of their predictions."""
        return {found.work: found.id for found in summaries(self.store) if found.status == "done" and found.work}

    def _known(self, experiment: Experiment) -> Record | None:
        """Return the record of an experiment as it lies there; None where there is none that can be read."""
        try:
            return self.store.read(experiment.id)
        except UsageError as refusal:
            self.progress.say(f"recomputing: {refusal}")
            return None

    def _note_reuse(self, record: Record) -> None:
        then, now = record.provenance.git.get("commit"), provenance.git_state().get("commit")
        other = f", made by commit {str(then)[:10]}" if then != now else ""
        self.progress.say(f"{record.method} on {record.task}, seed {record.seed}: already finished{other}")

    def _attempt(self, experiment: Experiment, turn: str) -> None:
        """Run an experiment or score its predictions; a failure is recorded and does not stop the others."""
        self.report({"event": "working", "cells": [experiment.id]})
        if self.request.force and self.first:
            evaluate.forget(self.store, experiment)
            robustness.forget(self.store, experiment.work)
        try:
            if experiment.declined:
                self._write(self._planned(experiment), status="declined", reason=experiment.declined)
            elif turn != "damage":
                self._measure(experiment, turn)
            if self.workspace.agree(lambda: "owes" if self._owes(experiment) else ""):
                self._damage(experiment)
        except Exception as error:
            self._fail(experiment, error)
            if self.device.fabric.world_size > 1:
                raise Crash(experiment.id) from error
        self.report({"event": "idle"})

    def _measure(self, experiment: Experiment, turn: str) -> None:
        """Run an experiment, or score its predictions, and record it."""
        if turn == "score":
            fields, items = evaluate.again(self.workspace, experiment, self.scored_from.get(experiment.id))
        else:
            fields, items = evaluate.measure(self.workspace, experiment)
        self._write(self._planned(experiment), items, status="done", **fields)
        if self.first:
            evaluate.forget(self.store, experiment)

    def _damage(self, experiment: Experiment) -> None:
        """Test a recorded experiment on damaged images too, and add that to its record."""
        record = self.store.read(experiment.id)
        assert record is not None
        found = robustness.measure(self.workspace, experiment, record)
        for name, reason in found.declined.items():
            self.progress.say(f"{experiment.method} on {experiment.task.name}: not tested under {name}: {reason}")
        if self.first:
            self.store.write(record.but(robustness=found))

    def _fail(self, experiment: Experiment, error: Exception) -> None:
        """Record a failure with its log; a good record of an earlier run (``--force``) is kept."""
        told = str(error) if isinstance(error, RunError | UsageError) else f"{type(error).__name__}: {error}"
        reason = " ".join(told.split())
        self.report({"event": "failed", "cells": [experiment.id]})
        who = f"FAILED {experiment.method} on {experiment.task.name}: {reason}"
        rank = "" if self.first else f".rank{self.device.fabric.global_rank}"
        log = self.store.root / "logs" / f"{experiment.id}{rank}.log"
        try:
            write_result(log, traceback.format_exc().encode())
            known = self._known(experiment)
            if known is None or known.status != "done":
                where = str(log.relative_to(self.store.root))
                self._write(self._planned(experiment), status="failed", reason=reason, log=where)
        except OSError as full:
            complain(f"{who} (not recorded: {of_the_system(full)})")
        else:
            self.progress.say(f"{who} (log: {log})")

    def _planned(self, experiment: Experiment) -> Record:
        return base_record(experiment, self.plan, self.request)

    def _write(self, planned: Record, items: dict[str, np.ndarray] | None = None, **fields: Any) -> None:
        """Record an experiment with what the work found; only the first rank does."""
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
