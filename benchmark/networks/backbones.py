"""timm encoders: images in, feature maps out; strides, input normalisation."""

from __future__ import annotations

import functools
import math
from typing import Any, Literal

import timm
import torch
from timm.models.beit import Beit
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from timm.models.vision_transformer_relpos import VisionTransformerRelPos
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import RunError, UsageError, did_you_mean
from inkbench.benchmark.networks.shapes_only import ShapesOnly
from inkbench.benchmark.networks.timm_models import create, require_tag, said, spread
from inkbench.benchmark.networks.tokens import has_tokens, readout_of, require_blocks, vector_of

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
    """An encoder of timm with its feature maps, and one vector of the whole image.

    ``channels`` and ``strides`` describe the maps, fine to coarse, ``maps`` says how large they are, ``width`` is that
    of the vector. Parameters that no map depends on (a classifier's last convolution) are frozen from the start, so
    that every trained parameter has a gradient; what reads the vector instead of the maps says so (``train_for``).
    ``projection`` is what the vector goes through last where a method hands over more than timm's model (``project``).
    ``started`` tells whether it holds weights that were given to it, and not those of its making. On torch's meta
    device it is a ``skeleton``: it says what it takes and gives, and computes nothing.
    """

    model: Any
    started: bool = False

    def __init__(self, name: str, settings: BackboneSettings | None = None) -> None:
        """Build ``name`` with timm's initialisation from torch's global generator. Raises UsageError."""
        super().__init__()
        settings = settings or BackboneSettings()
        known = timm.list_models()
        if name.split(".")[0] not in known:
            raise UsageError(f"no backbone '{name}' in timm {timm.__version__}{did_you_mean(name, known)}")
        require_tag(name)
        self.name, self.settings = name, settings
        self.projection: nn.Module | None = None
        self.model = create(name, settings)
        config = self.model.pretrained_cfg
        self.mean = settings.mean or tuple(config["mean"])
        self.std = settings.std or tuple(config["std"])
        if not hasattr(self.model, "forward_intermediates"):
            raise UsageError(
                f"backbone '{name}' has no feature maps; try resnet18, mobilenetv2_100 or vit_tiny_patch16_224"
            )
        info = list(getattr(self.model.feature_info, "info", self.model.feature_info))
        chosen = spread(len(info), 5)
        self.indices = chosen
        self.channels = [info[index]["num_chs"] for index in chosen]
        self.strides = [info[index]["reduction"] for index in chosen]
        self.native_side = int(config["input_size"][-1])
        self.has_tokens = has_tokens(self.model)
        self.readout = readout_of(self.model, settings.readout)
        require_blocks(self.model, self.readout, settings.last_blocks)
        self.width = self.channels[-1]
        self.frozen: dict[str, list[str]] = {}
        if self.is_skeleton():
            self._look_for_unused()
        else:
            bones = skeleton(name, settings)
            self.width, self.frozen = bones.width, bones.frozen
        self.train_for("maps")

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return maps (B, channels[i], h, w), h and w as ``maps`` gives them, of normalised images (B, 3, H, W).

        Those of a vision transformer have passed its final norm, as DINOv2 reads its layers (a model whose norm stands
        behind its pooling has none for them). Raises RunError for images of a side that the encoder does not take.
        """
        sizes = self._checked(images)
        if self.is_skeleton():
            return [
                images.new_empty((len(images), *shape))
                for shape in zip(self.channels, *zip(*sizes, strict=True), strict=True)
            ]
        return self.through(images)

    def through(self, images: Tensor) -> list[Tensor]:
        """Return the output of timm's model itself, whatever the side; raises timm's own errors for bad images."""
        maps: list[Tensor] = self.model.forward_intermediates(
            self._whole_patches(images), indices=self.indices, intermediates_only=True, norm=self.has_tokens
        )
        return maps

    def _checked(self, images: Tensor) -> tuple[tuple[int, int], ...]:
        try:
            return self.maps(*images.shape[-2:])
        except UsageError as reason:
            raise RunError(str(reason)) from None

    def maps(self, height: int, width: int | None = None) -> tuple[tuple[int, int], ...]:
        """Return height and width of each map, fine to coarse, of images of this size in pixels; square for one number.

        Asked of the architecture on the meta device, once for each size. Raises UsageError for a size that the encoder
        does not take, or of which its maps are not what its strides say.
        """
        found = map_sizes(self.name, self._shaping(), height, width or height)
        if isinstance(found, str):
            raise UsageError(found)
        return found

    def operations(self, side: int) -> int:
        """Return the floating-point operations of a forward pass of one square. Raises UsageError as ``maps`` does."""
        self.maps(side)
        return _operations(self.name, self._shaping(), side)

    def takes(self, side: int) -> bool:
        """Return whether it takes squares of this side."""
        return not isinstance(map_sizes(self.name, self._shaping(), side, side), str)

    def _shaping(self) -> BackboneSettings:
        """Return the settings that maps and operations depend on: not how pixels are scaled or tokens are read."""
        return BackboneSettings(pad_type=self.settings.pad_type)

    def is_skeleton(self) -> bool:
        """Return whether this is an architecture without weights, on the meta device."""
        on_meta: bool = next(self.model.parameters()).is_meta
        return on_meta

    def normalize(self, images: Tensor) -> Tensor:
        """Normalise images uint8 or float in [0, 1], (B, 3, H, W), as these weights expect their input."""
        if images.dtype == torch.uint8:
            images = images.float() / 255
        mean = torch.tensor(self.mean, device=images.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, 3, 1, 1)
        return (images - mean) / std

    def denormalize(self, images: Tensor) -> Tensor:
        """Invert ``normalize``: return pixels in [0, 1] of what these weights take, (B, 3, H, W)."""
        mean = torch.tensor(self.mean, device=images.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, 3, 1, 1)
        return images * std + mean

    def pooled(self, images: Tensor) -> Tensor:
        """Return one vector (B, width) of each normalised image (B, 3, H, W).

        A transformer's tokens after its final norm, read as ``readout`` and ``last_blocks`` say; else the coarsest
        map, averaged over space. Raises RunError as ``forward`` does.
        """
        vector = self._vector(images)
        return vector if self.projection is None else self.projection(vector)

    def _vector(self, images: Tensor) -> Tensor:
        if not self.has_tokens:
            mean: Tensor = self(images)[-1].mean((2, 3))
            return mean
        self._checked(images)
        if self.is_skeleton():
            return images.new_empty((len(images), self.width))
        return vector_of(self.model, self._whole_patches(images), self.readout, self.settings.last_blocks)

    def _whole_patches(self, images: Tensor) -> Tensor:
        """Enlarge images (B, 3, H, W) until a transformer's patches cover them, by less than one patch.

        A map then covers the whole image and nothing else, so that heads need not know of it; positions are
        interpolated as for any other size.
        """
        size = tuple(-(-side // self.strides[-1]) * self.strides[-1] for side in images.shape[-2:])
        if not self.has_tokens or size == tuple(images.shape[-2:]):
            return images
        return functional.interpolate(images, size, mode="bilinear", align_corners=False)

    def project(self, width: int) -> None:
        """Put a projector's hidden layer behind the vector, which is ``width`` values long from here on.

        The maps stay as they are. Its weights are drawn from torch's global generator.
        """
        self.projection = projection(self.width, width)
        self.width = width

    def train_for(self, what: Literal["maps", "vector"]) -> None:
        """Freeze the parameters that ``what`` does not depend on, and train all others."""
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name not in self.frozen[what])
        if self.projection is not None:
            self.projection.requires_grad_(what == "vector")

    def is_transformer(self) -> bool:
        """Return whether this is a plain vision transformer: tokens of equal patches, one width."""
        return isinstance(self.model, VisionTransformer | Eva | Beit | VisionTransformerRelPos)

    def has_batch_norm(self) -> bool:
        """Return whether any layer keeps running statistics."""
        return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in self.modules())

    def has_depthwise(self) -> bool:
        """Return whether any convolution is depthwise (slow in bf16 on a CPU)."""
        return any(isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1 for m in self.modules())

    def _look_for_unused(self) -> None:
        """Find the parameters that maps and vector do without, and the width of the vector. Raises UsageError."""
        self.eval()
        images = torch.zeros(1, 3, self.native_side, self.native_side, device="meta")
        shaping = self._shaping()
        try:
            if self.settings == shaping:
                self.frozen["maps"] = self._without_gradient(self.through(images))
            else:  # its maps are those of the plain one, which others ask for too
                self.frozen["maps"] = skeleton(self.name, shaping).frozen["maps"]
            self.frozen["vector"] = self.frozen["maps"]
            if self.has_tokens:
                vector = vector_of(self.model, images, self.readout, self.settings.last_blocks)
                self.width = vector.shape[1]
                self.frozen["vector"] = self._without_gradient([vector])
        except Exception as error:  # each of timm's architectures has its own
            raise UsageError(f"backbone '{self.name}' has no feature maps: {said(error)}") from None
        self.train()

    def _without_gradient(self, outputs: list[Tensor]) -> list[str]:
        """Return the names of the parameters that none of ``outputs`` depends on."""
        torch.stack([output.float().sum() for output in outputs]).sum().backward()
        names = [name for name, parameter in self.model.named_parameters() if parameter.grad is None]
        self.model.zero_grad(set_to_none=True)
        return names


def projection(width: int, hidden: int) -> nn.Sequential:
    """Build a projector's hidden layer (Chen et al. 2020, section 2.1): (N, width) to (N, hidden), not negative."""
    return nn.Sequential(nn.Linear(width, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU())


@functools.cache
def skeleton(name: str, settings: BackboneSettings) -> Backbone:
    """Return the architecture on torch's meta device, without weights, to ask and build heads on. Raises UsageError.

    It is shared: nobody changes it. torch's global generator is left as it was.
    """
    with (
        torch.inference_mode(False),
        torch.enable_grad(),  # what is unused is found by gradients, and the first to ask may train nothing
        torch.random.fork_rng(devices=[]),
        torch.device("meta"),
        ShapesOnly(),
    ):
        return Backbone(name, settings)


@functools.cache
def map_sizes(name: str, settings: BackboneSettings, height: int, width: int) -> tuple[tuple[int, int], ...] | str:
    """Return ``Backbone.maps``, or why there are none."""
    bones = skeleton(name, settings)
    sizes, why = _measured(bones, height, width)
    if not why:
        return sizes
    stride = max(bones.strides)
    near = [side for side in (height // stride * stride, -(-height // stride) * stride, bones.native_side) if side]
    taken = [side for side in dict.fromkeys(near) if not _measured(bones, side, side)[1]]
    mend = f"it takes {', '.join(map(str, taken))}: set the side of the method or task" if taken else "choose another"
    size = f"{height}" if height == width else f"{height} x {width}"
    return f"{name} does not accept images of {size} px ({why}); {mend}"


def _measured(bones: Backbone, height: int, width: int) -> tuple[tuple[tuple[int, int], ...], str]:
    """Return the sizes of the maps of such images, and what is wrong with them or with the images."""
    bones.eval()
    try:
        with torch.no_grad(), ShapesOnly():
            maps = bones.through(torch.zeros(2, 3, height, width, device="meta"))
    except Exception as error:  # each of timm's architectures has its own
        return (), said(error)
    sizes = tuple((int(one.shape[-2]), int(one.shape[-1])) for one in maps)
    for stride, (high, wide) in zip(bones.strides, sizes, strict=True):
        for side, size in ((height, high), (width, wide)):
            if not math.floor(side / stride) <= size <= math.ceil(side / stride):
                return (), f"a map of {size} px, not the {math.ceil(side / stride)} px of its stride {stride}"
    return sizes, ""


@functools.cache
def _operations(name: str, settings: BackboneSettings, side: int) -> int:
    with torch.no_grad(), ShapesOnly(), FlopCounterMode(display=False) as counter:
        skeleton(name, settings).eval().through(torch.zeros(1, 3, side, side, device="meta"))
    return int(counter.get_total_flops())
