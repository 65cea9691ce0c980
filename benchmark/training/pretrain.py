"""The loop of every method: networks driven in turn on uint8 panels, resumable, one budget counted in images."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from inkbench.benchmark.api import Context, Method
from inkbench.benchmark.config import PretrainSettings
from inkbench.benchmark.data.cached import Cached
from inkbench.benchmark.errors import CellError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.seeding import derive
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.sync_batch_norm import desynchronise, synchronise

CHECK_EVERY = 20
PICTURED = 6
TRIVIAL = "trivial:"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a pretraining leaves beside the backbone's weights."""

    steps: int
    images: int
    crops: int
    flops: float
    pretext: dict[str, dict[str, Any]]
    curve: list[tuple[int, float]]
    pictures: dict[str, np.ndarray]
    seconds: float


@dataclass(frozen=True, slots=True)
class Full:
    """The learning rate and weight decay of each group of each optimiser, as the method set them."""

    rates: dict[str, list[float]]
    decays: dict[str, list[float]]

    @classmethod
    def of(cls, optimizers: Mapping[str, torch.optim.Optimizer]) -> Full:
        """Those of optimisers that no schedule has touched."""

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
    device: engine.Device,
    method: Method,
    backbone: Backbone,
    panels: Mapping[str, Cached],
    held_out: Mapping[str, Cached],
    settings: PretrainSettings,
    budget: str,
    seed: int,
    checkpoint: engine.Checkpoint,
    progress: Progress,
) -> Outcome:
    """Pretrain ``backbone`` in place. The same arguments give the same weights, however often it was interrupted.

    Raises CellError where a loss is not finite.
    """
    began = time.monotonic()
    torch.manual_seed(derive(seed, "build", method.name))
    raw = method.build(backbone)
    first = _batch(device, panels, _labels(method, panels), settings, seed, 0)
    steps, flops = budgeted_steps(device, method, backbone, raw, first, settings, budget, seed)
    nets, optimizers = setup(device, method, raw, settings.sync_batch_norm)
    curve = drive(device, method, backbone, panels, settings, seed, steps, nets, optimizers, checkpoint, progress)
    for net in nets.values():
        desynchronise(net)  # each rank judges, and hands over, by itself
    pretext, pictures = _held_out(device, method, backbone, nets, held_out, settings, seed)
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
    device: engine.Device,
    method: Method,
    backbone: Backbone,
    panels: Mapping[str, Cached],
    settings: PretrainSettings,
    seed: int,
    steps: int,
    nets: dict[str, Any],
    optimizers: dict[str, torch.optim.Optimizer],
    checkpoint: engine.Checkpoint,
    progress: Progress,
) -> list[tuple[int, float]]:
    """The loop itself, from the checkpoint or the start to ``steps``; gives the loss curve. Raises CellError."""
    full = Full.of(optimizers)
    labels = _labels(method, panels)
    first, curve = checkpoint.load(nets, optimizers)
    stage: int | None = None
    saved = time.monotonic()
    with progress.bar(f"pretrain {method.name}", steps * settings.batch) as bar:
        bar.advance(first * settings.batch)
        batches = engine.prefetch(lambda step: _batch(device, panels, labels, settings, seed, step), first, steps)
        for step, batch in enumerate(batches, start=first):
            context = engine.context(device, seed, "pretrain", step, steps)
            full.scale(optimizers, rate=method.rate(context.progress), decay=method.decay(context.progress))
            context = replace(context, stage=stage_at(method, context.progress))
            if stage not in (None, context.stage):  # what the last stage leaves behind is the same on all ranks
                engine.share_buffers(device, *nets.values())
            stage = context.stage
            losses = update(device, backbone, method, batch, context, nets, optimizers)
            note = ""
            due = time.monotonic() - saved > engine.CHECKPOINT_EVERY_S
            if step % CHECK_EVERY == 0 or step == steps - 1 or due:
                value = float(sum(loss.item() for loss in losses))
                if not np.isfinite(value):
                    raise CellError(f"the loss of {method.name} is {value} at step {step}; lower its learning rate")
                if step % CHECK_EVERY == 0 or step == steps - 1:
                    curve.append((step, value))
                note = f"loss {value:.3f}"
            bar.advance(settings.batch, note)
            if due:
                checkpoint.save(step + 1, nets, optimizers, curve)
                saved = time.monotonic()
        if first < steps:
            checkpoint.save(steps, nets, optimizers, curve)
    return curve


def _labels(method: Method, panels: Mapping[str, Cached]) -> dict[str, np.ndarray]:
    """What is annotated of the images, where a method needs it."""
    return method.labels({name: cache.items for name, cache in panels.items()})


def _batch(
    device: engine.Device,
    panels: Mapping[str, Cached],
    labels: Mapping[str, np.ndarray],
    settings: PretrainSettings,
    seed: int,
    step: int,
) -> dict[str, Tensor]:
    """This rank's images of a step, on the device; of a strip the square at a place that this step draws."""
    count = len(next(iter(panels.values())).items)
    chosen = engine.batch_indices(count, settings.batch, seed, "pretrain", step)
    own = slice(device.fabric.global_rank, None, device.fabric.world_size)
    places = {
        name: np.random.default_rng(derive(seed, "pretrain", "window", name, step)).random(settings.batch)[own]
        for name in panels
        if settings.window == "random"
    }
    return _at(device, panels, labels, chosen[own], places)


def _at(
    device: engine.Device,
    panels: Mapping[str, Cached],
    labels: Mapping[str, np.ndarray],
    chosen: np.ndarray,
    places: Mapping[str, np.ndarray] | None = None,
) -> dict[str, Tensor]:
    """Squares, sizes and labels of some images, on the device."""
    sizes = {f"{name}_size": cache.sizes for name, cache in panels.items()}
    told = {name: torch.from_numpy(of[chosen]).to(device.torch) for name, of in {**sizes, **labels}.items()}
    at = places or {}
    return {name: engine.squares(cache, chosen, device.torch, at.get(name)) for name, cache in panels.items()} | told


def stage_at(method: Method, progress: float) -> int:
    """The index of the stage that a step belongs to when ``progress`` in [0, 1) of the budget is spent."""
    ends = np.cumsum([stage.share for stage in method.stages()])
    if not np.isclose(ends[-1], 1):
        raise CellError(f"the shares of the stages of {method.name} sum to {ends[-1]:g}, not to 1")
    return int(np.searchsorted(ends[:-1], progress, side="right"))


def setup(
    device: engine.Device, method: Method, raw: Mapping[str, nn.Module], sync_batch_norm: str = "auto"
) -> tuple[dict[str, Any], dict[str, torch.optim.Optimizer]]:
    """Networks and optimisers on the device, each network wrapped on its own for the ranks.

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
    return nets, optimizers


def update(
    device: engine.Device,
    backbone: Backbone,
    method: Method,
    batch: dict[str, Tensor],
    context: Context,
    nets: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
) -> list[Tensor]:
    """One update of every network of the stage in turn, the others frozen meanwhile; gives the losses, detached."""
    seen = []
    losses = method.step(nets, batch, context)
    drives = method.stages()[context.stage].drives
    for name in drives:
        _freeze_others(name, optimizers)
        with device.autocast(backbone):
            loss = _next_loss(method, losses, drives)
        device.fabric.backward(loss)
        clip(nets[name], method.clip(name), method.clips_each)
        optimizers[name].step()
        optimizers[name].zero_grad(set_to_none=True)
        seen.append(loss.detach())
    with device.autocast(backbone):
        if next(losses, None) is not None:
            raise CellError(f"a step of {method.name} yields more losses than the networks it drives: {drives}")
    return seen


def clip(net: nn.Module, most: float, each: bool) -> None:
    """Shorten the gradient of a network, or of each of its parameters, to a norm of ``most``; 0: leave it."""
    if most <= 0:
        return
    moved = [parameter for parameter in net.parameters() if parameter.grad is not None]
    for group in ([one] for one in moved) if each else (moved,):
        nn.utils.clip_grad_norm_(group, most)


def _next_loss(method: Method, losses: Any, drives: tuple[str, ...]) -> Tensor:
    """The next loss of a step. Raises CellError where there is none, or where step gives something else."""
    if not isinstance(losses, Iterator):
        raise CellError(f"step of {method.name} returns {type(losses).__name__}; it must yield its losses")
    loss = next(losses, None)
    if loss is None:
        raise CellError(f"step of {method.name} yields fewer losses than the networks it drives: {drives}")
    return loss


def _freeze_others(name: str, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
    if len(optimizers) == 1:
        return
    for other, optimizer in optimizers.items():
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.requires_grad_(other == name)


def _flops_of_a_step(
    device: engine.Device, method: Method, backbone: Backbone, raw: dict[str, nn.Module], batch: dict, seed: int
) -> float:
    """Floating-point operations of a step over all ranks, the mean over the budget's stages.

    Counted on a copy, as counting may change the last bit.
    """
    copies = copy.deepcopy(raw)
    for net in copies.values():
        net.to(device.torch, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    mean = 0.0
    for index, stage in enumerate(method.stages()):
        with FlopCounterMode(display=False) as counter, device.autocast(backbone):
            context = replace(engine.context(device, seed, "flops", 0, 1), stage=index)
            losses = method.step(copies, batch, context)
            for _ in stage.drives:
                _next_loss(method, losses, stage.drives).backward()
        mean += stage.share * counter.get_total_flops()
    return float(mean * device.fabric.world_size)


def budgeted_steps(
    device: engine.Device,
    method: Method,
    backbone: Backbone,
    raw: dict[str, nn.Module],
    batch: dict[str, Tensor],
    settings: PretrainSettings,
    budget: str,
    seed: int,
) -> tuple[int, float]:
    """Updates that the budget allows (images, or the work of as many plain images), and operations of one update."""
    flops = _flops_of_a_step(device, method, backbone, raw, batch, seed)
    if budget == "images":
        return max(1, settings.images // settings.batch), flops
    bare = copy.deepcopy(backbone).to(device.torch).eval()
    image = torch.zeros(1, 3, settings.flops_side, settings.flops_side, device=device.torch)
    with FlopCounterMode(display=False) as counter:
        sum(feature.float().sum() for feature in bare(image)).backward()
    return max(1, round(settings.images * counter.get_total_flops() / flops)), flops


@torch.no_grad()
def _held_out(
    device: engine.Device,
    method: Method,
    backbone: Backbone,
    nets: Mapping[str, nn.Module],
    held_out: Mapping[str, Cached],
    settings: PretrainSettings,
    seed: int,
) -> tuple[dict[str, dict[str, Any]], dict[str, np.ndarray]]:
    """The pretext figures on panels of the validation series, against the trivial predictor; and its pictures."""
    for net in nets.values():
        net.eval()
    count = len(next(iter(held_out.values())).items)
    chosen = np.linspace(0, count - 1, min(settings.held_out, count)).astype(np.int64)
    labels = _labels(method, held_out)
    figures: dict[str, list[np.ndarray]] = {}
    pictures: dict[str, np.ndarray] = {}
    for k, part in enumerate(np.array_split(chosen, max(1, -(-len(chosen) // settings.batch)))):
        batch = _at(device, held_out, labels, part)
        with device.autocast(backbone):
            for name, values in method.pretext(nets, batch, engine.context(device, seed, "held out", k, 1)).items():
                array = np.asarray(values, dtype=np.float64)
                if array.shape != (len(part),) or not np.isfinite(array).all():
                    raise CellError(f"pretext of {method.name}: '{name}' must be one finite figure for each image")
                figures.setdefault(name, []).append(array)
            if k == 0:
                few = {name: tensor[:PICTURED] for name, tensor in batch.items()}
                pictures = method.pictures(nets, few, engine.context(device, seed, "held out", k, 1))
    return _against_trivial(figures, method.trivial()), pictures


def _against_trivial(figures: Mapping[str, list[np.ndarray]], chance: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Each pretext figure with its trivial predictor's, and whether it is above it by more than 1.96 standard errors.

    A trivial predictor that was measured on the same images (``trivial:NAME``) is compared image by image.
    """
    pretext = {}
    for name, parts in figures.items():
        if name.startswith(TRIVIAL):
            continue
        values = np.concatenate(parts)
        measured = figures.get(TRIVIAL + name)
        trivial = np.concatenate(measured) if measured else np.array(chance.get(name, np.nan))
        above = values - trivial
        error = float(above.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")
        known = bool(np.isfinite(trivial).all())
        pretext[name] = {
            "value": float(values.mean()),
            "trivial": float(trivial.mean()) if known else None,
            "n": len(values),
            "learnt": bool(above.mean() - 1.96 * error > 0) if known else None,
        }
    return pretext
