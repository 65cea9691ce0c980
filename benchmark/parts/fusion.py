"""Face and body as one vector: fixed sums and concatenations, or learnt ones; what stands in for a missing half."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Fusion = Literal["cat", "sum", "mean", "weighted", "attention"]
FIXED: tuple[Fusion, ...] = ("cat", "sum", "mean")
"""Those without anything to learn."""


def width(fusion: Fusion, channels: int, halves: int) -> int:
    """The length of a fused vector."""
    return channels * halves if fusion == "cat" else channels


def fixed(halves: Tensor, fusion: Fusion) -> Tensor:
    """Halves (B, V, C), those missing replaced already, as (B, V * C) for ``cat``, else (B, C)."""
    if fusion == "cat":
        return halves.flatten(1)
    return halves.sum(1) if fusion == "sum" else halves.mean(1)


class Padding(nn.Module):
    """What a missing half is replaced by: a zero vector, or a learnt one for each half (Soykan et al. 2023)."""

    def __init__(self, channels: int, halves: int, trainable: bool) -> None:
        super().__init__()
        vectors = torch.randn(halves, channels) * 0.02 if trainable else torch.zeros(halves, channels)
        if trainable:
            self.vectors = nn.Parameter(vectors)
        else:
            self.register_buffer("vectors", vectors, persistent=False)

    def forward(self, halves: Tensor, present: Tensor) -> Tensor:
        """``halves`` (B, V, C) where ``present`` (B, V), the padding elsewhere."""
        return torch.where(present[:, :, None], halves, self.vectors.to(halves.dtype))


class Fuse(nn.Module):
    """Two halves -> one vector (B, ``width``).

    ``weighted``: a convex sum with one learnt weight a half. ``attention``: a layer of self-attention over the halves
    with a residual and layer norm, then their mean; without a learnt padding a missing half is not attended to.
    """

    def __init__(self, fusion: Fusion, channels: int, halves: int, masked: bool) -> None:
        super().__init__()
        self.fusion, self.masked = fusion, masked
        self.channels = width(fusion, channels, halves)
        if fusion == "weighted":
            self.weights = nn.Parameter(torch.zeros(halves))
        if fusion == "attention":
            heads = next(count for count in (8, 4, 2, 1) if channels % count == 0)
            self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)
            self.norm = nn.LayerNorm(channels)

    def forward(self, halves: Tensor, present: Tensor) -> Tensor:
        """``halves`` (B, V, C) with their padding, ``present`` bool (B, V), at least one true in each row."""
        if self.fusion == "weighted":
            return (halves * self.weights.softmax(0)[:, None]).sum(1)
        if self.fusion != "attention":
            return fixed(halves, self.fusion)
        there = present if self.masked else torch.ones_like(present)
        seen, _ = self.attention(halves, halves, halves, key_padding_mask=~there, need_weights=False)
        share = there.to(halves.dtype)[:, :, None]
        return (self.norm(halves + seen) * share).sum(1) / share.sum(1)


def hide(present: Tensor, probability: float) -> Tensor:
    """``present`` (B, V) with one half, drawn evenly, hidden from items that have all, each with ``probability``.

    Draws from torch's global generator, which a training loop seeds for every step.
    """
    whole = present.all(1)
    hidden = whole & (torch.rand(len(present), device=present.device) < probability)
    which = torch.randint(present.shape[1], (len(present),), device=present.device)
    return present & ~(hidden[:, None] & nn.functional.one_hot(which, present.shape[1]).bool())
