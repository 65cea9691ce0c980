"""AdamW with warm-up and a cosine: what most pretext tasks here are trained by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import nn

from inkbench.benchmark.api import Method
from inkbench.benchmark.config import Config, setting
from inkbench.benchmark.training.schedules import warmup_cosine


class AdamWConfig(Config):
    """Settings of the optimiser."""

    lr: float = setting(1e-3, "learning rate (AdamW)", gt=0)
    weight_decay: float = setting(1e-2, "decoupled weight decay", ge=0)
    warmup: float = setting(0.05, "share of the budget in which the learning rate rises, before its cosine", ge=0, lt=1)


def weight_groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Split parameters into two groups: matrices and kernels, which decay, and those of one dimension or none.

    The latter are biases and the scales and offsets of norms. A group without any parameter is left out.
    """
    every = list(parameters)
    groups = [
        {"params": [one for one in every if one.ndim > 1], "weight_decay": weight_decay},
        {"params": [one for one in every if one.ndim <= 1], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


AdamWConfigT = TypeVar("AdamWConfigT", bound=AdamWConfig)


class AdamWMethod(Method[AdamWConfigT]):
    """A method whose networks are all trained by AdamW under one cosine."""

    def optimizer(self, network: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return AdamW over all parameters."""
        return torch.optim.AdamW(parameters, lr=self.config.lr, weight_decay=self.config.weight_decay, fused=True)

    def rate(self, progress: float) -> float:
        """Return the factor of a linear rise, then half a cosine down to 0."""
        return warmup_cosine(progress, self.config.warmup)
