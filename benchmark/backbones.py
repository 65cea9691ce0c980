"""timm encoders: images in, feature maps out; strides, input normalisation."""

from __future__ import annotations

from typing import Any

import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from benchmark.config import BackboneSettings
from benchmark.errors import CellError, Refusal, did_you_mean

DEFAULTS = {
    "any": {"smoke": "test_resnet", "quick": "test_resnet", "standard": "resnet18", "paper": "resnet50"},
    "vit": {
        "smoke": "test_vit",
        "quick": "test_vit",
        "standard": "vit_small_patch16_224",
        "paper": "vit_base_patch16_224",
    },
}
"""The backbone of a preset for methods that take any, or a vision transformer only; each has weights on timm's hub."""


class Backbone(nn.Module):
    """An encoder of timm with its feature maps.

    ``channels`` and ``strides`` describe the maps, fine to coarse. Parameters that no map depends on (a
    classifier's last convolution) are frozen from the start, so that every trained parameter has a gradient.
    """

    model: Any

    def __init__(self, name: str, settings: BackboneSettings | None = None) -> None:
        """Build ``name`` with timm's initialisation from torch's global generator. Raises Refusal."""
        super().__init__()
        settings = settings or BackboneSettings()
        known = timm.list_models()
        if name.split(".")[0] not in known:
            raise Refusal(f"no backbone '{name}' in timm {timm.__version__}{did_you_mean(name, known)}")
        self.name, self.settings = name, settings
        self.model = create(name, settings)
        config = self.model.pretrained_cfg
        self.mean = settings.mean or tuple(config["mean"])
        self.std = settings.std or tuple(config["std"])
        if not hasattr(self.model, "forward_intermediates"):
            raise Refusal(
                f"backbone '{name}' gives no feature maps; try resnet18, mobilenetv2_100 or vit_tiny_patch16_224"
            )
        info = list(getattr(self.model.feature_info, "info", self.model.feature_info))
        chosen = _spread(len(info), 5)
        self.indices = chosen
        self.channels = [info[index]["num_chs"] for index in chosen]
        self.strides = [info[index]["reduction"] for index in chosen]
        self._freeze_unused()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps (B, channels[i], H / strides[i], W / strides[i]) of normalised images (B, 3, H, W).

        Raises CellError where a transformer's patches do not fit the images.
        """
        if self.is_transformer() and (images.shape[-2] % self.strides[-1] or images.shape[-1] % self.strides[-1]):
            raise CellError(
                f"{self.name} takes images whose sides are multiples of its {self.strides[-1]} px patches, not "
                f"{images.shape[-2]} x {images.shape[-1]}; set the side of the method or task to such a multiple"
            )
        return self.model.forward_intermediates(images, indices=self.indices, intermediates_only=True, norm=False)

    def normalize(self, images: Tensor) -> Tensor:
        """Images uint8 or float in [0, 1], (B, 3, H, W), as these weights expect their input."""
        if images.dtype == torch.uint8:
            images = images.float() / 255
        mean = torch.tensor(self.mean, device=images.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, 3, 1, 1)
        return (images - mean) / std

    def pooled(self, images: Tensor) -> Tensor:
        """The coarsest map, averaged over space: (B, channels[-1])."""
        return self(images)[-1].mean((2, 3))

    def is_transformer(self) -> bool:
        """Whether this is a plain vision transformer: tokens of equal patches, one width."""
        return isinstance(self.model, VisionTransformer)

    def has_batch_norm(self) -> bool:
        """Whether any layer keeps running statistics."""
        return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in self.modules())

    def has_depthwise(self) -> bool:
        """Whether any convolution is depthwise (slow in bf16 on a CPU)."""
        return any(isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1 for m in self.modules())

    def _freeze_unused(self) -> None:
        was = self.training
        self.eval()
        stride = max(self.strides)
        sum(f.float().sum() for f in self(torch.zeros(1, 3, 2 * stride, 2 * stride))).backward()
        for parameter in self.model.parameters():
            parameter.requires_grad_(parameter.grad is not None)
            parameter.grad = None
        self.train(was)


def create(name: str, settings: BackboneSettings, **loading: Any) -> nn.Module:
    """timm's model at any input size, without classifier; ``loading`` is how it comes by its weights.

    Vision transformers interpolate their position embedding. Raises Refusal for a setting it does not take.
    """
    kwargs: dict[str, Any] = {} if settings.pad_type is None else {"pad_type": settings.pad_type}
    loading = loading or {"pretrained": False}
    try:
        return timm.create_model(name, num_classes=0, dynamic_img_size=True, **kwargs, **loading)
    except TypeError:
        pass
    try:
        return timm.create_model(name, num_classes=0, **kwargs, **loading)
    except TypeError as error:
        raise Refusal(f"backbone '{name}' does not take {kwargs}: {error}") from None


def _spread(total: int, most: int) -> list[int]:
    """At most ``most`` of ``total`` stages, the last among them, evenly spread."""
    if total <= most:
        return list(range(total))
    return sorted({round((k + 1) * total / most) - 1 for k in range(most)})
