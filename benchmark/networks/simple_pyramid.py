"""ViTDet's simple feature pyramid: maps of several strides from the last map of a plain vision transformer.

Li, Mao, Girshick & He, Exploring Plain Vision Transformer Backbones for Object Detection (ECCV 2022), section 3, as in
detectron2's ``SimpleFeaturePyramid``: no path from coarse to fine, no lateral connections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from timm.layers import LayerNorm2d
from torch import Tensor, nn
from torch.nn import functional

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.precision import full_precision
from inkbench.benchmark.networks.readout import to_grid

DENSE = (2, 1, 0, -1)
"""The paper's levels by how often a map is doubled: of patches of 16 px strides 4, 8, 16 and 32."""


class SimplePyramid(nn.Module):
    """Maps of equal width, each made from the one last map of a backbone by itself.

    A level that is ``k`` times doubled passes through ``k`` transposed convolutions (2x2, stride 2, each half as wide,
    layer norm and GELU between them), one that is halved through a max pooling (2x2), and then a 1x1 and a 3x3
    convolution, each with layer norm over channels. What is halved more often is subsampled from the level before it.
    """

    def __init__(self, channels: int, doublings: Sequence[int], width: int) -> None:
        """Build for a map of ``channels``; ``doublings`` fall by one from level to level, ``width`` is theirs."""
        super().__init__()
        self.levels = nn.ModuleList(_level(channels, times, width) for times in doublings if times >= -1)
        self.subsampled = sum(times < -1 for times in doublings)

    def forward(self, last: Tensor) -> list[Tensor]:
        """Turn a map (B, channels, h, w) into levels (B, width, 2**k h, 2**k w), halves rounded up."""
        maps: list[Tensor] = [level(last) for level in self.levels]
        for _ in range(self.subsampled):
            maps.append(functional.max_pool2d(maps[-1], 1, 2))
        return maps


def _level(channels: int, times: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.MaxPool2d(2, 2, ceil_mode=True)] if times < 0 else []
    for k in range(times):
        layers += [LayerNorm2d(channels), nn.GELU()] if k else []
        layers.append(nn.ConvTranspose2d(channels, channels // 2, 2, stride=2))
        channels //= 2
    layers += [nn.Conv2d(channels, width, 1, bias=False), LayerNorm2d(width)]
    return nn.Sequential(*layers, nn.Conv2d(width, width, 3, padding=1, bias=False), LayerNorm2d(width))


class OnPyramid(nn.Module):
    """A head of dense maps behind a simple pyramid of the paper's four levels, none finer than its grid."""

    def __init__(self, pyramid: SimplePyramid, head: nn.Module, grid: int) -> None:
        super().__init__()
        self.pyramid, self.head, self.grid = pyramid, head, grid

    def forward(self, features: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None) -> Any:
        """Return what the head does of the pyramid's maps, fine to coarse; ``features`` are a backbone's."""
        with full_precision(features[-1]):
            levels = self.pyramid(features[-1].float())
        return self.head(to_grid(levels, self.grid), targets)


def require_one_stride(backbone: Backbone, setting: str) -> None:
    """Refuse a simple pyramid on a backbone whose maps have several strides already. Raises UsageError."""
    if len(set(backbone.strides)) > 1:
        raise UsageError(
            f"{setting}=simple makes a pyramid of a plain transformer's last map, and the maps of {backbone.name} have "
            f"strides {', '.join(map(str, backbone.strides))}; leave it out, or name a ViT by --backbone"
        )
