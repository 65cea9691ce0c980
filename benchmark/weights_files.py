"""A backbone's weights: read from a file without running anything, and written as bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save

from benchmark.checkpoint_file import read_checkpoint, tensors
from benchmark.checkpoint_reading import read_backbone
from benchmark.errors import Refusal

if TYPE_CHECKING:
    from benchmark.backbones import Backbone


def load_weights(backbone: Backbone, path: Path) -> str:
    """Fill ``backbone`` from a file of any of the codes in ``checkpoint_names``; gives what is to be told of it.

    Every tensor of the backbone must be there with its shape, in float32 after reading; heads, other networks and
    what wraps the backbone are passed over, and told. Raises Refusal.
    """
    flat = tensors(read_checkpoint(path))
    if not flat:
        raise Refusal(f"{path} holds no state dictionary of tensors")
    reading = read_backbone(flat, backbone.model)
    if isinstance(reading, str):
        raise Refusal(f"{path} does not fit {backbone.name}: {reading}")
    state = {name: value.float() if value.is_floating_point() else value for name, value in reading.state.items()}
    for name, value in state.items():
        if not torch.isfinite(value).all():
            raise Refusal(f"{path}: {name} holds NaN or infinity")
    backbone.model.load_state_dict(state, strict=False)
    return f"{path.name}: {'; '.join(reading.told)}" if reading.told else ""


def weights_bytes(backbone: Backbone) -> bytes:
    """The backbone's weights as safetensors: the same weights give the same bytes."""
    state = {key: value.detach().cpu().contiguous() for key, value in backbone.model.state_dict().items()}
    return save(state)
