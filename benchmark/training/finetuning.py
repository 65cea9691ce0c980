"""How a backbone is fine-tuned: learning rates that fall from layer to layer, and residual branches passed over."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from timm.layers import DropPath
from timm.optim import param_groups_layer_decay
from torch import nn

from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone, skeleton
from inkbench.benchmark.networks.shapes_only import ShapesOnly
from inkbench.benchmark.networks.timm_models import create
from inkbench.benchmark.training.partly import base_name


def backbone_groups(backbone: Backbone, lr: float, layer_decay: float) -> list[dict[str, Any]]:
    """Return the backbone's trained parameters as groups of an optimiser, each with its learning rate.

    With a ``layer_decay`` below 1 the rate of what lies ``k`` layers below the head is ``lr * layer_decay ** k``: k is
    1 of a transformer's last block, and one more than the number of blocks of its patch embedding. Layers are those
    that timm gives the architecture with its classifier, whose place the task's head takes. Weight decay stays that of
    the optimiser. Source: Bao et al., BEiT (arXiv 2106.08254), and its code.
    """
    trained = [(name, one) for name, one in backbone.named_parameters() if one.requires_grad]
    if layer_decay == 1:
        return [{"params": [one for _, one in trained], "lr": lr}]
    scales = layer_scales(backbone.name, backbone.settings, layer_decay)
    groups: dict[float, list[Any]] = {}
    for name, one in trained:
        groups.setdefault(scales.get(base_name(name), 1.0), []).append(one)
    return [{"params": groups[scale], "lr": lr * scale} for scale in sorted(groups)]


@cache
def layer_scales(name: str, settings: BackboneSettings, layer_decay: float) -> Mapping[str, float]:
    """Return the factor of the learning rate of each parameter of an architecture, by its name in ``Backbone``.

    Raises UsageError where timm does not say what its layers are: it would go by the number of parameters.
    """
    model = copy.deepcopy(skeleton(name, settings).model).requires_grad_(True)
    try:
        model.group_matcher()
    except AttributeError:
        raise UsageError(f"timm does not say what the layers of {name} are; leave layer_decay at 1") from None
    model.register_parameter("head_of_a_task", nn.Parameter(torch.empty(1, device="meta")))
    names = {id(one): f"model.{place}" for place, one in model.named_parameters()}
    layers = param_groups_layer_decay(model, weight_decay_exclude_1d=False, layer_decay=layer_decay)
    return {names[id(one)]: layer["lr_scale"] for layer in layers for one in layer["params"]}


def set_drop_path(backbone: Backbone, rate: float) -> None:
    """Let residual branches be passed over in training, for each image on its own: stochastic depth.

    The rate rises from 0 of the first branch to ``rate`` of the last, as timm has it for the architecture. No parameter
    changes. Source: Huang et al., Deep Networks with Stochastic Depth (ECCV 2016).
    """
    if not rate:
        return
    for name, share in drop_rates(backbone.name, backbone.settings, rate).items():
        place, _, leaf = name.rpartition(".")
        setattr(backbone.model.get_submodule(place), leaf, DropPath(share))


@cache
def drop_rates(name: str, settings: BackboneSettings, rate: float) -> Mapping[str, float]:
    """Return the rate of each residual branch of an architecture by its place. Raises UsageError where it has none."""
    refusal = UsageError(f"{name} has no residual branches that timm passes over in training; leave drop_path at 0")
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"), ShapesOnly():
            model = create(name, settings, drop_path_rate=rate)
    except UsageError:
        raise refusal from None
    found = {place: module.drop_prob for place, module in model.named_modules() if isinstance(module, DropPath)}
    if not found:
        raise refusal
    return found
