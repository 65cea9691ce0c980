"""Colours of batches of squares: grey, projected, offset, normalised."""

from __future__ import annotations

import torch
from torch import Tensor

from inkbench.benchmark.augment.patches import integers

LUMA = (0.299, 0.587, 0.114)
"""Red, green and blue in grey (ITU-R BT.601), as Pillow's "L"."""
FLAT = 1e-5
"""A standard deviation in [0, 1] units below that of one odd pixel by one grey level in 390 x 390: rounding."""


def to_float(pixels: Tensor) -> Tensor:
    """Convert uint8 to float32 in [0, 1]."""
    return pixels.to(torch.float32).mul_(1 / 255)


def intensity_offset(pixels: Tensor, levels: int, generator: torch.Generator) -> Tensor:
    """Add a whole number of grey levels in -``levels``..``levels``-1 to each channel of each square, clamped.

    ``pixels`` float in [0, 1], (N, ..., 3, h, w). What bbrattoli/JigsawPuzzlePytorch and JigsawPanel do under the
    name of colour jittering, with ``levels`` 2; it is no defence against chromatic aberration.
    """
    offsets = integers(tuple(pixels.shape[:-2]), 2 * levels - 1, generator) - levels
    return (pixels + offsets[..., None, None] / 255).clamp_(0, 1)


def colour_matrices(n: int, greyscale: float, projection: float, generator: torch.Generator) -> Tensor:
    """Draw the colour transform of each of ``n`` images, float32 (n, 3, 3), out = M in.

    A share ``greyscale`` becomes grey (luma), a share ``projection`` loses the green-magenta axis by
    I - a a'/(a a) with a = (-1, 2, -1) (Doersch et al. 2015; the matrix in Noroozi's Caffe code), the rest stays.
    """
    device = generator.device
    grey = torch.tensor(LUMA, device=device).expand(3, 3)
    axis = torch.tensor((-1.0, 2.0, -1.0), device=device)
    same = torch.eye(3, device=device)
    kinds = torch.stack([same, grey, same - torch.outer(axis, axis) / axis.square().sum()])
    uniform = torch.rand(n, generator=generator, device=device)
    which = torch.where(uniform < greyscale, 1, torch.where(uniform < greyscale + projection, 2, 0))
    return kinds[which]


def recolour(pixels: Tensor, matrices: Tensor) -> Tensor:
    """Map the colours of image n of floats (N, ..., 3, h, w) by ``matrices[n]``; float32, never clamped."""
    n, height, width = pixels.shape[0], *pixels.shape[-2:]
    flat = pixels.reshape(n, -1, 3, height * width)
    with torch.autocast(pixels.device.type, enabled=False):  # bf16 would round grey levels away
        return torch.matmul(matrices[:, None], flat).view(pixels.shape)


def standardise(pixels: Tensor) -> Tensor:
    """Normalise each channel of each square to mean 0 and standard deviation 1 (population); blank ones to 0.

    ``pixels`` float (N, ..., 3, h, w). The per-tile normalisation of Noroozi & Favaro (Table 5, "Normalization").
    """
    centred = pixels - pixels.mean((-2, -1), keepdim=True)
    deviation = centred.square().mean((-2, -1), keepdim=True).sqrt_()
    blank = deviation < FLAT
    return centred.mul_(torch.where(blank, 0.0, 1 / deviation.clamp_min(FLAT)))


def drop_colours(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Keep one random channel of each square, without its mean; the other two are noise in -.5..0.5 grey levels.

    ``pixels`` float in [0, 1], (N, ..., 3, h, w); every square keeps a channel of its own, so that two squares of an
    image cannot be told by how bright the same ink is in both. The "color dropping" of Doersch et al. 2015 against
    chromatic aberration, by patch as in their code; the noise is about a hundredth of what a channel varies by.
    """
    kept = integers((*pixels.shape[:-3], 1), 2, generator)
    mask = torch.arange(3, device=pixels.device) == kept
    noise = (torch.rand(pixels.shape, generator=generator, device=pixels.device) - 0.5) / 255
    return torch.where(mask[..., None, None], pixels - pixels.mean((-2, -1), keepdim=True), noise)


def divide_by_rms(pixels: Tensor) -> Tensor:
    """Subtract each channel's mean and divide each square by its root mean square; blank ones become 0.

    ``pixels`` float (N, ..., 3, h, w). Unlike ``standardise`` it keeps what channels vary by in relation to each other.
    """
    centred = pixels - pixels.mean((-2, -1), keepdim=True)
    rms = centred.square().mean((-3, -2, -1), keepdim=True).sqrt_()
    return centred.mul_(torch.where(rms < FLAT, 0.0, 1 / rms.clamp_min(FLAT)))
