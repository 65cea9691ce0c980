"""A grid of linear heads on frozen features, all trained in one pass; validation chooses one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d, one_hot, pad

from inkbench.benchmark.contracts.fitted_head import FittedHead
from inkbench.benchmark.training.engine import batch_indices
from inkbench.benchmark.training.schedules import warmup_cosine
from inkbench.tasks.classification.probes import labels_of

if TYPE_CHECKING:
    from inkbench.benchmark.api import Seen

BETAS, EPSILON = (0.9, 0.999), 1e-8
QUERIES = 1_024
"""Validation items at once."""
Reading = tuple[int, str, str]
"""A level of the features, what it is called, and how it is pooled: ``mean`` or ``max``."""


class RowwiseAdamW:
    """AdamW (Loshchilov & Hutter, 2019) on one tensor (R, D, H, K) whose heads H have rates and decays of their own.

    torch's AdamW takes one rate for a tensor; heads in tensors of their own would each cost the time of a step.
    """

    def __init__(self, weight: Tensor, rates: Tensor, decays: Tensor) -> None:
        self.weight, self.rates, self.decays = weight, rates[:, None], decays[:, None]
        self.first, self.second, self.steps = torch.zeros_like(weight), torch.zeros_like(weight), 0

    def step(self, gradient: Tensor, factor: float) -> None:
        """Update by ``gradient`` (R, D, H, K) with ``factor`` times the rates."""
        self.steps += 1
        self.weight.mul_(1 - factor * self.rates * self.decays)
        self.first.lerp_(gradient, 1 - BETAS[0])
        self.second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        spread = (self.second / (1 - BETAS[1] ** self.steps)).sqrt_().add_(EPSILON)
        self.weight.sub_(self.first / spread * (factor * self.rates / (1 - BETAS[0] ** self.steps)))


class GridProbes(FittedHead):
    """Linear classifiers for every reading x learning rate x weight decay, from the same batches at once.

    Each value of a reading is brought to mean 0 and deviation 1 over the training items. The heads start from 0 and
    share no parameter, so each is trained as if alone. Of equally good heads on validation the first is chosen, in the
    order of readings, rates, decays. After DINOv2's linear evaluation (Oquab et al., arXiv 2304.07193), which tries
    layers, poolings and 13 rates in one pass.
    """

    def __init__(
        self,
        readings: Sequence[Reading],
        classes: int,
        grid: tuple[Sequence[float], Sequence[float]],
        steps: int,
        batch: int,
    ) -> None:
        """``grid`` holds the learning rates and the weight decays; ``steps`` updates of ``batch`` items."""
        super().__init__()
        self.readings, self.classes, self.steps, self.batch = tuple(readings), classes, steps, batch
        self.pairs = [(rate, decay) for rate in grid[0] for decay in grid[1]]
        self.chosen = 0
        self.linear: nn.Linear | None = None

    def fit(
        self,
        train: list[Tensor] | Seen,
        train_targets: Sequence[Mapping[str, Tensor]],
        val: list[Tensor] | Seen,
        val_targets: Sequence[Mapping[str, Tensor]],
        seed: int,
    ) -> dict[str, Any]:
        """Train all heads and keep the best on validation; gives it, how many were tried and what each reached."""
        read = [vector_of(train, reading) for reading in self.readings]
        means = [values.mean(0) for values in read]
        deviations = [values.std(0, correction=0).clamp_min(1e-6) for values in read]
        x = _stacked([(v - mean) / of for v, mean, of in zip(read, means, deviations, strict=True)])
        weight, bias = self._train(x, labels_of(train_targets), seed)
        queries = [vector_of(val, reading) for reading in self.readings]
        q = _stacked([(v - mean) / of for v, mean, of in zip(queries, means, deviations, strict=True)])
        reached = _accuracy(q, labels_of(val_targets), weight, bias).flatten()
        best = int(reached.argmax())
        self.chosen, head = divmod(best, len(self.pairs))
        mean, deviation = means[self.chosen], deviations[self.chosen]
        own = weight[self.chosen, : len(mean), head] / deviation[:, None]
        self.linear = nn.Linear(len(mean), self.classes).to(own.device)
        with torch.no_grad():
            self.linear.weight.copy_(own.T)
            self.linear.bias.copy_(bias[self.chosen, 0, head] - mean @ own)
        names = [self._told(reading, *pair) for reading in self.readings for pair in self.pairs]
        told = {name: round(float(value), 6) for name, value in zip(names, reached, strict=True)}
        return {"tried": len(names), "head": names[best], "validated": told}

    def _train(self, x: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Return weights (R, D, H, K) and biases (R, 1, H, K) from features (R, N, D) and classes (N,)."""
        count, width = x.shape[1:]
        rates, decays = (torch.tensor(values, device=x.device) for values in zip(*self.pairs, strict=True))
        shape = (len(self.readings), width + 1, len(self.pairs), self.classes)
        joined = torch.zeros(shape, device=x.device)  # the bias is the weight of a value that is always 1
        x = pad(x, (0, 1), value=1.0)
        optimizer = RowwiseAdamW(joined, rates, decays)
        wanted = one_hot(labels, self.classes).to(x.dtype)
        for step in range(self.steps):
            chosen = torch.from_numpy(batch_indices(count, self.batch, seed, "head", step)).to(x.device)
            seen = x[:, chosen]
            logits = torch.bmm(seen, joined.flatten(2)).unflatten(2, shape[2:])
            slope = (logits.softmax(-1) - wanted[chosen][None, :, None]) / len(chosen)
            gradient = torch.bmm(seen.transpose(1, 2), slope.flatten(2)).view(shape)
            optimizer.step(gradient, warmup_cosine(step / self.steps))
        return joined[:, :-1], joined[:, -1:]

    def _told(self, reading: Reading, rate: float, decay: float) -> str:
        _, name, pool = reading
        return f"{name} {pool}, rate {rate:g}, decay {decay:g}"

    def forward(self, features: Any, targets: Any = None) -> dict[str, Tensor]:
        """Return probabilities ``scores`` (B, K) of the head that validation chose."""
        del targets
        assert self.linear is not None
        return {"scores": self.linear(vector_of(features, self.readings[self.chosen])).softmax(1)}


def vector_of(features: Any, reading: Reading) -> Tensor:
    """Return one vector of each item, (N, D), from a level of its features (N, D, h, w)."""
    level, _, pool = reading
    maps = features[level].float()
    return (adaptive_max_pool2d(maps, 1) if pool == "max" else maps.mean((2, 3), keepdim=True)).flatten(1)


def _stacked(values: Sequence[Tensor]) -> Tensor:
    """Return readings (N, D_r) as one tensor (R, N, D), the narrower ones filled up with zeros, which learn nothing."""
    width = max(each.shape[1] for each in values)
    return torch.stack([pad(each, (0, width - each.shape[1])) for each in values])


def _accuracy(x: Tensor, labels: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the share of items (R, H) that each head gets right."""
    right = torch.zeros(weight.shape[0], weight.shape[2], device=x.device)
    for start in range(0, x.shape[1], QUERIES):
        part = slice(start, start + QUERIES)
        logits = torch.bmm(x[:, part], weight.flatten(2)).unflatten(2, weight.shape[2:]) + bias
        right += (logits.argmax(-1) == labels[part][None, :, None]).sum(1)
    return right / max(x.shape[1], 1)
