"""Face and body as one vector: fixed sums and concatenations, or learnt ones; what stands in for a missing half."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from inkbench.tasks.reid.fusions import Fusion

FIXED: tuple[Fusion, ...] = ("cat", "sum", "mean", "favor_face", "favor_body")
"""Those without anything to learn."""
PLACED: tuple[Fusion, ...] = ("coeff_sum", "self_attn", "face_to_body_attn")
"""Those of comic_char_reid that tell face from body by an encoding of its place, added to each."""


def width(fusion: Fusion, channels: int, halves: int) -> int:
    """Return the length of a fused vector."""
    return channels * halves if fusion in ("cat", "self_attn") else channels


def fixed(halves: Tensor, fusion: Fusion, present: Tensor) -> Tensor:
    """Fuse halves (B, V, C), missing ones replaced already, as (B, V * C) for ``cat``, else (B, C).

    ``favor_face`` and ``favor_body`` take the first or the second half, the other one where it is not ``present``.
    """
    if fusion == "cat":
        return halves.flatten(1)
    if fusion in ("favor_face", "favor_body"):
        first = 0 if fusion == "favor_face" else halves.shape[1] - 1
        other = halves.shape[1] - 1 - first
        return torch.where(present[:, first, None], halves[:, first], halves[:, other])
    return halves.sum(1) if fusion == "sum" else halves.mean(1)


def places(halves: int, channels: int) -> Tensor:
    """Return sines and cosines that tell the halves apart, float32 (halves, channels) (Vaswani et al. 2017, 3.5)."""
    place = torch.arange(halves, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, channels, 2).float() * (-math.log(10_000.0) / channels))
    return torch.stack([(place * rate).sin(), (place * rate).cos()], 2).flatten(1)[:, :channels]


class Padding(nn.Module):
    """The replacement of a missing half: a zero vector, or a learnt one for each half (Soykan et al. 2023)."""

    def __init__(self, channels: int, halves: int, trainable: bool) -> None:
        super().__init__()
        vectors = torch.randn(halves, channels) * 0.02 if trainable else torch.zeros(halves, channels)
        if trainable:
            self.vectors = nn.Parameter(vectors)
        else:
            self.register_buffer("vectors", vectors, persistent=False)

    def forward(self, halves: Tensor, present: Tensor) -> Tensor:
        """Return ``halves`` (B, V, C) where ``present`` (B, V), the padding elsewhere."""
        return torch.where(present[:, :, None], halves, self.vectors.to(halves.dtype))


class Fuse(nn.Module):
    """Two halves -> one vector (B, ``width``).

    comic_char_reid's: ``coeff_sum``, a convex sum with one learnt weight a half; ``self_attn``, each half's attention
    over both, queries and keys of C / 2, values as they are, one after the other; ``face_to_body_attn``, that of the
    face alone, queries and keys of C. Ours: ``weighted``, as ``coeff_sum`` without places and with equal weights at
    first; ``attention``, a layer of self-attention over the halves with a residual and layer norm, then their mean;
    without a learnt padding it alone does not look at a missing half.
    """

    places: Tensor

    def __init__(self, fusion: Fusion, channels: int, halves: int, masked: bool) -> None:
        super().__init__()
        self.fusion, self.masked = fusion, masked
        self.channels = width(fusion, channels, halves)
        if fusion in PLACED:
            self.register_buffer("places", places(halves, channels), persistent=False)
        if fusion == "weighted":
            self.weights = nn.Parameter(torch.zeros(halves))
        if fusion == "coeff_sum":
            self.weights = nn.Parameter(nn.init.xavier_uniform_(torch.empty(1, halves))[0])
        if fusion in ("self_attn", "face_to_body_attn"):
            inner = max(channels // 2, 1) if fusion == "self_attn" else channels
            self.query, self.key = nn.Linear(channels, inner), nn.Linear(channels, inner)
        if fusion == "attention":
            heads = next(count for count in (8, 4, 2, 1) if channels % count == 0)
            self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)
            self.norm = nn.LayerNorm(channels)

    def forward(self, halves: Tensor, present: Tensor) -> Tensor:
        """Fuse ``halves`` (B, V, C) with their padding, ``present`` bool (B, V), at least one true in each row."""
        if self.fusion in FIXED:
            return fixed(halves, self.fusion, present)
        if self.fusion in PLACED:
            halves = halves + self.places
        if self.fusion in ("weighted", "coeff_sum"):
            return (halves * self.weights.softmax(0)[:, None]).sum(1)
        if self.fusion == "attention":
            return self._attended(halves, present)
        asking = halves if self.fusion == "self_attn" else halves[:, :1]
        scores = self.query(asking) @ self.key(halves).transpose(1, 2) / math.sqrt(halves.shape[2])
        flat: Tensor = (scores.softmax(2) @ halves).flatten(1)
        return flat

    def _attended(self, halves: Tensor, present: Tensor) -> Tensor:
        mask = present if self.masked else torch.ones_like(present)
        seen, _ = self.attention(halves, halves, halves, key_padding_mask=~mask, need_weights=False)
        share = mask.to(halves.dtype)[:, :, None]
        mean: Tensor = (self.norm(halves + seen) * share).sum(1) / share.sum(1)
        return mean


def hide(present: Tensor, probability: float) -> Tensor:
    """Return ``present`` (B, V), where items that have all halves lose one, drawn evenly, each with ``probability``.

    Draws from torch's global generator, which a training loop seeds for every step.
    """
    whole = present.all(1)
    hidden = whole & (torch.rand(len(present), device=present.device) < probability)
    which = torch.randint(present.shape[1], (len(present),), device=present.device)
    return present & ~(hidden[:, None] & nn.functional.one_hot(which, present.shape[1]).bool())
