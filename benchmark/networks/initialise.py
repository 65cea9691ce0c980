"""The initial weights of a backbone: timm's own, the Gaussian of the Caffe papers, or given ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from inkbench.benchmark import registry
from inkbench.benchmark.api import WeightsInfo
from inkbench.benchmark.given import facts, supervision
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.timm_models import create
from inkbench.benchmark.networks.weights_files import load_weights


def timm_(backbone: Backbone) -> None:
    """Initialise as timm does, drawn from torch's global generator."""
    backbone.model.load_state_dict(create(backbone.name, backbone.settings).state_dict())


def gaussian_(backbone: Backbone, std: float) -> None:
    """Draw weights of convolutions and linear layers from N(0, ``std``), biases 0.

    As in Noroozi's and Krizhevsky's Caffe nets. What else the architecture holds (normalisation layers, embeddings)
    starts as timm starts it.
    """
    timm_(backbone)
    with torch.no_grad():
        for module in backbone.model.modules():
            if isinstance(module, nn.modules.conv._ConvNd | nn.Linear):
                module.weight.normal_(0, std)
                if module.bias is not None:
                    module.bias.zero_()


def load_init(backbone: Backbone, init: Path | str, weights: Path | None) -> WeightsInfo:
    """Load the weights that a pretext task starts from, of a file or a row. Raises UsageError or NotApplicable."""
    backbone.started = True
    if isinstance(init, Path):
        return WeightsInfo(supervision.of_file(init), load_weights(backbone, init), **facts.of_file(init))
    source: Any = registry.load("methods", init)
    given: WeightsInfo = source(source.Config()).set_weights(backbone, weights)
    return given
