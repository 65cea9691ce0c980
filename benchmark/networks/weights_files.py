"""A backbone's weights: read from a file without running anything, and written as bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load, save

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.checkpoint_file import read_checkpoint, tensors
from inkbench.benchmark.networks.checkpoint_reading import read_backbone

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone


PROJECTION = "projection."


def load_weights(backbone: Backbone, path: Path) -> str:
    """Fill ``backbone`` from a file of any of the codes in ``checkpoint_names``; gives what is to be told of it.

    Every tensor of the backbone must be there with its shape, in float32 after reading; heads, other networks and
    what wraps the backbone are passed over, and told. Raises UsageError.
    """
    flat = {name: of for name, of in tensors(read_checkpoint(path)).items() if not name.startswith(PROJECTION)}
    if not flat:
        raise UsageError(f"{path} contains no state dictionary of tensors")
    reading = read_backbone(flat, backbone.model)
    if isinstance(reading, str):
        raise UsageError(f"{path} does not fit {backbone.name}: {reading}")
    state = {name: value.float() if value.is_floating_point() else value for name, value in reading.state.items()}
    for name, value in state.items():
        if not torch.isfinite(value).all():
            raise UsageError(f"{path}: {name} contains NaN or infinity")
    backbone.model.load_state_dict(state, strict=False)
    return f"{path.name}: {'; '.join(reading.told)}" if reading.told else ""


def load_projection(backbone: Backbone, path: Path) -> None:
    """Put the projector's hidden layer behind ``backbone`` that lies in a file of ``weights_bytes``, where one does.

    Raises RuntimeError where it is not one of this backbone.
    """
    flat = tensors(read_checkpoint(path))
    state = {name.removeprefix(PROJECTION): of for name, of in flat.items() if name.startswith(PROJECTION)}
    if state:
        backbone.project(len(state["0.weight"]))
        assert backbone.projection is not None
        backbone.projection.load_state_dict(state)


def parted(data: bytes) -> tuple[bytes, bytes]:
    """Split the bytes of ``weights_bytes`` into timm's model alone, and the projector's hidden layer (may be empty)."""
    state = load(data)
    layer = {name.removeprefix(PROJECTION): state.pop(name) for name in [*state] if name.startswith(PROJECTION)}
    return (save(state), save(layer)) if layer else (data, b"")


def weights_bytes(backbone: Backbone) -> bytes:
    """Return the weights that are handed over as safetensors: the same weights give the same bytes.

    The tensors of timm's model under its own names, those of a projector's hidden layer behind ``PROJECTION``.
    """
    state = dict(backbone.model.state_dict())
    if backbone.projection is not None:
        state |= {PROJECTION + name: of for name, of in backbone.projection.state_dict().items()}
    return save({name: of.detach().cpu().contiguous() for name, of in state.items()})
