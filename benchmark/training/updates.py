"""One update of a method's networks: each driven in turn by its own loss, the others frozen meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inkbench.benchmark.api import Context, Method
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.learner import Driven, Learner
from inkbench.benchmark.training.sync_batch_norm import synchronise


def setup(device: engine.Device, method: Method, raw: Mapping[str, nn.Module], sync_batch_norm: str = "auto") -> Driven:
    """Set up networks and optimisers on the device, each network wrapped on its own for the ranks.

    ``sync_batch_norm`` (auto, on, off) says whether batch norm takes its statistics over all of them.
    """
    synced = sync_batch_norm == "on" or (sync_batch_norm == "auto" and method.sync_batch_norm)
    nets: dict[str, Any] = {}
    optimizers: dict[str, Any] = {}
    driven = {name for stage in method.stages() for name in stage.drives}
    for name, net in raw.items():
        net = net.to(device.torch, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        if synced and device.fabric.world_size > 1:
            synchronise(net)
        if name in driven:
            optimizer = method.optimizer(name, [p for p in net.parameters() if p.requires_grad])
            nets[name], optimizers[name] = device.fabric.setup(net, optimizer)
        else:
            nets[name] = net.requires_grad_(False)
    return Driven(nets, optimizers)


def stage_at(method: Method, progress: float) -> int:
    """Return the index of the stage that a step belongs to when ``progress`` in [0, 1) of the budget is spent."""
    ends = np.cumsum([stage.share for stage in method.stages()])
    if not np.isclose(ends[-1], 1):
        raise RunError(f"the shares of the stages of {method.name} sum to {ends[-1]:g}, not to 1")
    return int(np.searchsorted(ends[:-1], progress, side="right"))


def update(learner: Learner, batch: dict[str, Tensor], context: Context, driven: Driven) -> list[Tensor]:
    """One update of every network of the stage in turn, the others frozen meanwhile; gives the losses, detached."""
    device, method, backbone = learner.device, learner.method, learner.backbone
    nets, optimizers = driven
    seen = []
    losses = method.step(nets, batch, context)
    drives = method.stages()[context.stage].drives
    for name in drives:
        _freeze_others(name, optimizers)
        with device.autocast(backbone):
            loss = next_loss(method, losses, drives)
        device.fabric.backward(loss)
        clip(nets[name], method.clip(name), method.clips_each)
        optimizers[name].step()
        optimizers[name].zero_grad(set_to_none=True)
        seen.append(loss.detach())
    with device.autocast(backbone):
        if next(losses, None) is not None:
            raise RunError(f"a step of {method.name} yields more losses than the networks it drives: {drives}")
    return seen


def clip(net: nn.Module, most: float, each: bool) -> None:
    """Shorten the gradient of a network, or of each of its parameters, to a norm of ``most``; 0: leave it."""
    if most <= 0:
        return
    moved = [parameter for parameter in net.parameters() if parameter.grad is not None]
    for group in ([one] for one in moved) if each else (moved,):
        nn.utils.clip_grad_norm_(group, most)


def next_loss(method: Method, losses: Any, drives: tuple[str, ...]) -> Tensor:
    """Return the next loss of a step. Raises RunError where there is none, or where step gives something else."""
    if not isinstance(losses, Iterator):
        raise RunError(f"step of {method.name} returns {type(losses).__name__}; it must yield its losses")
    loss: Tensor | None = next(losses, None)
    if loss is None:
        raise RunError(f"step of {method.name} yields fewer losses than the networks it drives: {drives}")
    return loss


def _freeze_others(name: str, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
    if len(optimizers) == 1:
        return
    for other, optimizer in optimizers.items():
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.requires_grad_(other == name)
