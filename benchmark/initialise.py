"""Fresh weights for a backbone: timm's own initialisation, or the Gaussian of the Caffe papers."""

from __future__ import annotations

import torch
from torch import nn

from benchmark.backbones import Backbone


def timm_(backbone: Backbone) -> None:
    """timm's initialisation anew, drawn from torch's global generator."""
    fresh = Backbone(backbone.name, backbone.settings)
    backbone.model.load_state_dict(fresh.model.state_dict())


def gaussian_(backbone: Backbone, std: float) -> None:
    """Weights of convolutions and linear layers N(0, ``std``), biases 0, as in Noroozi's and Krizhevsky's Caffe nets.

    What else the architecture holds (normalisation layers, embeddings) starts as timm starts it.
    """
    timm_(backbone)
    with torch.no_grad():
        for module in backbone.model.modules():
            if isinstance(module, nn.modules.conv._ConvNd | nn.Linear):
                module.weight.normal_(0, std)
                if module.bias is not None:
                    module.bias.zero_()
