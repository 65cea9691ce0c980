"""ViTDet's simple pyramid at the strides that a detector asks for, whatever the size of the patches."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.simple_pyramid import SimplePyramid


class SimpleLevels(nn.Module):
    """Levels of chosen strides from the last map alone, each the nearest doubling or halving of it.

    Of patches of 14 px a level of stride 8 is twice the map (stride 7), brought to its size bilinearly.
    """

    def __init__(self, channels: int, stride: int, levels: Sequence[int], width: int, side: int) -> None:
        """Build for a map of ``channels`` and ``stride``, the strides wanted (``levels``), the input ``side``.

        Raises UsageError for levels of which one is not half as fine as the one before.
        """
        super().__init__()
        self.levels = tuple(sorted(levels))
        self.sizes = tuple(math.ceil(side / level) for level in self.levels)
        doublings = [round(math.log2(stride / level)) for level in self.levels]
        if doublings != list(range(doublings[0], doublings[0] - len(doublings), -1)) or doublings[0] < -1:
            raise UsageError(
                f"a simple pyramid halves from level to level; strides {', '.join(map(str, self.levels))} do not fit "
                f"patches of {stride} px: set detection.strides to such as 8,16,32,64"
            )
        self.pyramid = SimplePyramid(channels, doublings, width)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Turn the backbone's last map (B, channels, h, w) into levels (B, width, ceil(side / level), same)."""
        return [
            level
            if level.shape[-1] == size
            else functional.interpolate(level, size=(size, size), mode="bilinear", align_corners=False)
            for level, size in zip(self.pyramid(maps[-1]), self.sizes, strict=True)
        ]
