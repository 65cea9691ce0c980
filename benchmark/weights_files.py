"""A backbone's weights: read from a file without running anything, and written as bytes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from benchmark.errors import Refusal

if TYPE_CHECKING:
    from benchmark.backbones import Backbone


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
