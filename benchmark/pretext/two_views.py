"""Two views of an image that a network should take for the same: SimCLR's augmentations as settings."""

from __future__ import annotations

import torch
from torch import Tensor

from inkbench.benchmark import augment
from inkbench.benchmark.config import setting
from inkbench.benchmark.pretext.adamw import AdamWConfig

PAPER = "Chen et al. 2020, appendix A"


class ViewsConfig(AdamWConfig):
    """Settings of the strong views."""

    smallest_crop: float = setting(0.2, "least area of a crop, share of the image", PAPER, gt=0, le=1)
    jitter: float = setting(0.5, "strength of the jitter of brightness and contrast", PAPER, ge=0, le=1)
    saturation: float | None = setting(None, "strength of that of saturation; none: as `jitter`", PAPER, ge=0, le=1)
    hue: float | None = setting(
        None, "most that hue turns, share of the circle; none: a quarter of `jitter`", PAPER, ge=0, le=0.5
    )
    jittered: float = setting(0.8, "share of views whose colours move", PAPER, ge=0, le=1)
    greyscale: float = setting(0.2, "share of views in grey", PAPER, ge=0, le=1)
    blur: float = setting(0.5, "share of views that are blurred", PAPER, ge=0, le=1)
    blur_kernel: int = setting(0, "side of the blur's kernel, px; 0: a tenth of the view", PAPER, ge=0)


def strong(
    images: Tensor,
    size: int,
    c: ViewsConfig,
    generator: torch.Generator,
    sizes: Tensor | None = None,
    reach: float = augment.REACH,
) -> Tensor:
    """Crop uint8 images (N, 3, s, s) at random, mirror, recolour, blur: float (N, 3, size, size) in [0, 1].

    ``sizes`` (N, 2) and ``reach`` say what of which original a square shows, as for ``augment.random_boxes``.
    """
    n = len(images)
    boxes = augment.random_boxes(n, (c.smallest_crop, 1.0), generator, sizes=sizes, reach=reach)
    return recoloured(augment.crop_resize(images, boxes, size, augment.coin(n, 0.5, generator)), c, generator)


def recoloured(
    views: Tensor, c: ViewsConfig, generator: torch.Generator, blur: float | None = None, solarise: float = 0.0
) -> Tensor:
    """Recolour, grey, blur and solarise squares float (N, 3, s, s) in [0, 1], each with its share.

    ``blur`` is the share of these views that are blurred where it is not that of the settings (DINO's differs from
    view to view), ``solarise`` the share whose bright half is inverted.
    """
    saturation = c.jitter if c.saturation is None else c.saturation
    hue = c.jitter / 4 if c.hue is None else c.hue
    jitter = augment.Jitter(c.jitter, c.jitter, saturation, hue)
    views = augment.jitter_colours(views, generator, jitter, c.jittered)
    views = augment.grey_some(views, c.greyscale, generator)
    kernel = c.blur_kernel or max(3, views.shape[-1] // 10 // 2 * 2 + 1)
    views = augment.blur_some(views, c.blur if blur is None else blur, generator, kernel=kernel)
    return augment.solarise_some(views, solarise, generator) if solarise > 0 else views


def weak(
    images: Tensor, size: int, smallest_crop: float, generator: torch.Generator, sizes: Tensor | None = None
) -> Tensor:
    """Crop a quarter, mirror half, grey a fifth: float (N, 3, size, size) in [0, 1] (Soykan et al.).

    With their ``sizes`` (N, 2), wide and high, images that have lost their aspect have it back: each is what lies in
    the middle of a black square, and crops are of that square.
    """
    n = len(images)
    boxes = augment.random_boxes(n, (smallest_crop, 1.0), generator)
    whole = torch.tensor((0.5, 0.5, 1.0, 1.0), device=boxes.device)
    boxes = torch.where(augment.coin(n, 0.25, generator)[:, None], boxes, whole)
    flip = augment.coin(n, 0.5, generator)
    if sizes is None:
        views = augment.crop_resize(images, boxes, size, flip)
    else:
        views = augment.crop_padded(images, boxes, sizes, size, flip)
    return augment.grey_some(views, 0.2, generator)
