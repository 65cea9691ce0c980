"""The number of updates that a budget allows, and the operations of one."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from inkbench.benchmark.training import engine
from inkbench.benchmark.training.learner import Learner
from inkbench.benchmark.training.updates import next_loss


def budgeted_steps(
    learner: Learner, raw: dict[str, nn.Module], batch: dict[str, Tensor], budget: str
) -> tuple[int, float]:
    """Updates that the budget allows (images, or the work of as many plain images), and operations of one update."""
    settings, to = learner.settings, learner.device.torch
    flops = _flops_of_a_step(learner, raw, batch)
    if budget == "images":
        return max(1, settings.images // settings.batch), flops
    bare = copy.deepcopy(learner.backbone).to(to).eval()
    image = torch.zeros(1, 3, settings.flops_side, settings.flops_side, device=to)
    with FlopCounterMode(display=False) as counter:
        sum(feature.float().sum() for feature in bare(image)).backward()
    return max(1, round(settings.images * counter.get_total_flops() / flops)), flops


def _flops_of_a_step(learner: Learner, raw: dict[str, nn.Module], batch: dict[str, Tensor]) -> float:
    """Count floating-point operations of a step over all ranks, the mean over the budget's stages.

    Counted on a copy, as counting may change the last bit.
    """
    device, method = learner.device, learner.method
    copies = copy.deepcopy(raw)
    for net in copies.values():
        net.to(device.torch, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    mean = 0.0
    for index, stage in enumerate(method.stages()):
        with FlopCounterMode(display=False) as counter, device.autocast(learner.backbone):
            context = replace(engine.context(device, learner.seed, "flops", 0, 1), stage=index)
            losses = method.step(copies, batch, context)
            for _ in stage.drives:
                next_loss(method, losses, stage.drives).backward()
        mean += stage.share * counter.get_total_flops()
    return float(mean * device.fabric.world_size)
