"""The parts of an experiment that its head is trained from and tested on: the job, and each split of its data."""

from __future__ import annotations

from inkbench.benchmark.contracts.dataset import Split
from inkbench.benchmark.data.splits import labelled
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.planning.experiment import Experiment
from inkbench.benchmark.running.workspace import Workspace
from inkbench.benchmark.training.features import Features
from inkbench.benchmark.training.head_loop import Job
from inkbench.benchmark.training.task_data import TaskData


def job_of(workspace: Workspace, experiment: Experiment) -> Job:
    """Return the state that all trials of an experiment's head share."""
    return Job(
        device=workspace.device,
        task=experiment.task,
        protocol=experiment.protocol,
        steps=experiment.task.steps(experiment.protocol) + experiment.extra_steps,
        seed=experiment.seed,
        disk=Features(workspace.store.root / "cache" / "features", workspace.plan.data.fingerprint()),
        progress=workspace.progress,
    )


def task_data(workspace: Workspace, experiment: Experiment, split: Split) -> TaskData:
    """Return a split as an experiment's task sees it. Raises RunError where it is empty, or nothing can be read."""
    views = experiment.task.views()
    items = experiment.task.items(workspace.plan.data, split)
    if split == "train" and experiment.task.config.label_fraction < 1:
        items = labelled(items, experiment.task.config.label_fraction)
    if not items:
        raise RunError(f"the {split} split of {workspace.plan.data.name} is empty for {experiment.task.name}")
    return TaskData.of(
        experiment.task, items, lambda name, parts: workspace.resized(workspace.plan.data, parts, views[name])
    )
