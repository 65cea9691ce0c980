"""Losses of artifact spotting's repair network and critic (Jenni & Favaro 2018, section 3; their SpotNet)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate


def critic_loss(said: Tensor, kept: Tensor | None, mask: Tensor, mask_weight: float) -> Tensor:
    """Return the cross-entropy of real against corrupted plus ``mask_weight`` times that of kept, means over all 2N.

    ``said`` (2N,): C's logits of "real" on one batch, real images first. ``kept`` (2N, 1, g, g): its logits of "kept",
    where it has them. ``mask`` (N, 1, g, g): Omega of the corrupted ones; of real images all was kept.
    """
    loss = binary_cross_entropy_with_logits(said, _halves(said, 1.0, 0.0))
    if kept is None:
        return loss
    truth = torch.cat([torch.ones_like(mask), mask])
    return loss + mask_weight * binary_cross_entropy_with_logits(kept, truth)


def fooling_loss(said: Tensor) -> Tensor:
    """Return R's loss against C: the cross-entropy with the labels of all 2N exchanged, on the batch that C sees.

    Corrupted images are to pass for real. The real half has no gradient of its own, but what C says of it depends on
    the corrupted half through the statistics of the batch.
    """
    return binary_cross_entropy_with_logits(said, _halves(said, 0.0, 1.0))


def kept_error(corrupted: Tensor, images: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared error over the pixels that were kept, so that it weighs the same at every dropping rate.

    ``corrupted`` and ``images``, the network's input, (N, 3, s, s); ``mask`` (N, 1, g, g). 0 where nothing was kept.
    """
    kept = interpolate(mask, size=images.shape[-2:], mode="nearest")
    return (kept * (corrupted - images).square()).sum() / (3 * kept.sum()).clamp_min(1)


def _halves(said: Tensor, first: float, second: float) -> Tensor:
    half = len(said) // 2
    return torch.cat([said.new_full((half,), first), said.new_full((half,), second)])
