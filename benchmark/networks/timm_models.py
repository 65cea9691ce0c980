"""timm's own models: made at any input size, their errors on one line, the stages that are read."""

from __future__ import annotations

from typing import Any

import timm
from torch import nn

from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import UsageError


def said(error: BaseException) -> str:
    """Put an error of another library on one line, without a full stop."""
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".")


def create(name: str, settings: BackboneSettings, **loading: Any) -> nn.Module:
    """Create timm's model at any input size, without classifier; ``loading`` is how it comes by its weights.

    Vision transformers interpolate their position embedding. Raises UsageError for a setting it does not take.
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
        raise UsageError(f"backbone '{name}' does not accept {kwargs}: {error}") from None


def spread(total: int, most: int) -> list[int]:
    """Return at most ``most`` of ``total`` stages, the last among them, evenly spread."""
    if total <= most:
        return list(range(total))
    return sorted({round((k + 1) * total / most) - 1 for k in range(most)})
