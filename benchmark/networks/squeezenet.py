"""SqueezeNet (Iandola et al., 2016), which timm lacks: torchvision's network among timm's models, with feature maps."""

from __future__ import annotations

from typing import Any

import torch
from timm.models import register_model
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

STAGES = {
    "1_0": ((1, 96, 2), (5, 256, 4), (10, 512, 8), (12, 512, 16)),
    "1_1": ((1, 64, 2), (4, 128, 4), (7, 256, 8), (12, 512, 16)),
}
"""Of each version the places in ``features`` whose maps are read: place, channels, stride."""
SIDE = 224


class SqueezeNet(nn.Module):
    """torchvision's ``features`` as a network of timm's; its files load under their own names.

    Its first convolution has no padding, so that only sides of 16 k + 1 px give maps that its strides tile. Images are
    continued by their last row and column up to the next such side; a map then covers the whole image.
    """

    def __init__(self, features: nn.Module, stages: tuple[tuple[int, int, int], ...]) -> None:
        super().__init__()
        self.features = features
        self.places = [place for place, _, _ in stages]
        self.feature_info = [
            {"num_chs": channels, "reduction": stride, "module": f"features.{place}"}
            for place, channels, stride in stages
        ]
        self.num_features = stages[-1][1]
        self.pretrained_cfg: dict[str, Any] = {
            "input_size": (3, SIDE, SIDE),
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
            "interpolation": "bilinear",
            "first_conv": "features.0",
            "classifier": "classifier",
        }

    def forward_intermediates(self, images: Tensor, indices: list[int], **_: Any) -> list[Tensor]:
        """Return the maps of these stages, (B, channels, H / stride, W / stride), of images (B, 3, H, W)."""
        height, width = images.shape[-2:]
        maps = functional.pad(images, (0, (1 - width) % 16, 0, (1 - height) % 16), mode="replicate")
        found = {}
        for place, layer in enumerate(self.features.children()):
            maps = layer(maps)
            if place in self.places:
                found[self.places.index(place)] = maps
        return [found[index] for index in indices]

    def forward_features(self, images: Tensor) -> Tensor:
        """Return the last maps."""
        return self.forward_intermediates(images, [len(self.places) - 1])[0]

    def forward(self, images: Tensor) -> Tensor:
        """Return the mean of the last maps, (B, 512)."""
        pooled: Tensor = torch.mean(self.forward_features(images), (2, 3))
        return pooled


def _made(version: str, make: Any, told: dict[str, Any]) -> SqueezeNet:
    if told.get("pretrained"):
        raise RuntimeError("timm publishes no weights of SqueezeNet")
    if told.get("pad_type"):
        raise TypeError("SqueezeNet has one padding")
    return SqueezeNet(make(weights=None).features, STAGES[version])


@register_model
def squeezenet1_0(pretrained: bool = False, **told: Any) -> SqueezeNet:
    """Make SqueezeNet 1.0 with torchvision's initialisation."""
    return _made("1_0", models.squeezenet1_0, {**told, "pretrained": pretrained})


@register_model
def squeezenet1_1(pretrained: bool = False, **told: Any) -> SqueezeNet:
    """Make SqueezeNet 1.1 with torchvision's initialisation."""
    return _made("1_1", models.squeezenet1_1, {**told, "pretrained": pretrained})
