"""From a backbone to the one opening of test: a head per trial, and per group, chosen on validation."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inkbench.benchmark.api import Predictions, Task
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.batch_norm import reestimate
from inkbench.benchmark.training.head_loop import Job, network_state, predict, train_head
from inkbench.benchmark.training.task_data import TaskData


@dataclass(frozen=True, slots=True)
class Splits:
    """The three splits that a run works with; test is predicted once."""

    train: TaskData
    val: TaskData
    test: TaskData


@dataclass(frozen=True, slots=True)
class Outcome:
    """The one evaluation on test, and how the trial was chosen."""

    predictions: Predictions
    network: dict[str, Tensor]
    """What was learnt (``network_state``); nothing under a protocol with groups, which has a network for each."""
    calibration: dict[str, Any]
    trials: list[dict[str, Any]]
    chosen: dict[str, Any]
    curve: list[tuple[int, float]]
    head_parameters: int
    images: int
    train_s: float
    test_s: float


def transfer(job: Job, backbone: Backbone, splits: Splits, checkpoint: engine.Checkpoint) -> Outcome:
    """Train a head per trial, choose on validation, predict the test items once. Raises RunError.

    Under a protocol with groups this is done for each group: its test items are predicted by a head that was trained
    and chosen on the other groups.
    """
    of = {item.id: job.task.group(job.protocol, item) for item in splits.test.items}
    groups = sorted({group for group in of.values() if group})
    if not groups:
        return _transfer(job, backbone, splits, checkpoint, checkpoint.path.stem)
    if None in of.values():
        raise RunError(f"{job.task.name}/{job.protocol}: the group of test item {_without(of)} is not stated")
    parts = {}
    for group in groups:
        own = copy.deepcopy(backbone)
        stem = f"{checkpoint.path.stem}-{groups.index(group)}"
        parts[group] = _transfer(job, own, _held_out(job, splits, group), checkpoint, stem)
    return _joined(job, splits.test, parts)


def _without(groups: Mapping[str, str | None]) -> str:
    return next(item for item, group in groups.items() if group is None)


def _held_out(job: Job, splits: Splits, group: str) -> Splits:
    """Return training and validation items of the other groups, test items of this one."""

    def chosen(data: TaskData, own: bool) -> TaskData:
        groups = [job.task.group(job.protocol, item) for item in data.items]
        keep = [i for i, of in enumerate(groups) if of is not None and (of == group) is own]
        if not keep:
            raise RunError(f"{job.task.name}/{job.protocol}: no training items are left without '{group}'")
        return data.subset(np.array(keep))

    return Splits(chosen(splits.train, False), chosen(splits.val, False), chosen(splits.test, True))


def _joined(job: Job, test: TaskData, parts: dict[str, Outcome]) -> Outcome:
    """Join the outcomes of all groups, predictions in the order of the test items."""
    queues = {group: iter(part.predictions) for group, part in parts.items()}
    first = next(iter(parts.values()))
    return Outcome(
        predictions=[next(queues[str(job.task.group(job.protocol, item))]) for item in test.items],
        network={},
        calibration=first.calibration,
        trials=[{"held_out": group, **trial} for group, part in parts.items() for trial in part.trials],
        chosen={group: part.chosen for group, part in parts.items()},
        curve=[point for part in parts.values() for point in part.curve],
        head_parameters=first.head_parameters,
        images=sum(part.images for part in parts.values()),
        train_s=sum(part.train_s for part in parts.values()),
        test_s=sum(part.test_s for part in parts.values()),
    )


def _transfer(job: Job, backbone: Backbone, splits: Splits, checkpoint: engine.Checkpoint, stem: str) -> Outcome:
    began = time.monotonic()
    device, task = job.device, job.task
    trials, best = [], None
    choices = _choices(job, backbone)
    for k, (batch_norm, factor) in enumerate(choices):
        own = backbone if len(choices) == 1 else copy.deepcopy(backbone)
        own.to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if job.family == "frozen":
            own.requires_grad_(False).eval()
            if batch_norm == "re-estimated":
                reestimate(device, own, splits.train.sources())
        state = engine.Checkpoint(checkpoint.path.with_name(f"{stem}-{k}.pt"), device)
        trial: dict[str, Any] = {"batch_norm": batch_norm, "factor": factor}
        trials.append(trial)
        try:
            net, curve, facts = train_head(job, own, splits.train, splits.val, factor, state)
            trial |= facts
            if len(choices) > 1:
                trial["value"] = _validate(job, net, own, splits.val)
        except RunError as error:
            if k == len(choices) - 1 and best is None:
                raise
            trial |= {"value": None, "reason": str(error)}
            continue
        if best is None or _better(task, trial, best[0]):
            best = (trial, net, own, curve)
    assert best is not None
    chosen, net, own, curve = best
    calibration: dict[str, Any] = {}
    if task.calibrates:
        predictions = predict(job, net, own, splits.val, f"calibrate {task.name}")
        calibration = task.calibrate(predictions, splits.val.truths)
    trained = time.monotonic()
    predictions = predict(job, net, own, splits.test, f"test {task.name}")
    return Outcome(
        predictions=predictions,
        network=network_state(net, own),
        calibration=calibration,
        trials=trials,
        chosen=chosen,
        curve=curve,
        head_parameters=sum(p.numel() for p in net.module.head.parameters() if p.requires_grad),
        images=len(trials) * job.steps * task.config.batch,
        train_s=trained - began,
        test_s=time.monotonic() - trained,
    )


def _choices(job: Job, backbone: Backbone) -> list[tuple[str, float]]:
    """Return batch-norm statistics x learning-rate factors that validation chooses from; the same for every row."""
    config = job.task.config
    if job.family == "finetune":
        kinds = ["trained"]
    elif not backbone.has_batch_norm():
        kinds = ["none"]
    else:
        kinds = ["handed-over", "re-estimated"] if config.batch_norm == "choose" else [config.batch_norm]
    tried = config.trials if job.family == "frozen" else config.backbone_trials
    factors = tried if job.steps else (1.0,)
    return [(kind, factor) for kind in kinds for factor in factors]


def _validate(job: Job, net: Any, backbone: Backbone, val: TaskData) -> float:
    task = job.task
    scorer = task.scorer
    predictions = predict(job, net, backbone, val, f"validate {task.name}")
    options = {**task.score_options(), **(task.calibrate(predictions, val.truths) if task.calibrates else {})}
    ids = [item.id for item in val.items]
    try:
        metrics = scorer.aggregate(scorer.score_items(predictions, val.truths, ids=ids, **options))
    except ValueError as error:  # what scorers raise for predictions that are not finite
        raise RunError(f"validation: {error}") from error
    primary = scorer.primary.name
    if primary not in metrics:
        raise RunError(f"{primary} has no value on the validation split: it contains nothing that {task.name} scores")
    return float(metrics[primary])


def _better(task: Task, trial: dict[str, Any], best: dict[str, Any]) -> bool:
    direction = task.scorer.primary.direction
    better: bool = trial["value"] > best["value"] if direction == "max" else trial["value"] < best["value"]
    return better
