"""LARS: SGD with momentum whose step is in proportion to the norm of what it moves (You, Gitman & Ginsburg 2017)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

MOMENTUM = 0.9
TRUST = 1e-3
"""eta: the length of a step at a learning rate of 1, as a share of the parameter's."""


class Lars(torch.optim.Optimizer):
    """As SimCLR uses it: g <- g + wd w, v <- m v + lr (eta |w| / |g|) g, w <- w - v.

    Groups with ``adapts`` false (biases, norms) are moved by plain SGD with momentum: their factor is 1, as it is where
    either norm is 0. The learning rate is within the momentum, so that its schedule acts at once on new gradients only.
    """

    def __init__(self, params: Iterable[Any], lr: float, weight_decay: float = 0.0, momentum: float = MOMENTUM) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "adapts": True}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient once."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)
        return loss

    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        gradient = gradient.add(parameter, alpha=group["weight_decay"])
        if group["adapts"]:
            gradient = gradient * _trust(parameter.norm(), gradient.norm())
        state = self.state[parameter]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(parameter)
        velocity = state["velocity"].mul_(group["momentum"]).add_(gradient * group["lr"])
        parameter.sub_(velocity)


def _trust(weight: Tensor, gradient: Tensor) -> Tensor:
    known = (weight > 0) & (gradient > 0)
    return torch.where(known, TRUST * weight / gradient.clamp_min(torch.finfo(gradient.dtype).tiny), 1.0)
