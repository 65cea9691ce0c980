"""Identity head: features of a face, a body or both -> a unit vector, near where the character is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from inkbench.benchmark.networks.precision import full_precision
from inkbench.tasks.reid.fusion import FIXED, Fuse, Padding, fixed, hide
from inkbench.tasks.reid.fusions import Fusion
from inkbench.tasks.reid.metric_losses import Loss, MetricLoss

if TYPE_CHECKING:
    from inkbench.benchmark.api import Seen


def halves_of(features: list[Tensor] | Seen) -> tuple[Tensor, Tensor]:
    """Return the backbone's vectors, float32 (B, V, C), one a view, and their presence, bool (B, V)."""
    if isinstance(features, list):
        only = features[-1].float().mean((2, 3))[:, None]
        return only, torch.ones(only.shape[:2], dtype=torch.bool, device=only.device)
    vectors = [maps[-1].float().mean((2, 3)) for maps in features.maps.values()]
    return torch.stack(vectors, 1), torch.stack([features.present[name] for name in features.maps], 1)


class UnitFeatures(nn.Module):
    """A head without parameters: features of length 1; of face and body, each of length 1, fused and of length 1 again.

    A missing half is a zero vector.
    """

    def __init__(self, fusion: Fusion = "cat") -> None:
        super().__init__()
        if fusion not in FIXED:
            raise ValueError(f"{fusion} is learnt; without training a fusion is one of {', '.join(FIXED)}")
        self.fusion = fusion

    def forward(self, features: list[Tensor] | Seen, targets: object = None) -> Tensor:
        """Return (B, D) from maps, fine to coarse. There is nothing to train, so no loss."""
        del targets
        halves, present = halves_of(features)
        return normalize(fixed(normalize(halves, dim=2) * present[:, :, None], self.fusion, present), dim=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """The way from halves to a vector of ``dim`` numbers, and its training.

    ``mask``: the probability with which one half of an item that has all is hidden from a training step.
    """

    dim: int
    fusion: Fusion
    loss: Loss
    margin: float = 0.2
    trainable_padding: bool = False
    mask: float = 0.0


class IdentityHead(nn.Module):
    """Linear to ``dim`` and length 1 on the fused features of ``halves`` views (Soykan et al. 2023).

    The length of 1 makes a learning rate mean the same whatever the scale of a backbone's features.
    """

    def __init__(self, channels: int, halves: int, identity: Identity) -> None:
        super().__init__()
        self.padding = Padding(channels, halves, identity.trainable_padding)
        self.fuse = Fuse(identity.fusion, channels, halves, masked=not identity.trainable_padding)
        self.project = nn.Linear(self.fuse.channels, identity.dim)
        self.loss = MetricLoss(identity.loss, identity.margin)
        self.mask = identity.mask

    def forward(self, features: list[Tensor] | Seen, targets: Sequence[Mapping[str, Tensor]] | None = None) -> Tensor:
        """Return unit vectors (B, dim); the loss with ``targets``, of which ``identity`` (1,) is a character's code."""
        halves, present = halves_of(features)
        with full_precision(halves):
            if self.training and self.mask > 0:
                present = hide(present, self.mask)
            unit = normalize(self.project(self.fuse(self.padding(halves, present), present)), dim=1)
            if targets is None:
                return unit
            loss: Tensor = self.loss(unit, torch.cat([target["identity"] for target in targets]))
            return loss
