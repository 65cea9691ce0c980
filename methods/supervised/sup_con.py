"""SupCon: each view must find all others of its class in the batch (Khosla et al., NeurIPS 2020, eq. 2, L_out)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from inkbench.benchmark.losses.nt_xent import of_all_ranks


def sup_con(z: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Compute the mean over views i of -1 / |P(i)| sum_{p in P(i)} log exp(s_ip / tau) / sum_{k != i} exp(s_ik / tau).

    ``z`` (n, d), ``labels`` (n,); s is the cosine, P(i) the other views with the label of i. Views without any are left
    out of the mean; float32, a scalar, 0 where no view has one. With several ranks all their views are gathered, with
    their gradient, as in NT-Xent.
    """
    z, labels = normalize(of_all_ranks(z.float()), dim=1), of_all_ranks(labels)
    with torch.autocast(z.device.type, enabled=False):
        similarity = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    others = ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    positive = (labels[:, None] == labels[None]) & others
    counts = positive.sum(1)
    log_probability = similarity.log_softmax(1).masked_fill(~positive, 0.0)
    losses = -log_probability.sum(1) / counts.clamp_min(1)
    return losses.sum() / (counts > 0).sum().clamp_min(1)


@torch.no_grad()
def found_by_label(z: Tensor, labels: Tensor, owners: Tensor) -> tuple[Tensor, Tensor]:
    """Return whether each view's nearest among other owners' has its label, and the rate of chance: float64 (n,).

    ``owners`` (n,) says which views are of one image: those of the view's own image are no answers. Both are 0 where
    no other image has the label.
    """
    z = normalize(z.float(), dim=1)
    with torch.autocast(z.device.type, enabled=False):
        similarity = z @ z.T
    foreign = owners[:, None] != owners[None]
    same = (labels[:, None] == labels[None]) & foreign
    nearest = similarity.masked_fill(~foreign, -torch.inf).argmax(1)
    right = same.gather(1, nearest[:, None])[:, 0].double()
    return right, same.sum(1).double() / foreign.sum(1).clamp_min(1)
