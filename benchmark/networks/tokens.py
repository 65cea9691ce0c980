"""The readout of a vision transformer as one vector: class token, mean of its patches, both, or as its family does."""

from __future__ import annotations

import inspect
import re
from typing import Any

import torch
from torch import Tensor

from inkbench.benchmark.config import Readout
from inkbench.benchmark.errors import UsageError

POOLINGS = ("token", "avg", "avgmax", "max", "map")
"""Poolings of a row of tokens by timm's heads; encoders of language models have none of these."""
RECONSTRUCTING = re.compile(r"(^|[._])mae$")
"""timm's tags of weights that a masked autoencoder left, which were not fine-tuned (``mae``)."""


def has_tokens(model: Any) -> bool:
    """Return whether one of timm's models is a plain transformer: a row of tokens, one width from the first block."""
    parts = ("num_prefix_tokens", "blocks", "forward_head")
    return all(hasattr(model, part) for part in parts) and model.global_pool in POOLINGS


def has_class_token(model: Any) -> bool:
    """Return whether the first of the tokens is a class token, and no register."""
    embedded = getattr(model, "embeds", model)
    return has_tokens(model) and getattr(embedded, "cls_token", None) is not None


def readout_of(model: Any, wanted: Readout) -> Readout:
    """Resolve the readout of ``model`` where ``wanted`` is asked for; ``family`` goes by architecture and timm's tag.

    The class token of DINO, DINOv2 and DINOv3 (their papers' nearest neighbours; timm pools DINOv3 by its mean), the
    mean of the patches of a masked autoencoder, else what timm's own head reads (``head``): the pooling that the
    supervised or contrastive pretraining was done with. Raises UsageError for a class token that is not there.
    """
    if not has_tokens(model):
        return "head"
    if wanted == "family":
        config = model.pretrained_cfg
        tag, architecture = config.get("tag") or "", config.get("architecture") or ""
        if RECONSTRUCTING.search(tag):
            return "mean"
        if "dino" in tag or "dino" in architecture:
            return "cls" if has_class_token(model) else "mean"
        return "head"
    if wanted.startswith("cls") and not has_class_token(model):
        name = model.pretrained_cfg.get("architecture")
        raise UsageError(f"{name} has no class token to read; set backbone.readout to mean or family")
    return wanted


def read(model: Any, tokens: Tensor, readout: Readout) -> Tensor:
    """Read one vector (B, D) of each row of tokens (B, prefix + N, C) as ``forward_features`` gives them, normed.

    Where a model's final norm stands behind its pooling (timm's ``fc_norm``), it follows here too.
    """
    if readout == "head":
        vector: Tensor = model.forward_head(tokens, pre_logits=True)
        return vector
    parts = {"cls": tokens[:, 0], "mean": tokens[:, model.num_prefix_tokens :].mean(1)}
    norm = getattr(model, "fc_norm", None) or torch.nn.Identity()
    return torch.cat([norm(parts[name]) for name in readout.split("+")], 1)


def require_blocks(model: Any, readout: Readout, blocks: int) -> None:
    """Refuse class tokens of so many of the last blocks where a model has them not, or they are not read.

    Raises UsageError.
    """
    if blocks == 1:
        return
    name = model.pretrained_cfg.get("architecture")
    leave = f"leave backbone.last_blocks at 1, not {blocks}"
    if (
        not has_class_token(model)
        or "return_prefix_tokens" not in inspect.signature(model.forward_intermediates).parameters
    ):
        raise UsageError(f"{name} has no class token in each of its blocks; {leave}")
    if not readout.startswith("cls"):
        raise UsageError(f"backbone.last_blocks={blocks} reads class tokens; set backbone.readout to cls or cls+mean")
    if blocks > len(model.blocks):
        raise UsageError(
            f"{name} has {len(model.blocks)} blocks; set backbone.last_blocks to that or fewer, not {blocks}"
        )


def vector_of(model: Any, images: Tensor, readout: Readout, blocks: int) -> Tensor:
    """Return one vector of each normalised image (B, 3, H, W): of the last block (B, D), or of several.

    Of several the class tokens (B, blocks * C), early to late, each after the final norm, and with ``cls+mean`` the
    mean of the last one's patches behind them. Source: ``eval_linear.py`` of DINO (``n_last_blocks``,
    ``avgpool_patchtokens``) and ``eval/linear.py`` of DINOv2 (``create_linear_input``).
    """
    if blocks == 1:
        return read(model, model.forward_features(images), readout)
    levels = model.forward_intermediates(
        images, indices=blocks, return_prefix_tokens=True, norm=True, output_fmt="NLC", intermediates_only=True
    )
    parts = [prefix[:, 0] for _, prefix in levels]
    parts += [levels[-1][0].mean(1)] if readout == "cls+mean" else []
    norm = getattr(model, "fc_norm", None) or torch.nn.Identity()
    return torch.cat([norm(part) for part in parts], 1)
