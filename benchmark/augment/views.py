"""Random views of whole images: flips, colours, blur; batched on the device."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from inkbench.benchmark.augment.colour import LUMA

YIQ = ((0.299, 0.587, 0.114), (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))
"""The matrix from red, green and blue to luma and two axes of colour, in whose plane a hue is an angle."""


def coin(n: int, share: float, generator: torch.Generator) -> Tensor:
    """Draw bool (n,), true with probability ``share``."""
    return torch.rand(n, generator=generator, device=generator.device) < share


class Jitter(NamedTuple):
    """By how much colours change at most: three factors about 1, and the hue's turn as a share of the circle."""

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0


def jitter_colours(images: Tensor, generator: torch.Generator, jitter: Jitter, share: float = 1.0) -> Tensor:
    """Jitter brightness, contrast, saturation and hue of a ``share`` of images float (N, 3, h, w) in [0, 1]; clamped.

    Factors are uniform in 1 - k..1 + k, the hue turns by -``hue``..``hue`` of the circle (in YIQ). The four are applied
    in this order and as one linear map of the colours, where torchvision draws their order and clamps in between.
    """
    n, device = len(images), images.device
    brightness, contrast, saturation, hue = jitter

    def factor(most: float) -> Tensor:
        return 1 + most * (2 * torch.rand(n, generator=generator, device=device) - 1)

    changed = coin(n, share, generator)
    bright, contrasting, saturated, turn = factor(brightness), factor(contrast), factor(saturation), factor(hue) - 1
    eye = torch.eye(3, device=device)
    luma = torch.tensor(LUMA, device=device).expand(3, 3)
    to_yiq = torch.tensor(YIQ, device=device)
    angle = 2 * math.pi * turn
    turned = torch.zeros(n, 3, 3, device=device)
    turned[:, 0, 0] = 1
    turned[:, 1, 1] = turned[:, 2, 2] = angle.cos()
    turned[:, 2, 1] = angle.sin()
    turned[:, 1, 2] = -angle.sin()
    with torch.autocast(device.type, enabled=False):
        rotated = torch.linalg.inv(to_yiq) @ turned @ to_yiq
        blend = saturated[:, None, None] * eye + (1 - saturated)[:, None, None] * luma
        matrix = rotated @ blend * (bright * contrasting)[:, None, None]
        grey = (images.mean((2, 3)) @ torch.tensor(LUMA, device=device)) * bright
        offset = ((1 - contrasting) * grey)[:, None, None]
        mapped = torch.baddbmm(offset.expand(-1, 3, 1), matrix, images.flatten(2)).view(images.shape)
    return torch.where(changed[:, None, None, None], mapped, images).clamp(0, 1)


def grey_some(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Remove the colour of a ``share`` of images float (N, 3, h, w)."""
    weights = torch.tensor(LUMA, device=images.device).view(1, 3, 1, 1)
    grey = (images * weights).sum(1, keepdim=True).expand_as(images)
    return torch.where(coin(len(images), share, generator)[:, None, None, None], grey, images)


def blur_some(
    images: Tensor, share: float, generator: torch.Generator, sigma: tuple[float, float] = (0.1, 2.0), kernel: int = 9
) -> Tensor:
    """Blur a ``share`` of images float (N, 3, h, w) by a Gaussian of ``sigma`` px, uniform in its range."""
    n, _, height, width = images.shape
    device = images.device
    drawn = sigma[0] + (sigma[1] - sigma[0]) * torch.rand(n, generator=generator, device=device)
    chosen = coin(n, share, generator).nonzero()[:, 0]
    if not len(chosen):
        return images
    half = min(kernel, 2 * min(height, width) - 1) // 2
    places = torch.arange(-half, half + 1, device=device)
    weights = torch.exp(-0.5 * (places / drawn[chosen, None]).square())
    weights = (weights / weights.sum(1, keepdim=True)).repeat_interleave(3, 0)
    with torch.autocast(device.type, enabled=False):
        flat = images[chosen].reshape(1, -1, height, width)
        flat = conv2d(pad(flat, (half, half, 0, 0), "reflect"), weights[:, None, None, :], groups=len(weights))
        flat = conv2d(pad(flat, (0, 0, half, half), "reflect"), weights[:, None, :, None], groups=len(weights))
    out = images.clone()
    out[chosen] = flat.view(-1, 3, height, width)
    return out


def solarise_some(images: Tensor, share: float, generator: torch.Generator, threshold: float = 0.5) -> Tensor:
    """Invert what is at or above ``threshold`` in a ``share`` of images float (N, 3, h, w) in [0, 1]."""
    chosen = coin(len(images), share, generator)[:, None, None, None]
    return torch.where(chosen & (images >= threshold), 1 - images, images)
