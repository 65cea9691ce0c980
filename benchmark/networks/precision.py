"""The part of a network that computes in float32 whatever the step around it does."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def full_precision(near: Tensor) -> AbstractContextManager[object]:
    """Switch autocast off on the device of ``near``; the meta device, where networks are counted, has none."""
    return nullcontext() if near.is_meta else torch.autocast(near.device.type, enabled=False)
