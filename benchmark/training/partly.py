"""Backbones that are trained in part: their first stages frozen, or low-rank updates of every weight learnt."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from inkbench.benchmark.config import BackboneSettings, TaskConfig
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone, skeleton
from inkbench.benchmark.networks.shapes_only import ShapesOnly

PARTIAL, LORA = "partial@1", "lora@1"
"""Protocols of the family ``finetune`` in which a part of the backbone is trained."""
ALPHA = 2.0
"""What a low-rank update is multiplied by: alpha / r of the paper, with alpha twice r."""


class LowRank(nn.Module):
    """A weight W as W + ALPHA * B A with A (r, in) and B (out, r), B from 0: Hu et al., LoRA (arXiv 2106.09685).

    A convolution's weight is taken as a matrix (out, in * height * width).
    """

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        rows, columns = weight.shape[0], weight[0].numel()
        rank = min(rank, rows, columns)
        self.a = nn.Parameter(weight.new_empty(rank, columns))
        self.b = nn.Parameter(weight.new_zeros(rows, rank))
        nn.init.kaiming_uniform_(self.a, a=5**0.5)

    def forward(self, weight: Tensor) -> Tensor:
        """Return the updated weight, of the shape of ``weight``."""
        updated: Tensor = weight + ALPHA * (self.b @ self.a).view_as(weight)
        return updated


def limit(backbone: Backbone, protocol: str, config: TaskConfig) -> list[nn.Module]:
    """Set what of a backbone is trained under a protocol; gives the modules that stay as in evaluation.

    A(s) of ``lora@1`` are drawn from torch's global generator. Raises UsageError where nothing is left to train.
    """
    if protocol == PARTIAL:
        return _freeze_stages(backbone, config.frozen_stages)
    if protocol == LORA:
        return _adapt(backbone, config.lora_rank)
    return []


def require_some(name: str, settings: BackboneSettings, protocol: str, config: TaskConfig) -> None:
    """Raise UsageError where a protocol leaves nothing of a backbone to train."""
    bones = skeleton(name, settings)
    if protocol == PARTIAL:
        used = {place for place, _ in bones.model.named_parameters()} - set(bones.frozen["maps"])
        _require(bool(used - below(name, settings, config.frozen_stages)), bones, config.frozen_stages)
    if protocol == LORA and not any(map(_takes_updates, bones.model.modules())):
        raise UsageError(f"{name} has no linear layer or convolution for low-rank updates")


def merge(backbone: Backbone) -> None:
    """Put low-rank updates into the weights that they update: the backbone has its own names again."""
    for module in list(backbone.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)


def base_name(name: str) -> str:
    """Return the name of the weight that a parameter is part of, low-rank or not."""
    return name.replace(".parametrizations.weight.0.a", ".weight").replace(".parametrizations.weight.0.b", ".weight")


def _freeze_stages(backbone: Backbone, stages: int) -> list[nn.Module]:
    frozen = below(backbone.name, backbone.settings, stages)
    for name, parameter in backbone.model.named_parameters():
        parameter.requires_grad_(parameter.requires_grad and name not in frozen)
    _require(any(parameter.requires_grad for parameter in backbone.parameters()), backbone, stages)
    return list(_without_training(backbone))


def _require(some: bool, backbone: Backbone, stages: int) -> None:
    if not some:
        raise UsageError(
            f"frozen_stages={stages} leaves nothing of {backbone.name} to train; it has {len(backbone.channels)} stages"
        )


def _takes_updates(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)


def _adapt(backbone: Backbone, rank: int) -> list[nn.Module]:
    modules = filter(_takes_updates, backbone.model.modules())
    wanted = [module for module in modules if module.get_parameter("weight").requires_grad]
    backbone.requires_grad_(False)
    for module in wanted:
        parametrize.register_parametrization(module, "weight", LowRank(module.get_parameter("weight"), rank))
    return list(_without_training(backbone))


def _without_training(backbone: Backbone) -> Iterator[nn.Module]:
    """Yield the modules that hold parameters of their own and train none: batch norms keep their statistics."""
    for module in backbone.modules():
        own = list(module.parameters(recurse=False))
        adapted = parametrize.is_parametrized(module)
        if own and not adapted and not any(parameter.requires_grad for parameter in own):
            yield module


@functools.cache
def below(name: str, settings: BackboneSettings, stages: int) -> frozenset[str]:
    """Return the names of the parameters that the maps of the first ``stages`` stages depend on."""
    bones = skeleton(name, settings)
    chosen = bones.indices[:stages]
    if not chosen:
        return frozenset()
    model = bones.model
    asked = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    with torch.enable_grad(), torch.device("meta"), ShapesOnly():
        for parameter, _ in asked:
            parameter.requires_grad_(True)
        images = torch.zeros(2, 3, bones.native_side, bones.native_side, device="meta")
        maps = model.forward_intermediates(images, indices=chosen, intermediates_only=True, norm=False)
        torch.stack([one.float().sum() for one in maps]).sum().backward()
        found = frozenset(place for place, parameter in model.named_parameters() if parameter.grad is not None)
        model.zero_grad(set_to_none=True)
        for parameter, trained in asked:
            parameter.requires_grad_(trained)
    return found
