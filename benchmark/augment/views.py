"""Random views of whole images: crops of any place and size, flips, colours, blur; batched on the device."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, conv2d, grid_sample, pad

from benchmark.augment.colour import LUMA

YIQ = ((0.299, 0.587, 0.114), (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))
"""From red, green and blue to luma and two axes of colour, in whose plane a hue is an angle."""

TRIES = 10
"""Boxes that are drawn before a crop is the whole image, as far as its aspect allows (torchvision)."""


def random_boxes(
    n: int, scale: tuple[float, float], generator: torch.Generator, ratio: tuple[float, float] = (3 / 4, 4 / 3)
) -> Tensor:
    """Boxes (n, 4) as centre x, centre y, width, height in shares of the image, each wholly inside.

    Area uniform in ``scale``, aspect uniform in the logarithm of ``ratio``, place uniform (Szegedy et al. 2015); a
    side that would be longer than the image is cut to it.
    """

    def uniform() -> Tensor:
        return torch.rand(n, generator=generator, device=generator.device)

    area = scale[0] + (scale[1] - scale[0]) * uniform()
    aspect = torch.exp(math.log(ratio[0]) + (math.log(ratio[1]) - math.log(ratio[0])) * uniform())
    width, height = (area * aspect).sqrt().clamp_max(1), (area / aspect).sqrt().clamp_max(1)
    return torch.stack([width / 2 + (1 - width) * uniform(), height / 2 + (1 - height) * uniform(), width, height], 1)


def raw_boxes(
    sizes: Tensor, scale: tuple[float, float], generator: torch.Generator, ratio: tuple[float, float] = (3 / 4, 4 / 3)
) -> Tensor:
    """Boxes (n, 4) as ``random_boxes``, whose area and aspect are those of images of ``sizes`` (n, 2), in pixels.

    As torchvision's RandomResizedCrop: the first of ten drawn boxes that fits; where none does, the largest centred
    one whose aspect is within ``ratio``.
    """
    n, device = len(sizes), generator.device
    width, height = (side[:, None] for side in sizes.to(device, torch.float32).unbind(1))

    def uniform(*shape: int) -> Tensor:
        return torch.rand(n, *shape, generator=generator, device=device)

    area = (scale[0] + (scale[1] - scale[0]) * uniform(TRIES)) * width * height
    aspect = torch.exp(math.log(ratio[0]) + (math.log(ratio[1]) - math.log(ratio[0])) * uniform(TRIES))
    w, h = (area * aspect).sqrt(), (area / aspect).sqrt()
    fits = (w <= width) & (h <= height)
    first = fits.int().argmax(1, keepdim=True)
    lone = (width / height).clamp(*ratio)  # the aspect where none fits
    some = fits.any(1, keepdim=True)
    w = torch.where(some, w.gather(1, first), torch.minimum(width, height * lone)) / width
    h = torch.where(some, h.gather(1, first), torch.minimum(height, width / lone)) / height
    x, y = (torch.where(some[:, 0], uniform(), torch.tensor(0.5, device=device)) for _ in range(2))
    w, h = w[:, 0], h[:, 0]
    return torch.stack([w / 2 + (1 - w) * x, h / 2 + (1 - h) * y, w, h], 1)


def crop_resize(
    images: Tensor, boxes: Tensor, size: int, flip: Tensor | None = None, outside: Literal["border", "zeros"] = "border"
) -> Tensor:
    """The boxes of images uint8 (N, 3, H, W) as float32 squares (N, 3, size, size) in [0, 1], by bilinear sampling.

    ``boxes`` as ``random_boxes`` gives them; ``flip`` bool (N,) mirrors; ``outside`` is what lies beyond an image: its
    rim, or black. Where a box is more than twice as large as the square, pixels between the samples are passed over.
    """
    x, y, width, height = boxes.unbind(1)
    sign = torch.ones_like(width) if flip is None else torch.where(flip, -1.0, 1.0)
    zero = torch.zeros_like(width)
    theta = torch.stack([width * sign, zero, 2 * x - 1, zero, height, 2 * y - 1], 1).view(-1, 2, 3)
    with torch.autocast(images.device.type, enabled=False):  # bf16 cannot tell neighbouring places apart
        grid = affine_grid(theta, [len(images), 3, size, size], align_corners=False)
        return grid_sample(images.float(), grid, mode="bilinear", padding_mode=outside, align_corners=False) / 255


def crop_padded(images: Tensor, boxes: Tensor, sizes: Tensor, size: int, flip: Tensor | None = None) -> Tensor:
    """Boxes of the squares that hold images with their own aspect, centred, black around; as ``crop_resize`` else.

    ``images`` uint8 (N, 3, s, s) have lost the aspect of their ``sizes`` (N, 2), wide and high. The image's short side
    is enlarged in its square, so four samples make a pixel.
    """
    shown = sizes.to(boxes) / sizes.amax(1, keepdim=True).to(boxes)
    inside = torch.cat([(boxes[:, :2] - 0.5) / shown + 0.5, boxes[:, 2:] / shown], 1)
    return avg_pool2d(crop_resize(images, inside, 2 * size, flip, outside="zeros"), 2)


def coin(n: int, share: float, generator: torch.Generator) -> Tensor:
    """bool (n,), true with probability ``share``."""
    return torch.rand(n, generator=generator, device=generator.device) < share


def jitter_colours(
    images: Tensor,
    generator: torch.Generator,
    brightness: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
    hue: float = 0.0,
    share: float = 1.0,
) -> Tensor:
    """Images float (N, 3, h, w) in [0, 1], a ``share`` of them brighter or darker, and so on; clamped.

    Factors are uniform in 1 - k..1 + k, the hue turns by -``hue``..``hue`` of the circle (in YIQ). The four are applied
    in this order and as one linear map of the colours, where torchvision draws their order and clamps in between.
    """
    n, device = len(images), images.device

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
    """Images float (N, 3, h, w), a ``share`` of them without colour."""
    weights = torch.tensor(LUMA, device=images.device).view(1, 3, 1, 1)
    grey = (images * weights).sum(1, keepdim=True).expand_as(images)
    return torch.where(coin(len(images), share, generator)[:, None, None, None], grey, images)


def blur_some(
    images: Tensor, share: float, generator: torch.Generator, sigma: tuple[float, float] = (0.1, 2.0), kernel: int = 9
) -> Tensor:
    """Images float (N, 3, h, w), a ``share`` of them blurred by a Gaussian of ``sigma`` px, uniform in its range."""
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
    """Images float (N, 3, h, w) in [0, 1], a ``share`` of them with what is at or above ``threshold`` inverted."""
    chosen = coin(len(images), share, generator)[:, None, None, None]
    return torch.where(chosen & (images >= threshold), 1 - images, images)
