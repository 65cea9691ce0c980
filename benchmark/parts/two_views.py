"""How an image becomes two that a network should take for the same: SimCLR's augmentations as settings."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark import augment
from benchmark.config import setting
from benchmark.parts.adamw import AdamWConfig

PAPER = "Chen et al. 2020, appendix A"


class ViewsConfig(AdamWConfig):
    """Settings of the strong views."""

    smallest_crop: float = setting(0.2, "least area of a crop, share of the image", PAPER, gt=0, le=1)
    jitter: float = setting(0.5, "strength of colour jitter; hue moves a fifth of it", PAPER, ge=0, le=1)
    jittered: float = setting(0.8, "share of views whose colours move", PAPER, ge=0, le=1)
    greyscale: float = setting(0.2, "share of views in grey", PAPER, ge=0, le=1)
    blur: float = setting(0.5, "share of views that are blurred", PAPER, ge=0, le=1)


def strong(
    images: Tensor,
    size: int,
    c: ViewsConfig,
    generator: torch.Generator,
    sizes: Tensor | None = None,
    reach: float = augment.REACH,
) -> Tensor:
    """Random crops of uint8 images (N, 3, s, s), mirrored, recoloured, blurred: float (N, 3, size, size) in [0, 1].

    ``sizes`` (N, 2) and ``reach`` say what of which original a square shows, as for ``augment.random_boxes``.
    """
    n = len(images)
    boxes = augment.random_boxes(n, (c.smallest_crop, 1.0), generator, sizes=sizes, reach=reach)
    return recoloured(augment.crop_resize(images, boxes, size, augment.coin(n, 0.5, generator)), c, generator)


def recoloured(views: Tensor, c: ViewsConfig, generator: torch.Generator) -> Tensor:
    """Squares float (N, 3, s, s) in [0, 1] with other colours, in grey, blurred, each by its share."""
    views = augment.jitter_colours(views, generator, c.jitter, c.jitter, c.jitter, c.jitter / 5, c.jittered)
    views = augment.grey_some(views, c.greyscale, generator)
    return augment.blur_some(views, c.blur, generator, kernel=max(3, views.shape[-1] // 10 // 2 * 2 + 1))


def weak(images: Tensor, size: int, smallest_crop: float, generator: torch.Generator) -> Tensor:
    """A quarter of them cropped, half mirrored, a fifth in grey: float (N, 3, size, size) in [0, 1] (Soykan et al.)."""
    n = len(images)
    boxes = augment.random_boxes(n, (smallest_crop, 1.0), generator)
    whole = torch.tensor((0.5, 0.5, 1.0, 1.0), device=boxes.device)
    boxes = torch.where(augment.coin(n, 0.25, generator)[:, None], boxes, whole)
    views = augment.crop_resize(images, boxes, size, augment.coin(n, 0.5, generator))
    return augment.grey_some(views, 0.2, generator)
