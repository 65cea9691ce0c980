"""The operations of a training step: a task's head without computing anything, a method's networks by a small step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from inkbench.benchmark.api import Context, Method
from inkbench.benchmark.networks.backbones import Backbone, skeleton
from inkbench.benchmark.networks.shapes_only import ShapesOnly
from inkbench.benchmark.planning.experiment import Experiment
from inkbench.benchmark.training.features import given, kept

TRAINING = 3
"""Operations of a step forward and backward, in those of its way forward."""


class _Learnt(TorchFunctionMode):
    """Sees which of the operations that a counter counts gradients will flow back through."""

    def __init__(self, counter: FlopCounterMode) -> None:
        super().__init__()
        self.counter = counter
        self.operations = 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call ``func`` and count what it computes."""
        before = self.counter.get_total_flops()
        out = func(*args, **(kwargs or {}))
        if torch.is_grad_enabled():
            self.operations += self.counter.get_total_flops() - before
        return out


def step_operations(method: Method, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> float:
    """Count the operations of all losses of a step, forward and backward: of the whole batch, which is computed once.

    What the method computes without gradients (a teacher, a frozen generator) has no way back.
    """
    counter = FlopCounterMode(display=False)
    learnt = _Learnt(counter)
    with learnt, counter:
        for _ in method.step(nets, batch, context):
            pass
    return float(counter.get_total_flops() + (TRAINING - 1) * learnt.operations)


def head_operations(experiment: Experiment) -> float:
    """Count the operations of a head for one item in a forward pass, asked of tensors that hold nothing.

    A plugin's head may look at its numbers, which such tensors have not; it counts as nothing.
    """
    few, reads = 2, experiment.task.reads(experiment.protocol)
    bones = skeleton(str(experiment.backbone), experiment.backbone_settings)
    counter = FlopCounterMode(display=False)
    try:
        with torch.device("meta"), torch.no_grad(), ShapesOnly(), counter:
            head = experiment.task.head(bones, experiment.protocol)
            images = {name: torch.empty(few, 3, view.side, view.side) for name, view in experiment.task.views().items()}
            present = {name: torch.ones(few, dtype=torch.bool) for name in images}
            maps = {name: some_maps(bones, reads, few, view.side) for name, view in experiment.task.views().items()}
            cached = experiment.task.caches_features and experiment.family == "frozen"
            if cached:
                maps = {name: kept(experiment.task, reads, of) for name, of in maps.items()}
            head(given(maps, present, {} if cached else images))
    except Exception:
        return 0.0
    each: float = counter.get_total_flops() / few
    return each


def some_maps(bones: Backbone, reads: str, images: int, side: int) -> list[Tensor]:
    """Return tensors of the shapes that a head reads of a backbone; their numbers mean nothing."""
    maps = [(count, *size) for count, size in zip(bones.channels, bones.maps(side), strict=True)]
    vector = [(bones.width, 1, 1)]
    shapes = {"vector": vector, "last": maps[-1:], "all": maps + (vector if bones.has_tokens else [])}
    return [torch.ones(images, *shape) for shape in shapes.get(reads, maps)]
