"""A class for each cell of a grid from a backbone's maps: one linear layer, or a fully convolutional head."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from inkbench.benchmark.networks.precision import full_precision

VOID = 255


class DenseHead(nn.Module, ABC):
    """The part that both heads share: maps brought to mean 0 and deviation 1, the loss on the grid.

    Each channel is normed over batch and place by a batch norm without parameters (running statistics in evaluation),
    so that the scale of a layer does not matter.
    """

    def __init__(self, channels: Sequence[int], grid: int, classes: int) -> None:
        super().__init__()
        self.grid, self.classes = grid, classes
        self.norms = nn.ModuleList(nn.BatchNorm2d(count, affine=False) for count in channels)

    def forward(self, features: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None) -> Tensor:
        """Return scores (B, K, grid, grid) of maps, fine to coarse, or the loss where ``targets`` hold ``mask``.

        The loss is the mean cross-entropy over the cells that are not void (255).
        """
        with full_precision(features[0]):
            scores = self.scores([norm(level.float()) for norm, level in zip(self.norms, features, strict=True)])
            if targets is None:
                return scores
            labels = torch.stack([target["mask"] for target in targets]).long()
            summed = functional.cross_entropy(scores, labels, ignore_index=VOID, reduction="sum")
            return summed / (labels != VOID).sum().clamp_min(1)

    @abstractmethod
    def scores(self, maps: list[Tensor]) -> Tensor:
        """Return scores (B, K, grid, grid) of normed maps."""

    def enlarged(self, values: Tensor) -> Tensor:
        """Enlarge ``values`` (B, C, h, w) to the grid, bilinearly."""
        return functional.interpolate(values, (self.grid, self.grid), mode="bilinear", align_corners=False)


class LinearHead(DenseHead):
    """One linear layer on the maps of all stages, each brought to the grid: a 1x1 convolution of their channels."""

    def __init__(self, channels: Sequence[int], grid: int, classes: int) -> None:
        super().__init__(channels, grid, classes)
        self.read = nn.ModuleList(nn.Conv2d(count, classes, 1, bias=False) for count in channels)
        self.offset = nn.Parameter(torch.zeros(classes, 1, 1))

    def scores(self, maps: list[Tensor]) -> Tensor:
        """Sum the maps' 1x1 convolutions; enlarging comes second, which is the same and cheaper."""
        read = [self.enlarged(conv(level)) for conv, level in zip(self.read, maps, strict=True)]
        return torch.stack(read).sum(0) + self.offset


class FcnHead(DenseHead):
    """Long, Shelhamer & Darrell, Fully Convolutional Networks (CVPR 2015), FCN-8s carried on to every stage.

    The coarsest map goes through two hidden layers (3x3 and 1x1, in the place of fc6 and fc7) to scores; step by step
    these are enlarged to the next finer map, whose own 1x1 scores, which start at zero, are added.
    """

    def __init__(self, channels: Sequence[int], grid: int, classes: int, width: int, dropout: float) -> None:
        super().__init__(channels, grid, classes)
        self.deep = nn.Sequential(
            nn.Conv2d(channels[-1], width, 3, padding=1),
            nn.ReLU(),
            nn.Dropout2d(dropout),
            nn.Conv2d(width, width, 1),
            nn.ReLU(),
            nn.Dropout2d(dropout),
            nn.Conv2d(width, classes, 1),
        )
        self.skips = nn.ModuleList(nn.Conv2d(count, classes, 1) for count in channels[:-1])
        for skip in self.skips:
            nn.init.zeros_(cast(Tensor, skip.weight))
            nn.init.zeros_(cast(Tensor, skip.bias))

    def scores(self, maps: list[Tensor]) -> Tensor:
        """Enlarge coarse scores and add them to finer ones, down to the grid."""
        summed = self.deep(maps[-1])
        for skip, level in zip(reversed(self.skips), reversed(maps[:-1]), strict=True):
            size = (level.shape[-2], level.shape[-1])
            summed = functional.interpolate(summed, size, mode="bilinear", align_corners=False) + skip(level)
        return self.enlarged(summed)
