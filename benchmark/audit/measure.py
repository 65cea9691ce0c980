"""Measurements of one network on held-out panels: its accuracy, and where its gradient lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inkbench.benchmark.audit.cues import border_mask
from inkbench.benchmark.data.cache import ImageCache
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.scoring import statistics
from inkbench.benchmark.training import engine
from inkbench.tasks.metrics.items import WeightedMean

BATCH = 32


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over panels with its 95 % interval, resampling series and panels."""

    value: float
    low: float
    high: float
    n: int
    series: int

    @classmethod
    def of(cls, values: np.ndarray, series: np.ndarray) -> Figure:
        """Return the figure of one value a panel, float (N,), of panels that belong to ``series`` (N,)."""
        values = np.asarray(values, dtype=np.float64)
        low, high = statistics.percentiles(statistics.replicates(WeightedMean(values, np.ones_like(values)), series))
        return cls(float(values.mean()), low, high, len(values), len(set(series)))


@dataclass(frozen=True, slots=True)
class Gradient:
    """Position of the gradient of a network's answer on its tiles."""

    share: Figure
    """The share of its mass on the tile borders, for the logit of the right answer."""
    share_sum: Figure
    """The same for the sum of all logits."""
    map: np.ndarray
    """Mean mass over the pixels of a tile for the right logit, (t, t), of sum 1."""


def accuracy(
    device: engine.Device, method: Any, backbone: Backbone, net: nn.Module, panels: ImageCache, rows: np.ndarray
) -> np.ndarray:
    """Return whether each panel's puzzle was solved, float64 (N,); the puzzles depend on the place of a panel alone."""
    right = []
    with torch.no_grad(), device.autocast(backbone):
        for puzzles, tiles in _puzzles(device, method, panels, rows):
            right.append((net(tiles).argmax(1) == puzzles.labels).double().cpu().numpy())
    return np.concatenate(right)


def gradient(
    device: engine.Device, method: Any, net: nn.Module, panels: ImageCache, rows: np.ndarray, series: np.ndarray
) -> Gradient:
    """Measure where the absolute gradient of the right logit, and of the sum of logits, lies on each panel's tiles."""
    shares: dict[str, list[np.ndarray]] = {"right": [], "sum": []}
    total: Tensor | None = None
    for puzzles, tiles in _puzzles(device, method, panels, rows):
        tiles.requires_grad_(True)
        logits = net(tiles).float()
        answers = {"right": logits.gather(1, puzzles.labels[:, None]).sum(), "sum": logits.sum()}
        border = border_mask(tiles.shape[-1]).to(tiles.device)
        for name, answer in answers.items():
            (slope,) = torch.autograd.grad(answer, tiles, retain_graph=name == "right")
            mass = slope.abs().double().sum((1, 2))  # (N, t, t), over tiles and channels
            whole = mass.sum((1, 2)).clamp_min(1e-30)
            shares[name].append(((mass * border).sum((1, 2)) / whole).cpu().numpy())
            if name == "right":
                part = (mass / whole[:, None, None]).sum(0)
                total = part if total is None else total + part
    assert total is not None
    figures = {name: Figure.of(np.concatenate(parts), series) for name, parts in shares.items()}
    return Gradient(figures["right"], figures["sum"], (total / total.sum()).cpu().numpy())


def even_share(tile: int) -> float:
    """Return the share of a tile's area that its border has: what an even spread would give."""
    return float(border_mask(tile).double().mean())


def example(
    device: engine.Device, method: Any, net: nn.Module, panels: ImageCache, rows: np.ndarray
) -> Mapping[str, np.ndarray]:
    """Return tiles uint8 (N, T, t, t, 3) of a few panels in their right places, and their gradient (N, T, t, t)."""
    puzzles, tiles = next(_puzzles(device, method, panels, rows))
    tiles.requires_grad_(True)
    (slope,) = torch.autograd.grad(net(tiles).float().gather(1, puzzles.labels[:, None]).sum(), tiles)
    pixels = puzzles.pixels.permute(0, 1, 3, 4, 2).cpu().numpy()
    return {"tiles": pixels, "slope": slope.abs().amax(2).cpu().numpy(), "labels": puzzles.labels.cpu().numpy()}


def _puzzles(device: engine.Device, method: Any, panels: ImageCache, rows: np.ndarray) -> Iterator[tuple[Any, Tensor]]:
    """Yield the puzzles of panels, with their tiles as the network takes them; the same for every network."""
    for k, start in enumerate(range(0, len(rows), BATCH)):
        images = engine.to_device(panels.batch(rows[start : start + BATCH]), device.torch)
        generator = engine.context(device, 0, "audit", k, 1).generator
        puzzles = method.cut(images, generator)
        yield puzzles, method.appearance(puzzles.pixels, generator)
