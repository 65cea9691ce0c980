"""A method pretrains a backbone: built, driven over its budget, judged on held-out images."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inkbench.benchmark.data.cached import Cached
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.seeding import derive
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.batches import batch, labels_of
from inkbench.benchmark.training.budget import budgeted_steps
from inkbench.benchmark.training.held_out import solved
from inkbench.benchmark.training.learner import Driven, Learner
from inkbench.benchmark.training.loop import Curve, Training, train
from inkbench.benchmark.training.sync_batch_norm import desynchronise
from inkbench.benchmark.training.updates import setup, stage_at, update


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of a pretraining beside the backbone's weights."""

    steps: int
    images: int
    crops: int
    flops: float
    pretext: dict[str, dict[str, Any]]
    curve: Curve
    pictures: dict[str, np.ndarray]
    seconds: float


@dataclass(frozen=True, slots=True)
class Full:
    """The learning rate and weight decay of each group of each optimiser, as the method set them."""

    rates: dict[str, list[float]]
    decays: dict[str, list[float]]

    @classmethod
    def of(cls, optimizers: Mapping[str, torch.optim.Optimizer]) -> Full:
        """Return the rates of optimisers that no schedule has touched."""

        def each(value: str) -> dict[str, list[float]]:
            return {name: [group.get(value, 0.0) for group in one.param_groups] for name, one in optimizers.items()}

        return cls(each("lr"), each("weight_decay"))

    def scale(self, optimizers: Mapping[str, torch.optim.Optimizer], rate: float, decay: float) -> None:
        """Set every group to these factors of what it began with."""
        for name, optimizer in optimizers.items():
            groups = zip(optimizer.param_groups, self.rates[name], self.decays[name], strict=True)
            for group, full_rate, full_decay in groups:
                group["lr"] = full_rate * rate
                if "weight_decay" in group:
                    group["weight_decay"] = full_decay * decay


def pretrain(
    learner: Learner,
    panels: Mapping[str, Cached],
    held_out: Mapping[str, Cached],
    budget: str,
    checkpoint: engine.Checkpoint,
    progress: Progress,
) -> Outcome:
    """Pretrain the learner's backbone in place; equal arguments give equal weights, however often it was interrupted.

    Raises RunError where a loss is not finite.
    """
    began = time.monotonic()
    method, settings = learner.method, learner.settings
    torch.manual_seed(derive(learner.seed, "build", method.name))
    raw = method.build(learner.backbone)
    first = batch(learner.device, panels, labels_of(method, panels), settings, learner.seed, 0)
    steps, flops = budgeted_steps(learner, raw, first, budget)
    driven = setup(learner.device, method, raw, settings.sync_batch_norm)
    curve = drive(learner, panels, steps, driven, checkpoint, progress)
    for net in driven.nets.values():
        desynchronise(net)  # each rank judges, and hands over, by itself
    pretext, pictures = solved(learner, driven.nets, held_out)
    return Outcome(
        steps=steps,
        images=steps * settings.batch,
        crops=steps * settings.batch * method.crops_per_image(),
        flops=flops * steps,
        pretext=pretext,
        curve=curve,
        pictures=pictures,
        seconds=time.monotonic() - began,
    )


def drive(
    learner: Learner,
    panels: Mapping[str, Cached],
    steps: int,
    driven: Driven,
    checkpoint: engine.Checkpoint,
    progress: Progress,
) -> Curve:
    """The steps of a method, from the checkpoint or the start to ``steps``; gives the loss curve. Raises RunError."""
    device, method, settings, seed = learner.device, learner.method, learner.settings, learner.seed
    nets, optimizers = driven
    full = Full.of(optimizers)
    labels = labels_of(method, panels)
    stage: int | None = None

    def step(number: int, images: dict[str, Tensor]) -> list[Tensor]:
        nonlocal stage
        context = engine.context(device, seed, "pretrain", number, steps)
        full.scale(optimizers, rate=method.rate(context.progress), decay=method.decay(context.progress))
        context = replace(context, stage=stage_at(method, context.progress))
        if stage not in (None, context.stage):  # what the last stage leaves behind is the same on all ranks
            engine.share_buffers(device, *nets.values())
        stage = context.stage
        return update(learner, images, context, driven)

    work = Training(
        label=f"pretrain {method.name}",
        named=method.name,
        mend="lower its learning rate",
        steps=steps,
        images=settings.batch,
        nets=nets,
        optimizers=optimizers,
        fetch=lambda number: batch(device, panels, labels, settings, seed, number),
        update=step,
    )
    return train(work, checkpoint, progress)
