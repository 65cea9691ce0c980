"""The one training loop, of pretext tasks and of heads: resumable, its batches fetched ahead, its losses checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from inkbench.benchmark import stopping
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.training import engine

CHECK_EVERY = 20
"""Steps between two looks at the loss."""
Batch = TypeVar("Batch")
Curve = list[tuple[int, float]]
"""The loss at some steps, the first and the last among them."""


@dataclass(frozen=True, slots=True)
class Training(Generic[Batch]):
    """The steps of a training, and what each is made of.

    ``fetch(step)`` gives what a step is made of and is called ahead, in a thread; ``update(step, batch)`` takes the
    step and gives its losses, detached. Both depend on nothing but the step, the seed and the state that is saved.
    """

    label: str
    """What the progress bar says."""
    named: str
    """Of whom an error says that its loss is not finite, and ``mend`` what to do."""
    mend: str
    steps: int
    images: int
    """A step, over all devices."""
    nets: dict[str, Any]
    optimizers: dict[str, torch.optim.Optimizer]
    fetch: Callable[[int], Batch]
    update: Callable[[int, Batch], Sequence[Tensor]]


def train(work: Training[Batch], checkpoint: engine.Checkpoint, progress: Progress) -> Curve:
    """Take the steps that a checkpoint has not taken yet; gives the loss curve of all.

    However often it is interrupted, the same steps are taken. Raises RunError where a loss is not finite.
    """
    first, curve = checkpoint.load(work.nets, work.optimizers)
    saved = time.monotonic()
    with progress.bar(work.label, work.steps * work.images) as bar:
        bar.advance(first * work.images)
        for step, batch in enumerate(engine.prefetch(work.fetch, first, work.steps), start=first):
            losses = work.update(step, batch)
            note = ""
            due = time.monotonic() - saved > engine.CHECKPOINT_EVERY_S
            told = step % CHECK_EVERY == 0 or step == work.steps - 1
            if told or due:
                value = _value(work, step, losses)
                note = f"loss {value:.3f}"
                if told:
                    curve.append((step, value))
            if due or stopping.asked():
                checkpoint.save(step + 1, work.nets, work.optimizers, curve)
                saved = time.monotonic()
            bar.advance(work.images, note)
        if first < work.steps:
            checkpoint.save(work.steps, work.nets, work.optimizers, curve)
    return curve


def _value(work: Training[Any], step: int, losses: Sequence[Tensor]) -> float:
    value = float(sum(loss.item() for loss in losses))
    if not np.isfinite(value):
        raise RunError(f"the loss of {work.named} is {value} at step {step}; {work.mend}")
    return value
