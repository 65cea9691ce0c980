"""A saliency readout in the manner of DeepGaze, in small: 1x1 convolutions, a Gaussian, a centre bias, a softmax.

After Kümmerer, Wallis & Bethge, "DeepGaze II" (arXiv 1610.01563), section 3: a pointwise network reads the
features at every place, its output is blurred, a centre bias is added in the log domain, a softmax over all places
gives a density.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from inkbench.benchmark.networks.precision import full_precision

BIAS_CELLS = 7
BIAS_SIGMA = 0.25
TINY = 1e-12


class Readout(nn.Module):
    """Feature maps to the log-density of gaze on a square grid of ``grid`` x ``grid`` cells.

    ``channels`` are those of the maps, ``width`` those of the hidden layer, ``dropout`` the share of a map's
    channels that a training step does not see, ``cc_weight`` the weight of 1 - CC beside KLD in the loss.
    """

    def __init__(self, channels: Sequence[int], grid: int, width: int, dropout: float, cc_weight: float) -> None:
        super().__init__()
        self.grid, self.dropout, self.cc_weight = grid, dropout, cc_weight
        self.read = nn.ModuleList(nn.Conv2d(count, width, 1, bias=False) for count in channels)
        self.offset = nn.Parameter(torch.zeros(width, 1, 1))
        self.mix = nn.Conv2d(width, max(width // 2, 1), 1)
        self.out = nn.Conv2d(max(width // 2, 1), 1, 1, bias=False)  # softmax takes a bias away
        self.log_sigma = nn.Parameter(torch.zeros(()))
        self.centre_bias = nn.Parameter(gaussian_log_density(BIAS_CELLS, BIAS_SIGMA))

    def forward(self, features: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None) -> Tensor:
        """Return the log-density (B, grid, grid), or the loss where ``targets`` hold ``density`` (grid, grid)."""
        with full_precision(features[0]):
            log_density = self._log_density([level.float() for level in features])
            if targets is None:
                return log_density
            return self.loss(log_density, torch.stack([target["density"] for target in targets]))

    def _log_density(self, features: Sequence[Tensor]) -> Tensor:
        read = torch.zeros(())
        for level, conv in zip(to_grid(features, self.grid), self.read, strict=True):
            seen = functional.dropout2d(standardised(level), self.dropout, self.training)
            # a 1x1 convolution and an enlargement commute: cheaper in this order
            read = read + functional.interpolate(
                conv(seen), (self.grid, self.grid), mode="bilinear", align_corners=False
            )
        hidden = functional.softplus(self.mix(functional.softplus(read + self.offset)))
        bias = functional.interpolate(self.centre_bias, (self.grid, self.grid), mode="bicubic", align_corners=False)
        return (self._blur(self.out(hidden)) + bias).flatten(1).log_softmax(1).view(-1, self.grid, self.grid)

    def _blur(self, values: Tensor) -> Tensor:
        """Blur ``values`` (B, 1, grid, grid) by a Gaussian whose width (in cells) is learnt, edges repeated."""
        reach = min(max(self.grid // 6, 1), 12)
        steps = torch.arange(-reach, reach + 1, device=values.device, dtype=values.dtype)
        kernel = torch.softmax(-(steps**2) / (2 * self.log_sigma.exp() ** 2), 0)
        padded = functional.pad(values, (reach, reach, reach, reach), mode="replicate")
        return functional.conv2d(functional.conv2d(padded, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))

    def loss(self, log_density: Tensor, density: Tensor) -> Tensor:
        """Compute KL(truth || prediction) + cc_weight (1 - CC), mean over the images whose truth has mass."""
        known = (density.sum((1, 2)) > 0).float()
        kld = (density * (density.clamp_min(TINY).log() - log_density)).sum((1, 2))
        p, g = log_density.exp().flatten(1), density.flatten(1)
        p, g = p - p.mean(1, keepdim=True), g - g.mean(1, keepdim=True)
        cc = (p * g).sum(1) / ((p * p).sum(1) * (g * g).sum(1) + TINY**2).sqrt()
        return ((kld + self.cc_weight * (1 - cc)) * known).sum() / known.sum().clamp_min(1)


def to_grid(features: Sequence[Tensor], grid: int) -> list[Tensor]:
    """Average maps finer than ``grid`` down to it; keep the others."""
    return [functional.adaptive_avg_pool2d(level, grid) if level.shape[-1] > grid else level for level in features]


def standardised(level: Tensor) -> Tensor:
    """Normalise each channel (B, C, h, w) to mean 0 and deviation 1 over its image: scales of layers do not matter."""
    centred = level - level.mean((2, 3), keepdim=True)
    return centred * (centred.square().mean((2, 3), keepdim=True) + 1e-8).rsqrt()


def gaussian_log_density(cells: int, sigma: float) -> Tensor:
    """Return the log, up to a constant, of a Gaussian centred on a square of side 1: (1, 1, cells, cells)."""
    place = (torch.arange(cells) + 0.5) / cells - 0.5
    squared = place**2
    return -(squared[:, None] + squared[None]).view(1, 1, cells, cells) / (2 * math.pow(sigma, 2))
