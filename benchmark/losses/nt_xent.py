"""NT-Xent: each view must find its partner among all others of the batch (Chen et al., SimCLR, ICML 2020, eq. 1)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn.functional import cross_entropy, normalize


def nt_xent(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    """Compute the mean over the 2N views of -log exp(s_ij / tau) / sum_{k != i} exp(s_ik / tau), s the cosine.

    Float32, a scalar. ``z1`` and ``z2`` (n, d), item by item two views of the same. With several ranks the views of
    all of them are gathered, with their gradient: every rank has the loss of the whole batch, and the mean of the
    ranks' gradients is the gradient that one device would have.
    """
    similarity = _similarity(of_all_ranks(z1.float()), of_all_ranks(z2.float())) / temperature
    return cross_entropy(similarity, _partners(len(similarity), similarity.device))


@torch.no_grad()
def found(z1: Tensor, z2: Tensor) -> Tensor:
    """Compute the share of two views whose nearest of the 2N - 1 others is their partner: float64 (n,) in {0, .5, 1}.

    Nothing is gathered: every rank judges the same held-out images by itself.
    """
    similarity = _similarity(z1.float(), z2.float())
    right = (similarity.argmax(1) == _partners(len(similarity), similarity.device)).double()
    return (right[: len(z1)] + right[len(z1) :]) / 2


def _similarity(z1: Tensor, z2: Tensor) -> Tensor:
    """Compute the cosines of all views with one another, float32 (2N, 2N), -inf on the diagonal."""
    z = normalize(torch.cat([z1, z2]), dim=1)
    with torch.autocast(z.device.type, enabled=False):
        return (z @ z.T).fill_diagonal_(-torch.inf)


def _partners(count: int, device: torch.device) -> Tensor:
    half = count // 2
    return (torch.arange(count, device=device) + half) % count


def of_all_ranks(z: Tensor) -> Tensor:
    """Gather the rows of every rank, as many from each, the gradient flowing back to each; alone: the rows."""
    if not (distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1):
        return z
    gathered: Tensor = _Gathered.apply(z) if z.is_floating_point() else _gathered(z)
    return gathered


def _gathered(z: Tensor) -> Tensor:
    parts = [torch.empty_like(z) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, z.contiguous())
    return torch.cat(parts)


class _Gathered(torch.autograd.Function):
    """The rows of every rank; a row's gradient is the sum of those that all ranks have for it."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.rows = len(z)
        return _gathered(z)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        distributed.all_reduce(total)
        first = distributed.get_rank() * int(ctx.rows)
        return total[first : first + ctx.rows]
