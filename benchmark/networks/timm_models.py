"""timm's own models: made at any input size, their errors on one line, the stages that are read."""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import nn

from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.networks import squeezenet  # noqa: F401 - it registers its networks

ANY_SIDE: dict[str, Any] = {"dynamic_img_size": True}
"""The argument by which timm's transformers take images of any side."""


def said(error: BaseException) -> str:
    """Put an error of another library on one line, without a full stop."""
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".")


def require_tag(name: str) -> None:
    """Refuse a name with a tag, ``ARCHITECTURE.TAG``, of weights that timm does not know. Raises UsageError."""
    architecture, _, tag = name.partition(".")
    if tag and name not in (known := timm.list_pretrained(f"{architecture}.*")):
        theirs = f"; it knows {', '.join(known[:6])}" if known else "; it has none of this network"
        raise UsageError(f"timm {timm.__version__} knows no weights '{name}'{did_you_mean(name, known) or theirs}")


def untagged(name: str) -> str:
    """Return the name of a network without the tag of its weights, where that is the one that timm takes by itself."""
    architecture, _, tag = name.partition(".")
    config = timm.get_pretrained_cfg(architecture) if tag and timm.is_model(architecture) else None
    return architecture if config and config.tag == tag else name


def create(name: str, settings: BackboneSettings, **loading: Any) -> nn.Module:
    """Create timm's model at any input size, without classifier; ``loading`` is how it comes by its weights.

    Vision transformers interpolate their position embedding. Raises UsageError for a setting it does not take.
    """
    kwargs: dict[str, Any] = {} if settings.pad_type is None else {"pad_type": settings.pad_type}
    loading = loading or {"pretrained": False}
    try:
        return timm.create_model(name, num_classes=0, **ANY_SIDE, **kwargs, **loading)
    except TypeError:
        pass
    try:
        return timm.create_model(name, num_classes=0, **kwargs, **loading)
    except TypeError as error:
        raise UsageError(f"backbone '{name}' does not accept {kwargs}: {error}") from None


def arguments(name: str, settings: BackboneSettings) -> dict[str, Any]:
    """Return what ``create`` told timm's constructor beside the name: those arguments that this network takes."""
    kwargs: dict[str, Any] = {} if settings.pad_type is None else {"pad_type": settings.pad_type}
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        try:
            timm.create_model(name, num_classes=0, **ANY_SIDE, **kwargs)
        except TypeError:
            return kwargs
    return {**ANY_SIDE, **kwargs}


def spread(total: int, most: int) -> list[int]:
    """Return at most ``most`` of ``total`` stages, the last among them, evenly spread."""
    if total <= most:
        return list(range(total))
    return sorted({round((k + 1) * total / most) - 1 for k in range(most)})
