"""The network of the judge ``ink``: a plain convolutional net on faces of 64 x 64 px."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTHS = (24, 48, 96, 128)
EMBEDDING = 64


class Ink(nn.Module):
    """Two 3 x 3 convolutions with batch norm a stage, four stages, halved at each; pooled, embedded."""

    def __init__(self) -> None:
        super().__init__()
        stages = [_stage(a, b) for a, b in pairwise((3, *WIDTHS))]
        self.stages = nn.Sequential(*stages)
        self.standard = nn.BatchNorm1d(WIDTHS[-1], affine=False)
        self.embed = nn.Linear(WIDTHS[-1], EMBEDDING, bias=False)

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Return standardised features (N, 128) and embeddings (N, 64) of uint8 faces (N, 3, 64, 64)."""
        features = self.standard(self.stages(faces.float() / 127.5 - 1).mean((2, 3)))
        return features, self.embed(features)


def _stage(a: int, b: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()),
        *(nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()),
    )


@torch.no_grad()
def look(net: nn.Module, faces: Tensor, batch: int = 64) -> tuple[Tensor, Tensor]:
    """Return features and embeddings of uint8 faces (N, 3, 64, 64) in float32, in batches of a fixed size."""
    seen = [net(faces[start : start + batch]) for start in range(0, len(faces), batch)]
    return torch.cat([features for features, _ in seen]), torch.cat([embedded for _, embedded in seen])
