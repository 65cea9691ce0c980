"""The networks of DINO: a backbone with prototypes, a teacher that follows the student (Caron et al., ICCV 2021)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from timm.layers import DropPath, calculate_drop_path_rates
from torch import Tensor, distributed, nn
from torch.nn.functional import linear, log_softmax, normalize, softmax

from inkbench.benchmark.networks.backbones import Backbone


class Prototypes(nn.Module):
    """A backbone, three layers, a unit vector, and its cosines with K prototypes."""

    def __init__(self, backbone: Backbone, hidden: int, bottleneck: int, prototypes: int, batch_norm: bool) -> None:
        """Build the head; its first two layers have ``batch_norm``, as the authors' code offers for convolutions."""
        super().__init__()
        backbone.train_for("vector")
        self.backbone = backbone
        widths = (backbone.width, hidden, hidden)
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [_linear(a, b), *([nn.BatchNorm1d(b)] if batch_norm else []), nn.GELU()]
        self.head = nn.Sequential(*layers, _linear(hidden, bottleneck))
        self.last = nn.Parameter(torch.randn(prototypes, bottleneck))

    def forward(self, *views: Tensor) -> tuple[Tensor, ...]:
        """Return cosines (N, K) of each batch of normalised images."""
        last = normalize(self.last, dim=1)
        found = []
        for view in views:
            unit = normalize(self.head(self.backbone.pooled(view)).float(), dim=1)
            with torch.autocast(unit.device.type, enabled=False):
                found.append(linear(unit, last))
        return tuple(found)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """Initialise a layer as the authors do: N(0, .02) within two units, biases 0."""
    layer = nn.Linear(inputs, outputs)
    nn.init.trunc_normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
    return layer


def drop_paths(backbone: Backbone, rate: float) -> None:
    """Let the blocks of a transformer be passed over in training, from 0 of the first up to ``rate`` of the last.

    Stochastic depth (Huang et al., ECCV 2016), for each image on its own. Other networks stay as they are, as those of
    the authors' code do.
    """
    if not backbone.has_tokens or not rate:
        return
    blocks = list(backbone.model.blocks)
    shares: Any = calculate_drop_path_rates(rate, len(blocks))
    for block, share in zip(blocks, shares, strict=True):
        for name in ("drop_path1", "drop_path2"):
            if isinstance(getattr(block, name, None), nn.Identity | DropPath):
                setattr(block, name, DropPath(share) if share else nn.Identity())


class Centre(nn.Module):
    """The running mean of the teacher's outputs, taken off them so that no prototype wins everything."""

    value: Tensor

    def __init__(self, prototypes: int, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("value", torch.zeros(prototypes))

    @torch.no_grad()
    def follow(self, outputs: Tensor) -> None:
        """Update the centre: c <- m c + (1 - m) mean of the outputs (N, K), over all ranks."""
        mean = outputs.mean(0)
        if distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1:
            distributed.all_reduce(mean)
            mean /= distributed.get_world_size()
        self.value.mul_(self.momentum).add_((1 - self.momentum) * mean)


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """Update the teacher: theta_t <- m theta_t + (1 - m) theta_s."""
    for own, other in zip(teacher.parameters(), student.parameters(), strict=True):
        own.lerp_(other.detach(), 1 - momentum)


def distillation(
    student: tuple[Tensor, ...], teacher: tuple[Tensor, ...], centre: Tensor, student_t: float, teacher_t: float
) -> Tensor:
    """Compute the mean of H(softmax((t - c) / tau_t), softmax(s / tau_s)) over pairs of different views (eq. 3).

    The first views of ``student`` are those of ``teacher``, (N, K) each.
    """
    truths = [softmax((t.float() - centre) / teacher_t, 1).detach() for t in teacher]
    said = [log_softmax(s.float() / student_t, 1) for s in student]
    terms = [-(t * s).sum(1).mean() for i, t in enumerate(truths) for j, s in enumerate(said) if i != j]
    return torch.stack(terms).mean()


def effective_rank(features: Tensor) -> float:
    """Compute exp of the entropy of singular values' shares, in [1, min(N, D)] (RankMe, Garrido 2023, eq. 1)."""
    values = torch.linalg.svdvals(features.double() - features.double().mean(0))
    shares = values / values.sum().clamp_min(1e-12) + 1e-12
    return float(torch.exp(-(shares * shares.log()).sum()))
