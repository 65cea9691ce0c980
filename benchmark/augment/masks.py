"""Masks of holes in images, (N, 1, s, s) with 1 in the hole (Pathak et al. 2016, section 3.3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from inkbench.benchmark.augment.patches import integers

COARSE = 0.06
"""Cells of the noise from which random regions are grown, a pixel: 600 of them for the authors' 10,000 px."""
MARGIN = 2
"""Cells at each edge of the noise that are not looked at: there a bicubic has too few neighbours."""
THRESHOLD = 0.25
SPREAD = 0.05
"""A random region's area is its share give or take this."""
TRIES = 8


def central_square(side: int, share: float) -> tuple[int, int]:
    """Return the start and the side, px, of the central square that covers a ``share`` of the area."""
    hole = round(side * share**0.5)
    return (side - hole) // 2, hole


def central_hole(n: int, side: int, share: float, generator: torch.Generator) -> Tensor:
    """Return a square hole in the middle that covers a ``share`` of the area; the same for all."""
    start, hole = central_square(side, share)
    mask = torch.zeros(n, 1, side, side, device=generator.device)
    mask[:, :, start : start + hole, start : start + hole] = 1
    return mask


def block_holes(n: int, side: int, share: float, generator: torch.Generator, blocks: int = 5) -> Tensor:
    """Draw square blocks at random places, which may overlap, together at most a ``share`` of the area."""
    block = max(1, int(side * (share / blocks) ** 0.5))
    corners = integers((2, n, blocks, 1), side - block, generator)
    line = torch.arange(side, device=generator.device)
    rows, columns = ((line >= corner) & (line < corner + block) for corner in corners)
    masks: Tensor = (rows[..., :, None] & columns[..., None, :]).any(1, keepdim=True).float()
    return masks


def region_holes(n: int, side: int, share: float, generator: torch.Generator) -> Tensor:
    """Draw ragged regions: smoothed noise below a threshold, cut where it covers ``share`` of the area, +- 0.05.

    As in the authors' code: low-resolution uniform noise, bicubic to full size, below 0.25; windows of it are drawn
    until one covers the right share. The last of 8 windows is shifted in threshold to cover it exactly. Within their
    cells all windows of a call begin alike.
    """
    cells = math.ceil(side * COARSE) + 2 * MARGIN + 1
    noise = torch.rand(TRIES, n, cells, cells, generator=generator, device=generator.device)
    rows, columns = _enlarging(cells, side, generator), _enlarging(cells, side, generator)
    with torch.autocast(noise.device.type, enabled=False):
        smooth = (rows @ noise @ columns.T)[:, :, None]
    holes = (smooth < THRESHOLD).float()
    fits = ((holes.mean((2, 3, 4)) - share).abs() <= SPREAD).float()
    fits[-1] = 1
    chosen = fits.argmax(0)
    mask = holes[chosen, torch.arange(n, device=generator.device)]
    last = smooth[-1]
    level = last.flatten(1).sort(1).values[:, min(round(share * side * side), side * side - 1)].view(n, 1, 1, 1)
    return torch.where((chosen == TRIES - 1).view(n, 1, 1, 1), (last < level).float(), mask)


def _enlarging(cells: int, side: int, generator: torch.Generator) -> Tensor:
    """Return a bicubic of ``cells`` to 1 / ``COARSE`` px each as a matrix, (side, cells); it begins within a cell."""
    device = generator.device
    whole = interpolate(torch.eye(cells, device=device)[None, None], (round(cells / COARSE), cells), mode="bicubic")
    margin = round(MARGIN / COARSE)
    start = margin + int(integers((), whole.shape[2] - 2 * margin - side, generator))
    return whole[0, 0, start : start + side]


HOLES = {"central": central_hole, "random_block": block_holes, "random_region": region_holes}


def inner_band(mask: Tensor, width: int) -> Tensor:
    """Return the pixels of a hole within ``width`` px of its edge.

    What lies beyond the image does not count as surroundings.
    """
    if width == 0:
        return torch.zeros_like(mask)
    return mask * max_pool2d(1 - mask, 2 * width + 1, stride=1, padding=width)
