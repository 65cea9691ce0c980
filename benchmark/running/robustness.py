"""``--robustness``: the test of a finished frozen run again on damaged images, with the head and calibration it has.

Nothing of the run itself is touched: it is recorded before. Asked for at once or later, the same file of its head, the
same images and the same scorer are used.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace

from inkbench.benchmark.api import NotApplicable, Predictions
from inkbench.benchmark.data.damage.catalogue import VERSION, Damage, all_damages
from inkbench.benchmark.planning.experiment import Experiment
from inkbench.benchmark.running.job import job_of, task_data
from inkbench.benchmark.running.stored_network import Network, network_again
from inkbench.benchmark.running.under_damage import damaged_figure, damaged_work
from inkbench.benchmark.running.workspace import Workspace
from inkbench.benchmark.store.locks import machine_slot
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.record_parts import Damaged, Phase, Robustness, StoredFile
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training.damaged_data import damaged_data, damaged_truths
from inkbench.benchmark.training.head_loop import predict

PER_GROUP = "the protocol has a network for each group, and none of them is stored"


def has_one(experiment: Experiment) -> bool:
    """Return whether an experiment has a robustness: a frozen run of a backbone."""
    return experiment.family == "frozen" and experiment.backbone is not None and not experiment.declined


def is_lacking(record: Record) -> bool:
    """Return whether a finished record has no robustness yet, or one under other damages."""
    return record.status == "done" and (record.robustness is None or record.robustness.version != VERSION)


def measure(workspace: Workspace, experiment: Experiment, record: Record) -> Robustness:
    """Score a finished run under every damage; predictions that an interrupted try has left are used.

    Raises UsageError where the run's network is gone, RunError where its test items are others now.
    """
    began = time.monotonic()
    workspace.prepare(workspace.plan.data)
    with machine_slot(workspace.device.name) if workspace.first else ExitStack():
        under, declined = _Damages(workspace, experiment, record).all()
    phase = Phase.model_validate(workspace.phase(time.monotonic() - began, workspace.device.fabric.world_size))
    chance = experiment.task.chance()
    return Robustness(version=VERSION, chance=chance, under=under, declined=declined, phase=phase)


def forget(store: Store, work: str) -> None:
    """Remove the predictions of a work under all damages, which is to be done again."""
    for damage in all_damages():
        store.predictions_path(damaged_work(work, damage)).unlink(missing_ok=True)


def _there(store: Store, name: str) -> str:
    return "there" if store.predictions_of(name) is not None else ""


class _Damages:
    """A finished run under one damage after another; its network is made when something must be predicted."""

    def __init__(self, workspace: Workspace, experiment: Experiment, record: Record) -> None:
        self.workspace, self.experiment, self.record = workspace, experiment, record
        self.clean = task_data(workspace, experiment, "test")
        self.network: Network | None = None

    def all(self) -> tuple[dict[str, Damaged], dict[str, str]]:
        """Return the figures by damage and strength, and why damages do not apply."""
        under: dict[str, Damaged] = {}
        declined: dict[str, str] = {}
        for damage in all_damages():
            if damage.name not in declined:
                try:
                    under[str(damage)] = self._one(damage)
                except NotApplicable as reason:
                    declined[damage.name] = str(reason)
        return under, declined

    def _one(self, damage: Damage) -> Damaged:
        task, store = self.experiment.task, self.workspace.store
        if any(task.group(self.experiment.protocol, item) for item in self.clean.items):
            raise NotApplicable(PER_GROUP)
        truths = damaged_truths(task, self.clean, damage)
        name = damaged_work(self.record.made, damage)
        predictions = store.predictions_of(name) if self.workspace.agree(lambda: _there(store, name)) else None
        if predictions is None:
            predictions = self._predict(damage)
        found = damaged_figure(task, self.clean, truths, predictions, self.record)
        if not self.workspace.first:
            return Damaged(figure=found, predictions=StoredFile(file=store.predictions_path(name).name))
        return Damaged(figure=found, predictions=store.write_predictions(name, predictions, self.record.calibration))

    def _predict(self, damage: Damage) -> Predictions:
        workspace, experiment = self.workspace, self.experiment
        self.network = self.network or network_again(workspace, experiment, self.record)
        views = experiment.task.views()
        data = damaged_data(
            experiment.task,
            self.clean,
            damage,
            lambda view, items: workspace.resized(workspace.plan.data, items, views[view]),
        )
        job = replace(job_of(workspace, experiment), disk=None)
        return predict(job, *self.network, data, f"test {experiment.task.name} under {damage}")
