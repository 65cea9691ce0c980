"""Peak signal to noise of a batch, the pretext figure of methods that paint."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

MOST = 100.0
"""dB of images that are equal, where the ratio has no bound."""


def psnr(said: Tensor, images: Tensor, mask: Tensor | None = None, span: float = 1.0) -> np.ndarray:
    """Compute 10 log10(span^2 / mean squared error) of each image in dB, float64 (N,), at most 100.

    ``said`` and ``images`` (N, 3, h, w) whose values lie ``span`` apart at most; only where ``mask`` (N, 1, h, w) is 1.
    """
    error = (said - images).double().square()
    if mask is None:
        mean = error.mean((1, 2, 3))
    else:
        mean = (mask * error).sum((1, 2, 3)) / (images.shape[1] * mask.double().sum((1, 2, 3)))
    return (10 * torch.log10(span**2 / mean.clamp_min(span**2 * 10 ** (-MOST / 10)))).cpu().numpy()
