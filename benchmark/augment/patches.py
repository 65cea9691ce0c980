"""Squares cut out of batches of images, and how a chromatic shortcut is blocked."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

MOST_LEFT = 95 / 96
"""Side that ``downsample`` leaves at most, in the square's own: 9,025 pixels of 96 x 96 (cdoersch/deepcontext)."""


def cut(images: Tensor, y: Tensor, x: Tensor, size: int) -> Tensor:
    """Cut squares of ``size`` pixels at rows ``y`` and columns ``x`` (int64) out of each image, by one gather.

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
    """Draw uniform int64 in 0..``high``, inclusive."""
    return torch.randint(0, high + 1, shape, generator=generator, device=generator.device)


def channel_shift(
    y: Tensor, x: Tensor, most: int, generator: torch.Generator, channels: int = 3
) -> tuple[Tensor, Tensor]:
    """Move places (N, T) by 0..``most`` px in each axis for each channel on its own: (N, T, channels) each.

    The defence against chromatic aberration that Noroozi & Favaro call "color jittering": where lens or press
    moves the inks against each other, that displacement no longer tells where in the image a tile lay.
    """
    shape = (*y.shape, channels)
    return y[..., None] + integers(shape, most, generator), x[..., None] + integers(shape, most, generator)


def downsample(pixels: Tensor, share: float, least: float, generator: torch.Generator) -> Tensor:
    """Downsample a ``share`` of the squares and enlarge them again, so that sharpness does not tell their place.

    ``pixels`` float (M, C, s, s). The number of pixels that is left is uniform between those of ``least`` * s and of
    95 / 96 s a side, as in Doersch et al. 2015: for s of 96 a side of the root of U(100, 9025), rounded down.
    """
    side, device = pixels.shape[-1], pixels.device
    uniform = torch.rand(len(pixels), generator=generator, device=device, dtype=torch.float64)
    area = least**2 + uniform * (MOST_LEFT**2 - least**2)
    sides = (side * area.sqrt()).long().clamp_min(1)
    taken = torch.rand(len(pixels), generator=generator, device=device) < share
    out = pixels.clone()
    for small in sides[taken].unique().tolist():
        rows = (taken & (sides == small)).nonzero()[:, 0]
        less = interpolate(pixels[rows], size=(small, small), mode="bilinear", antialias=True)
        out[rows] = interpolate(less, size=(side, side), mode="bilinear")
    return out


def shrink(images: Tensor, sides: Tensor) -> Tensor:
    """Shrink each image uint8 (N, C, S, S) to its own of ``sides`` int64 (N,), at the top left of black."""
    out = torch.zeros_like(images)
    for side in sides.unique().tolist():
        rows = (sides == side).nonzero()[:, 0]
        small = interpolate(images[rows].float(), size=(side, side), mode="bilinear", antialias=True)
        out[rows, :, :side, :side] = small.round().clamp(0, 255).to(torch.uint8)
    return out
