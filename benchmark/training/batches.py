"""Batches of a pretext task: this rank's images of a step, on the device, with what is annotated of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from inkbench.benchmark.api import Method
from inkbench.benchmark.config import PretrainSettings
from inkbench.benchmark.data.cached import Cached
from inkbench.benchmark.seeding import derive
from inkbench.benchmark.training import engine


def labels_of(method: Method, panels: Mapping[str, Cached]) -> dict[str, np.ndarray]:
    """Return the annotations of the images, where a method needs them."""
    return method.labels({name: cache.items for name, cache in panels.items()})


def batch(
    device: engine.Device,
    panels: Mapping[str, Cached],
    labels: Mapping[str, np.ndarray],
    settings: PretrainSettings,
    seed: int,
    step: int,
) -> dict[str, Tensor]:
    """Return this rank's images of a step, on the device; of a strip the square at a place that this step draws."""
    count = len(next(iter(panels.values())).items)
    chosen = engine.batch_indices(count, settings.batch, seed, "pretrain", step)
    own = slice(device.fabric.global_rank, None, device.fabric.world_size)
    places = {
        name: np.random.default_rng(derive(seed, "pretrain", "window", name, step)).random(settings.batch)[own]
        for name in panels
        if settings.window == "random"
    }
    return at(device, panels, labels, chosen[own], places)


def at(
    device: engine.Device,
    panels: Mapping[str, Cached],
    labels: Mapping[str, np.ndarray],
    chosen: np.ndarray,
    places: Mapping[str, np.ndarray] | None = None,
) -> dict[str, Tensor]:
    """Return images, sizes and labels of some images, on the device."""
    sizes = {f"{name}_size": cache.sizes for name, cache in panels.items()}
    told = {name: torch.from_numpy(of[chosen]).to(device.torch) for name, of in {**sizes, **labels}.items()}
    where = places or {}
    return {
        name: engine.images_at(cache, chosen, device.torch, where.get(name)) for name, cache in panels.items()
    } | told
