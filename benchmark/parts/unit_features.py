"""A head without parameters: features as unit vectors."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import normalize


class UnitFeatures(nn.Module):
    """The coarsest map averaged over space, divided by its length."""

    def forward(self, features: list[Tensor], targets: Any = None) -> Tensor:
        """(B, C) of maps, fine to coarse. There is nothing to train, so no loss."""
        del targets
        return normalize(features[-1].float().mean((2, 3)), dim=1)
