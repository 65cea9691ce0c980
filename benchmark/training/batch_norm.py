"""Batch norm of a frozen backbone: statistics handed over, or re-estimated once on the downstream training images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.training import engine

MOST_IMAGES = 512
BATCH = 32


@torch.no_grad()
def reestimate(
    device: engine.Device, backbone: Backbone, sources: Sequence[tuple[Callable[[np.ndarray], np.ndarray], int]]
) -> None:
    """Replace running statistics by the averages over training images, without labels, in float32.

    Each of ``sources`` (one a view) gives squares of images by index, uint8 (B, S, S, 3), of a count in all. Uses at
    most ``MOST_IMAGES`` in all, evenly spread, in batches of ``BATCH`` of one view; every rank sees all of them.
    """
    layers = [module for module in backbone.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain average over batches
    backbone.train()
    for fetch, count in sources:
        if not count:
            continue
        chosen = np.linspace(0, count - 1, min(count, MOST_IMAGES // len(sources))).astype(np.int64)
        size = min(BATCH, len(chosen))
        for start in range(0, len(chosen) - size + 1, size):
            images = engine.to_device(fetch(chosen[start : start + size]), device.torch)
            backbone(backbone.normalize(images).contiguous(memory_format=torch.channels_last))
    backbone.eval()
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
