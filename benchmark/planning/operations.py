"""The operations of a task's head, counted without computing anything."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from inkbench.benchmark.networks.backbones import Backbone, skeleton
from inkbench.benchmark.networks.shapes_only import ShapesOnly
from inkbench.benchmark.planning.experiment import Experiment
from inkbench.benchmark.training.features import given


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
            maps = {name: _empty_maps(bones, reads, one) for name, one in images.items()}
            cached = experiment.task.caches_features and experiment.family == "frozen"
            if cached:
                maps = {name: experiment.task.cached_features(of) for name, of in maps.items()}
            head(given(maps, present, {} if cached else images))
    except Exception:
        return 0.0
    each: float = counter.get_total_flops() / few
    return each


def _empty_maps(bones: Backbone, reads: str, images: Tensor) -> list[Tensor]:
    if reads == "vector":
        return [torch.empty(len(images), bones.width, 1, 1)]
    sizes = bones.maps(images.shape[-1])
    return [torch.empty(len(images), count, *size) for count, size in zip(bones.channels, sizes, strict=True)]
