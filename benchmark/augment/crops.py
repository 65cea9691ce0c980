"""Random resized crops of whole images on the device: boxes as torchvision draws them, resampled as Pillow does."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

RATIO = (3 / 4, 4 / 3)
"""Width over height of a random crop, in the original (Szegedy et al. 2015)."""
REACH = 2.0
"""The part of an image's long side that a square for crops shows, in short sides of the image."""
TRIES = 10
"""Boxes that are drawn before the largest central one is taken, as in torchvision."""
SHARP = 1.3
"""A crop of which a side is enlarged by more than this is blurred."""
BLURRED = 0.05
"""Share of crops that a square may be too small for."""
TYPICAL = math.sqrt(2)
"""Aspect of the images that ``source_side`` is chosen for; three quarters of panels are less elongated than 1.6."""
CHUNK = 2**26
"""Numbers that are resampled at once: 256 MiB as floats."""


@lru_cache
def source_side(size: int, smallest: float, largest: float = 1.0) -> int:
    """Return the side of a square (``View(side, reach=REACH)``) that crops of ``size`` px are cut from.

    At most ``BLURRED`` of the crops of an image of aspect ``TYPICAL`` with an area uniform in ``smallest`` to
    ``largest`` have a side that the square holds with fewer than ``size`` / ``SHARP`` pixels.
    """
    area = np.linspace(smallest, largest, 401)[:, None]
    ratio = np.exp(np.linspace(math.log(RATIO[0]), math.log(RATIO[1]), 101))[None]
    width, height = np.sqrt(area * ratio / TYPICAL), np.sqrt(area * TYPICAL / ratio)  # shares of the square's sides
    inside = (width <= 1) & (height <= 1)
    shorter = np.minimum(width, height)[inside] if inside.any() else np.array([1 / TYPICAL])
    return max(size, math.ceil(size / SHARP / float(np.quantile(shorter, BLURRED))))


def random_boxes(
    n: int,
    scale: tuple[float, float],
    generator: torch.Generator,
    ratio: tuple[float, float] = RATIO,
    sizes: Tensor | None = None,
    reach: float = REACH,
) -> Tensor:
    """Draw boxes (n, 4) as centre x, centre y, width, height in shares of the square, each wholly inside.

    Drawn in the original image, as torchvision's RandomResizedCrop does: area uniform in ``scale`` (shares of the whole
    image), ratio of the sides uniform in the logarithm of ``ratio``, again until it fits, ``TRIES`` times at most; then
    the largest box of a permitted ratio in the centre. Place uniform in what the square shows. ``sizes`` (n, 2) are
    the width and height of each image (none: square), of which the square shows ``reach`` short sides at most.
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=generator.device)

    low, high = math.log(ratio[0]), math.log(ratio[1])
    whole = _aspect(n, sizes, generator.device)
    area = (scale[0] + (scale[1] - scale[0]) * uniform(n, TRIES)) * whole[:, None]
    drawn = torch.exp(low + (high - low) * uniform(n, TRIES))
    widths, heights = (area * drawn).sqrt(), (area / drawn).sqrt()  # in heights of the image
    fits = (widths <= whole[:, None]) & (heights <= 1)
    first = fits.int().argmax(1, keepdim=True)
    found = fits.any(1)
    width = torch.where(found, widths.gather(1, first)[:, 0], torch.minimum(whole, torch.full_like(whole, ratio[1])))
    height = torch.where(found, heights.gather(1, first)[:, 0], (whole / ratio[0]).clamp_max(1))
    shown_width, shown_height = torch.minimum(whole, torch.full_like(whole, reach)), (reach * whole).clamp_max(1)
    width, height = (width / shown_width).clamp_max(1), (height / shown_height).clamp_max(1)
    x = torch.where(found, width / 2 + (1 - width) * uniform(n), 0.5)
    y = torch.where(found, height / 2 + (1 - height) * uniform(n), 0.5)
    return torch.stack([x, y, width, height], 1)


def _aspect(n: int, sizes: Tensor | None, device: torch.device) -> Tensor:
    """Return the width over the height, float (n,)."""
    if sizes is None:
        return torch.ones(n, device=device)
    width, height = sizes.to(device, torch.float32).unbind(1)
    return width / height


def middle_boxes(n: int, device: torch.device, sizes: Tensor | None = None, reach: float = REACH) -> Tensor:
    """Return boxes (n, 4), as ``random_boxes`` gives them, of the largest square in the centre of each image."""
    whole = _aspect(n, sizes, device).clamp(1 / reach, reach)
    half = torch.full_like(whole, 0.5)
    return torch.stack([half, half, (1 / whole).clamp_max(1), whole.clamp_max(1)], 1)


def crop_resize(
    images: Tensor, boxes: Tensor, size: int, flip: Tensor | None = None, margins: Tensor | None = None
) -> Tensor:
    """Cut the boxes out of images uint8 (N, 3, H, W) as float32 squares (N, 3, size, size) in [0, 1].

    Resampled along each side by the triangle filter, as wide as the step from pixel to pixel where that is more than 1
    (Pillow's BILINEAR, torchvision's with ``antialias``). ``boxes`` as ``random_boxes`` gives them; ``flip`` bool (N,)
    mirrors; ``margins`` (N, 2) are how wide the black on either side of an image is, in shares of its width and height
    (none: 0). Beyond them there is nothing, which no pixel is mixed with.
    """
    few = max(1, CHUNK // images[:1].numel())
    mirrored = torch.zeros(len(images), dtype=torch.bool, device=boxes.device) if flip is None else flip
    black = torch.zeros_like(boxes[:, :2]) if margins is None else margins
    with torch.autocast(images.device.type, enabled=False):  # bf16 cannot tell neighbouring places apart
        parts = [
            _crop_resize(*part, size)
            for part in zip(images.split(few), boxes.split(few), mirrored.split(few), black.split(few), strict=True)
        ]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def crop_padded(images: Tensor, boxes: Tensor, sizes: Tensor, size: int, flip: Tensor | None = None) -> Tensor:
    """Crop as ``crop_resize`` from squares that hold images with their own aspect, centred, black around.

    ``images`` uint8 (N, 3, s, s) have lost the aspect of their ``sizes`` (N, 2), wide and high.
    """
    shown = sizes.to(boxes) / sizes.amax(1, keepdim=True).to(boxes)
    inside = torch.cat([(boxes[:, :2] - 0.5) / shown + 0.5, boxes[:, 2:] / shown], 1)
    return crop_resize(images, inside, size, flip, (1 / shown - 1) / 2)


def middle(images: Tensor, size: int, sizes: Tensor | None = None, reach: float = REACH) -> Tensor:
    """Return the largest central square of images uint8 (N, 3, S, S) as float32 (N, 3, size, size) in [0, 1]."""
    return crop_resize(images, middle_boxes(len(images), images.device, sizes, reach), size)


def _crop_resize(images: Tensor, boxes: Tensor, flip: Tensor, margins: Tensor, size: int) -> Tensor:
    n, channels, height, width = images.shape
    x, y, wide, high = boxes.unbind(1)
    pixels = images.permute(0, 2, 3, 1).to(torch.float32)  # rows of memory, where images lie in channels_last
    lines = _resample(pixels.reshape(n, height, -1), y, high, size, torch.zeros_like(flip), margins[:, 1])
    columns = lines.view(n, size, width, channels).transpose(1, 2).reshape(n, width, -1)
    done = _resample(columns, x, wide, size, flip, margins[:, 0]).view(n, size, size, channels)
    return done.permute(0, 3, 2, 1).mul(1 / 255).contiguous()


def _resample(lines: Tensor, centre: Tensor, extent: Tensor, size: int, flip: Tensor, margin: Tensor) -> Tensor:
    """Average lines around ``size`` even steps through each extent, in shares of P: (N, P, C) -> (N, size, C).

    On either side of the lines lies a black ``margin`` (N,), in shares of P.
    """
    n, count = lines.shape[:2]
    device = lines.device
    step = extent * count / size
    order = torch.arange(size, device=device)
    order = torch.where(flip[:, None], size - 1 - order, order)
    places = ((centre - extent / 2) * count)[:, None] + (order + 0.5) * step[:, None]
    radius = step.clamp_min(1)[:, None, None]
    taps = math.ceil(2 * float(radius.max())) + 1
    near = (places[..., None] - radius - 0.5).ceil() + torch.arange(taps, device=device)
    weights = (1 - (near + 0.5 - places[..., None]).abs() / radius).clamp_min(0)
    room = (margin * count)[:, None, None]
    there = weights * ((near >= -room) & (near < count + room))
    weights = there * ((near >= 0) & (near < count)) / there.sum(-1, keepdim=True).clamp_min(1e-9)
    rows = near.clamp(0, count - 1).long() + count * torch.arange(n, device=device)[:, None, None]
    summed = embedding_bag(
        rows.view(n * size, taps), lines.flatten(0, 1), mode="sum", per_sample_weights=weights.view(n * size, taps)
    )
    return summed.view(n, size, -1)
