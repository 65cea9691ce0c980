"""Query, key and value of a checkpoint, joined or parted as timm's model has them; tokens with timm's axes."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

PARTS = (".q.", ".k.", ".v.")
BIAS = re.compile(r"\.([qkv])_bias$")
"""The end of a bias that timm's BEiT and EVA keep apart from their joined weight; that of a key is always 0."""


def shaped(state: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return ``state`` with query, key and value joined or split as in ``own``, and tokens as (1, tokens, width)."""
    for name in own:
        parts = [state.get(name.replace(".qkv.", part)) for part in PARTS]
        if ".qkv." in name and name not in state and all(part is not None for part in parts):
            state[name] = torch.cat([part for part in parts if part is not None])
        whole = state.get(name.replace(".kv.", ".qkv."))
        if ".kv." in name and name not in state and whole is not None:
            query, *rest = whole.chunk(3)
            state[name], state[name.replace(".kv.", ".q.")] = torch.cat(rest), query
        apart = state.get(BIAS.sub(r".\1.bias", name))
        if name not in state and apart is not None:
            state[name] = apart
    for name in {"cls_token", "pos_embed"} & {*state} & {*own}:
        while state[name].ndim < own[name].ndim == 3:
            state[name] = state[name][None]
    for name in [name for name in own if ".grn." in name and name in state]:  # (1, 1, 1, C) of ConvNeXt V2's authors
        state[name] = state[name].flatten()
    return state


def is_part(name: str, state: Mapping[str, Tensor]) -> bool:
    """Return whether a tensor was joined with others, parted or renamed on its way: query, key and value."""
    joined = [name.replace(part, ".qkv.") for part in PARTS if part in name]
    apart = re.sub(r"\.([qkv])\.bias$", r".\1_bias", name)
    return (
        any(other in state for other in joined)
        or (".qkv." in name and name.replace(".qkv.", ".kv.") in state)
        or (apart != name and apart in state)
    )


def is_idle(name: str, value: Tensor) -> bool:
    """Return whether a tensor is a bias of query, key or value that is 0 everywhere: a network without it is the same.

    DINOv3's distilled transformers have such, and timm its architectures with them (``_qkvb``) and without.
    """
    return any(name.endswith(f"{part}bias") for part in PARTS) and not value.any()
