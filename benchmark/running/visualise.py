"""Pictures of weights as a method hands them over: what a backbone looks for and what it finds alike."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch.nn.functional import normalize

from inkbench.benchmark.api import View
from inkbench.benchmark.contracts.dataset import Dataset, Item
from inkbench.benchmark.data.cache import ImageCache
from inkbench.benchmark.drawing.filters import draw_filters, first_filters
from inkbench.benchmark.drawing.neighbours import draw_neighbours
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.training import batch_norm, engine

PANELS = 128
SIDE = 128
BATCH = 64


def panels_of(data: Dataset) -> list[Item]:
    """Return a few panels of the validation series, evenly spread; none where the dataset has no panels."""
    items = data.items("panels", "val") if "panels" in data.offers() else []
    return [items[place] for place in np.linspace(0, len(items) - 1, min(PANELS, len(items))).astype(int)]


def view_of(backbone: Backbone) -> View:
    """Return the view of squares that are shown to a backbone: the same for all methods, of a side that it takes."""
    stride = max(backbone.strides)
    side = max(SIDE - SIDE % stride, stride)
    return View(side if backbone.takes(side) else backbone.native_side)


def draw(device: engine.Device, backbone: Backbone, panels: ImageCache) -> dict[str, np.ndarray]:
    """Draw ``first-layer`` and ``neighbours``, uint8 (H, W, 3). ``backbone`` stays as it is, batch norm included.

    Statistics are re-estimated on the panels, for random weights too: with those of an untrained network all panels
    would seem alike.
    """
    pictures = {}
    filters = first_filters(backbone.model)
    if filters is not None:
        pictures["first-layer"] = draw_filters(filters)
    count = len(panels.items)
    if count >= 2:
        own = copy.deepcopy(backbone).to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
        batch_norm.reestimate(device, own, [(panels.batch, count)])
        images = panels.batch(np.arange(count))
        series = np.array([item.series for item in panels.items])
        pictures["neighbours"] = draw_neighbours(images, _features(device, own.eval(), images), series)
    return pictures


@torch.no_grad()
def _features(device: engine.Device, backbone: Backbone, images: np.ndarray) -> np.ndarray:
    found = []
    for start in range(0, len(images), BATCH):
        batch = engine.to_device(images[start : start + BATCH], device.torch)
        seen = backbone.normalize(batch).contiguous(memory_format=torch.channels_last)
        found.append(normalize(backbone.pooled(seen).float(), dim=1))
    return torch.cat(found).cpu().numpy()
