"""Size and speed of a run's backbone, at the side that its task shows it."""

from __future__ import annotations

import time

import torch

from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.store.record_parts import Network
from inkbench.benchmark.training.engine import Device

BATCH = 8
LONG_S = 0.5
"""A backbone that takes longer than this for one image is timed by it alone."""
PASSES = 3
_timed: dict[tuple[str, int, str, str, int], tuple[float, int]] = {}
"""Images a second and batch of what this process has timed: weights make no difference."""


def network_of(device: Device, backbone: Backbone, side: int) -> Network:
    """Return what a backbone costs for squares of ``side`` pixels: parameters, operations, images a second.

    The best of ``PASSES`` batches of ``BATCH`` images counts, each forward alone, in the run's own arithmetic; its
    weights and every generator stay as they are.
    """
    key = (backbone.name, side, device.name, device.precision(backbone), device.threads)
    if key not in _timed:
        _timed[key] = _speed(device, backbone, side)
    speed, batch = _timed[key]
    return Network(
        parameters=sum(parameter.numel() for parameter in backbone.model.parameters()),
        gflop=backbone.operations(side) / 1e9,
        images_per_s=speed,
        batch=batch,
    )


@torch.no_grad()
def _speed(device: Device, backbone: Backbone, side: int) -> tuple[float, int]:
    training = backbone.training
    backbone.eval()
    try:
        first = _seconds(device, backbone, side, 1)  # also what makes kernels ready
        if first > LONG_S:
            return 1 / first, 1
        return BATCH / min(_seconds(device, backbone, side, BATCH) for _ in range(PASSES)), BATCH
    finally:
        backbone.train(training)


def _seconds(device: Device, backbone: Backbone, side: int, batch: int) -> float:
    images = torch.zeros(batch, 3, side, side, device=device.torch).contiguous(memory_format=torch.channels_last)
    began = time.perf_counter()
    with device.autocast(backbone):
        maps = backbone(images)
    maps[-1].sum().item()  # waits for an accelerator
    return time.perf_counter() - began
