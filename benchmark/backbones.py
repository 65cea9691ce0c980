"""timm encoders: images in, feature maps out; strides, input normalisation, weights in and out."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from timm.models.beit import Beit
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from timm.models.vision_transformer_relpos import VisionTransformerRelPos
from torch import Tensor, nn

from benchmark.config import BackboneSettings
from benchmark.errors import CellError, Refusal, did_you_mean
from benchmark.tokens import has_tokens, read, readout_of

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

    ``channels`` and ``strides`` describe the maps, fine to coarse, ``width`` is that of the vector. Parameters that no
    map depends on (a classifier's last convolution) are frozen from the start, so that every trained parameter has a
    gradient; what reads the vector instead of the maps says so (``train_for``). ``started`` tells whether it holds
    weights that were given to it, and not those of its making.
    """

    model: Any
    started: bool = False

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
        self.has_tokens = has_tokens(self.model)
        self.readout = readout_of(self.model, settings.readout)
        self._frozen: dict[str, list[str]] = {}
        self.width = self.channels[-1]
        self._freeze_unused()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps (B, channels[i], H / strides[i], W / strides[i]) of normalised images (B, 3, H, W).

        Those of a vision transformer have passed its final norm, as DINOv2 reads its layers (a model whose norm stands
        behind its pooling has none for them). Raises CellError where a transformer's patches do not fit the images.
        """
        self._check_sides(images)
        return self.model.forward_intermediates(
            images, indices=self.indices, intermediates_only=True, norm=self.has_tokens
        )

    def _check_sides(self, images: Tensor) -> None:
        if self.is_transformer() and (images.shape[-2] % self.strides[-1] or images.shape[-1] % self.strides[-1]):
            raise CellError(
                f"{self.name} takes images whose sides are multiples of its {self.strides[-1]} px patches, not "
                f"{images.shape[-2]} x {images.shape[-1]}; set the side of the method or task to such a multiple"
            )

    def normalize(self, images: Tensor) -> Tensor:
        """Images uint8 or float in [0, 1], (B, 3, H, W), as these weights expect their input."""
        if images.dtype == torch.uint8:
            images = images.float() / 255
        mean = torch.tensor(self.mean, device=images.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, 3, 1, 1)
        return (images - mean) / std

    def denormalize(self, images: Tensor) -> Tensor:
        """The inverse of ``normalize``: pixels in [0, 1] of what these weights take, (B, 3, H, W)."""
        mean = torch.tensor(self.mean, device=images.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, 3, 1, 1)
        return images * std + mean

    def pooled(self, images: Tensor) -> Tensor:
        """One vector (B, width) of each normalised image (B, 3, H, W).

        A vision transformer's tokens after its final norm, read as ``readout`` says; of any other network the coarsest
        map, averaged over space. Raises CellError as ``forward`` does.
        """
        if not self.has_tokens:
            return self(images)[-1].mean((2, 3))
        self._check_sides(images)
        return read(self.model, self.model.forward_features(images), self.readout)

    def train_for(self, what: Literal["maps", "vector"]) -> None:
        """Freeze the parameters that ``what`` does not depend on, and train all others."""
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name not in self._frozen[what])

    def is_transformer(self) -> bool:
        """Whether this is a plain vision transformer: tokens of equal patches, one width."""
        return isinstance(self.model, VisionTransformer | Eva | Beit | VisionTransformerRelPos)

    def has_batch_norm(self) -> bool:
        """Whether any layer keeps running statistics."""
        return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in self.modules())

    def has_depthwise(self) -> bool:
        """Whether any convolution is depthwise (slow in bf16 on a CPU)."""
        return any(isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1 for m in self.modules())

    def _freeze_unused(self) -> None:
        was = self.training
        self.eval()
        images = self._blank()
        self._frozen["maps"] = self._without_gradient(self(images))
        if self.has_tokens:
            vector = self.pooled(images)
            self.width = vector.shape[1]
            self._frozen["vector"] = self._without_gradient([vector])
        else:
            self._frozen["vector"] = self._frozen["maps"]
        self.train_for("maps")
        self.train(was)

    def _blank(self) -> Tensor:
        """The smallest image that this network takes, (1, 3, S, S)."""
        side = 2 * max(self.strides)
        config = self.model.pretrained_cfg
        if self.has_tokens and config["fixed_input_size"] and not getattr(self.model, "dynamic_img_size", False):
            side = max(side, *config["input_size"][1:])
        return torch.zeros(1, 3, side, side)

    def _without_gradient(self, outputs: list[Tensor]) -> list[str]:
        """The names of the parameters that none of ``outputs`` depends on."""
        sum(output.float().sum() for output in outputs).backward()
        names = [name for name, parameter in self.model.named_parameters() if parameter.grad is None]
        self.model.zero_grad(set_to_none=True)
        return names


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


def read_weights(path: Path) -> dict[str, Tensor]:
    """A state dictionary from safetensors or a weights-only pickle, in float32. Unpickles no code. Raises Refusal."""
    if not path.is_file():
        raise Refusal(f"no weights file {path}")
    try:
        if path.suffix == ".safetensors":
            state: Any = load_file(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        why = str(error).split("\n")[0] or type(error).__name__
        raise Refusal(f"{path} is not a readable weights file: {why}") from None
    except Exception as error:  # pickle.UnpicklingError and what a hostile pickle provokes
        raise Refusal(
            f"{path} was not loaded: it holds more than tensors ({type(error).__name__}); save it as safetensors"
        ) from None
    for wrapper in ("state_dict", "model", "teacher"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise Refusal(f"{path} holds no state dictionary of tensors")
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def load_weights(backbone: Backbone, path: Path) -> None:
    """Fill ``backbone`` from a file; a classifier's own layers may be left over, nothing else. Raises Refusal."""
    state = read_weights(path)
    own = backbone.model.state_dict()
    for key, value in state.items():
        if not torch.isfinite(value.float()).all():
            raise Refusal(f"{path}: {key} holds NaN or infinity")
        if key in own and own[key].shape != value.shape:
            raise Refusal(
                f"{path} does not fit {backbone.name}: {key} is {tuple(value.shape)}, not {tuple(own[key].shape)}"
            )
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    extra = [key for key in state if key not in own and not _is_classifier(backbone, key)]
    if missing or extra:
        what = f"lacks {missing[0]}" if missing else f"has {extra[0]}, which {backbone.name} has not"
        raise Refusal(
            f"{path} does not fit {backbone.name}: it {what} ({len(missing)} missing, {len(extra)} left over)"
        )
    backbone.model.load_state_dict({key: value for key, value in state.items() if key in own}, strict=False)


def _is_classifier(backbone: Backbone, key: str) -> bool:
    heads = backbone.model.pretrained_cfg.get("classifier") or ()
    return any(key.startswith(head + ".") for head in ([heads] if isinstance(heads, str) else heads))


def weights_bytes(backbone: Backbone) -> bytes:
    """The backbone's weights as safetensors: the same weights give the same bytes."""
    state = {key: value.detach().cpu().contiguous() for key, value in backbone.model.state_dict().items()}
    return save(state)
