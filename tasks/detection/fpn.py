"""A feature pyramid on any backbone: maps of several strides as they are, maps of one stride resampled."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from inkbench.benchmark.networks.precision import full_precision


class GroupNorm(nn.GroupNorm):
    """Group normalisation in float32 also under autocast: in bfloat16 it is six times slower on a CPU."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply to ``input`` (B, C, H, W) of any floating type; the result is float32."""
        with full_precision(input):
            return super().forward(input.float())


class FeaturePyramid(nn.Module):
    """Maps of equal width at chosen strides from a backbone's maps, with a path from coarse to fine.

    Lin et al., Feature Pyramid Networks, CVPR 2017, section 3. Every level takes the deepest map of the stride
    nearest to its own: of a convolutional net the map of that stride, of a vision transformer, whose maps all have
    one stride, the last (Li et al., Exploring Plain Vision Transformer Backbones, ECCV 2022, section 3). A map that
    is too coarse is spread by a transposed convolution, one that is too fine is averaged. Group normalisation at
    the entry makes the head indifferent to the scale of a frozen backbone's features.
    """

    def __init__(
        self, channels: Sequence[int], strides: Sequence[int], levels: Sequence[int], width: int, side: int
    ) -> None:
        """Build for the backbone's ``channels`` and ``strides``, the strides wanted (``levels``), the input ``side``.

        ``width`` is a multiple of 32.

        The last map always has a place, so that no trained parameter of a backbone goes without a gradient.
        """
        super().__init__()
        self.levels = tuple(sorted(levels))
        self.sizes = tuple(math.ceil(side / level) for level in self.levels)
        self.sources = [_nearest(strides, level) for level in self.levels]
        self.sources[-1] = len(strides) - 1
        self.enter = nn.ModuleList(
            _Entry(channels[source], strides[source], level, width)
            for source, level in zip(self.sources, self.levels, strict=True)
        )
        self.leave = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in self.levels)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Turn the backbone's maps (B, channels[i], h, w) into pyramid levels (B, width, ceil(side / level), same)."""
        entered = [
            enter(maps[source], size) for enter, source, size in zip(self.enter, self.sources, self.sizes, strict=True)
        ]
        for fine in range(len(entered) - 2, -1, -1):
            above = functional.interpolate(entered[fine + 1], size=entered[fine].shape[-2:], mode="nearest")
            entered[fine] = entered[fine] + above
        return [leave(level) for leave, level in zip(self.leave, entered, strict=True)]


class _Entry(nn.Module):
    """One map at one stride: spread or averaged to the level's size, at the pyramid's width, normalised."""

    def __init__(self, channels: int, stride: int, level: int, width: int) -> None:
        super().__init__()
        times = max(round(stride / level), 1)
        self.project = (
            nn.ConvTranspose2d(channels, width, times, stride=times) if times > 1 else nn.Conv2d(channels, width, 1)
        )
        self.norm = GroupNorm(32, width)

    def forward(self, features: Tensor, size: int) -> Tensor:
        if features.shape[-1] > size:
            features = functional.adaptive_avg_pool2d(features, size)
        projected = self.project(features)
        if projected.shape[-1] != size:
            projected = functional.interpolate(projected, size=(size, size), mode="bilinear")
        normed: Tensor = self.norm(projected)
        return normed


def _nearest(strides: Sequence[int], level: int) -> int:
    """Return the last of the maps whose stride is nearest to ``level`` by ratio; of two as near the finer stride."""
    distance = [(abs(math.log2(stride / level)), stride) for stride in strides]
    return max(index for index, entry in enumerate(distance) if entry == min(distance))
