"""Heads of copy detection: features of length 1 as they are, or through one linear layer that draws copies together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear, normalize


class UnitFeatures(nn.Module):
    """A head without parameters: the backbone's vector, of length 1."""

    def forward(self, features: list[Tensor], targets: object = None) -> Tensor:
        """Return (B, C). There is nothing to train, so no loss."""
        del targets
        return normalize(features[-1].float().mean((2, 3)), dim=1)


class CopyHead(nn.Module):
    """Linear to ``dim``, length 1; NT-Xent of originals and their copies as two views (Chen et al. 2020, eq. 1)."""

    def __init__(self, channels: int, dim: int, temperature: float) -> None:
        super().__init__()
        self.project, self.temperature = nn.Linear(channels, dim), temperature

    def forward(self, features: list[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None) -> Tensor:
        """Return (B, dim), or with targets (``copy``, one code an item) the loss over items whose other is there."""
        embedded = normalize(self.project(features[-1].float().mean((2, 3))), dim=1)
        if targets is None:
            return embedded
        codes = torch.cat([target["copy"] for target in targets])
        with torch.autocast(embedded.device.type, enabled=False):
            alike = linear(embedded.float(), embedded.float()) / self.temperature
            alike = alike.fill_diagonal_(-torch.inf)
        other = (codes[:, None] == codes[None]).fill_diagonal_(False)
        asked = other.any(1)
        if not asked.any():
            return embedded.sum() * 0
        return cross_entropy(alike[asked], other[asked].int().argmax(1))
