"""What a plan would cost: stages with the time that a few real steps on random pixels foretell. Writes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark import engine
from benchmark.backbones import Backbone
from benchmark.features import encode, given
from benchmark.planned import Cell, Plan, Pretraining
from benchmark.pretrain import budgeted_steps, setup, update
from benchmark.store import Store

TIMED = 3


def show(work: Plan, device: engine.Device, store: Store) -> str:
    """The plan as text: one line per stage with its estimated time, then the sum."""
    lines, total = [], 0.0
    rates: dict[Any, float] = {}
    for pretraining in work.pretrainings():
        there = (store.root / "backbones" / pretraining.key / "weights.safetensors").is_file()
        seconds = 0.0 if there else _pretraining_seconds(pretraining, device)
        total += seconds
        what = f"pretrain {pretraining.method.name} on {pretraining.backbone}, seed {pretraining.seed}"
        lines.append(f"{what}: {pretraining.settings.images} images, " + ("there" if there else _time(seconds)))
    for cell in work.cells:
        record = store.read(cell.id)
        there = record is not None and record["status"] == "done"
        if there or cell.declined:
            note = "there" if there else f"declined: {cell.declined}"
        elif cell.backbone is None:
            note = "seconds"
        else:
            key = (cell.backbone, cell.task.name, cell.protocol, str(cell.settings["task"]), cell.extra_steps)
            if key not in rates:
                rates[key] = _transfer_seconds(cell, device)
            total += rates[key]
            note = _time(rates[key])
        lines.append(f"cell {cell.id[:10]} {cell.method} on {cell.task.name}/{cell.protocol}, seed {cell.seed}: {note}")
    lines.append(
        f"{len(work.cells)} cells, {len(work.pretrainings())} pretrainings: {_time(total)} "
        "of training on this machine; drawing or reading data, testing and statistics come on top"
    )
    return "\n".join(lines)


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 7200 else f"about {seconds / 3600:.1f} h"


def _timed(step: Callable[[], None]) -> float:
    """Seconds a call takes, the least of a few after a first one that is not counted."""
    step()
    times = []
    for _ in range(TIMED):
        began = time.monotonic()
        step()
        times.append(time.monotonic() - began)
    return min(times)


def _pretraining_seconds(work: Pretraining, device: engine.Device) -> float:
    backbone = Backbone(work.backbone, work.backbone_settings)
    raw = work.method.build(backbone)
    nets, optimizers = setup(device, work.method, raw)
    batch = {
        name: _noise(work.settings.batch // device.fabric.world_size, view.side, device)
        for name, view in work.method.views().items()
    }
    size = len(next(iter(batch.values())))
    nothing: dict[str, list[Any]] = {name: [] for name in batch}
    batch |= {name: torch.zeros(size, dtype=torch.int64, device=device.torch) for name in work.method.labels(nothing)}

    def step(stage: int) -> None:
        context = replace(engine.context(device, 0, "estimate", 0, 1), stage=stage)
        update(device, backbone, work.method, batch, context, nets, optimizers)

    steps, _ = budgeted_steps(device, work.method, backbone, raw, batch, work.settings, work.budget, 0)
    seconds = [stage.share * _timed(partial(step, index)) for index, stage in enumerate(work.method.stages())]
    return steps * sum(seconds)


def _transfer_seconds(cell: Cell, device: engine.Device) -> float:
    """Forward of backbone and head, and backward of what is trained, on random images; targets play no part."""
    config, count = cell.task.config, cell.task.steps(cell.protocol) + cell.extra_steps
    if count == 0:
        return 0.0
    backbone = Backbone(str(cell.backbone), cell.backbone_settings).to(device.torch)
    head = cell.task.head(backbone, cell.protocol).to(device.torch)
    size = config.batch // device.fabric.world_size or 1
    images = {name: _noise(size, view.side, device) for name, view in cell.task.views().items()}
    present = {name: torch.ones(size, dtype=torch.bool, device=device.torch) for name in images}
    kept = cell.task.caches_features and cell.family == "frozen"
    ready = {name: cell.task.kept(encode(backbone, seen)) for name, seen in images.items()} if kept else None

    def step() -> None:
        with device.autocast(backbone):
            grad = cell.family == "finetune"
            maps = ready or {name: encode(backbone, seen, grad) for name, seen in images.items()}
            outputs = head(given(maps, present, {} if kept else images), None)
            losses = [tensor.float().sum() for tensor in _tensors(outputs)]
            if losses:
                torch.stack(losses).sum().backward()
        _drop_gradients(backbone, head)

    if cell.family == "finetune":
        return _timed(step) * count * len(config.backbone_trials)
    return _timed(step) * count * len(config.trials) * (2 if config.batch_norm == "choose" else 1)


def _noise(count: int, side: int, device: engine.Device) -> Tensor:
    pixels = np.random.default_rng(0).integers(0, 256, (max(count, 1), side, side, 3), dtype=np.uint8)
    return engine.to_device(pixels, device.torch)


def _drop_gradients(*modules: nn.Module) -> None:
    for module in modules:
        module.zero_grad(set_to_none=True)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, torch.Tensor):
        if value.requires_grad:
            yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
