"""Squares cut out of batches of images, and how a chromatic shortcut is blocked."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

LADDER = 5
"""How many small sides ``downsample`` draws from."""


def cut(images: Tensor, y: Tensor, x: Tensor, size: int) -> Tensor:
    """Squares of ``size`` pixels at rows ``y`` and columns ``x`` (int64) of each image, by one gather.

    ``images`` (N, C, H, W) of any dtype and memory layout; ``y`` and ``x`` (N, T) give T squares an image, (N, T, C)
    a place for each of their channels. Returns (N, T, C, size, size). A place outside the image is an IndexError.
    """
    if y.dim() == 2:
        y, x = y[:, :, None], x[:, :, None]
    n, channels = images.shape[:2]
    windows = images.unfold(2, size, 1).unfold(3, size, 1)
    image = torch.arange(n, device=images.device).view(n, 1, 1)
    channel = torch.arange(channels, device=images.device).view(1, 1, channels)
    return windows[image, channel, y, x]


def integers(shape: tuple[int, ...], high: int, generator: torch.Generator) -> Tensor:
    """Uniform int64 in 0..``high``, inclusive."""
    return torch.randint(0, high + 1, shape, generator=generator, device=generator.device)


def channel_shift(
    y: Tensor, x: Tensor, most: int, generator: torch.Generator, channels: int = 3
) -> tuple[Tensor, Tensor]:
    """Places (N, T) moved by 0..``most`` px in each axis for each channel on its own: (N, T, channels) each.

    The defence against chromatic aberration that Noroozi & Favaro call "color jittering": where lens or press
    moves the inks against each other, that displacement no longer tells where in the image a tile lay.
    """
    shape = (*y.shape, channels)
    return y[..., None] + integers(shape, most, generator), x[..., None] + integers(shape, most, generator)


def downsample(pixels: Tensor, share: float, least: float, generator: torch.Generator) -> Tensor:
    """A ``share`` of the squares made small and large again, so that sharpness tells nothing of where they lay.

    ``pixels`` float (M, C, s, s). The small side is drawn from five equal steps of its logarithm between
    ``least`` * s and s (Doersch et al. 2015 draw the number of pixels between 100 and 9025 for a side of 96).
    """
    side = pixels.shape[-1]
    sides = sorted({max(1, round(side * least ** (k / LADDER))) for k in range(1, LADDER + 1)})
    device = pixels.device
    chosen = integers((len(pixels),), len(sides) - 1, generator)
    chosen = torch.where(torch.rand(len(pixels), generator=generator, device=device) < share, chosen, len(sides))
    out = pixels.clone()
    for index, small in enumerate(sides):
        rows = (chosen == index).nonzero()[:, 0]
        if len(rows):
            less = interpolate(pixels[rows], size=(small, small), mode="bilinear", antialias=True)
            out[rows] = interpolate(less, size=(side, side), mode="bilinear")
    return out
