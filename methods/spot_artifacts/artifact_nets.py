"""The networks of artifact spotting: autoencoder, gated repair, critic with a mask head (Jenni & Favaro 2018)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone

SLOPE = 0.2
"""Of the leaky rectifier."""
Levels: TypeAlias = Callable[[Tensor, int, int], Tensor]
"""An autoencoder's levels from the first to before the second number, of what the level before has given."""


class Autoencoder(nn.Module):
    """phi and its decoder: images (N, 3, s, s) in [-1, 1] to (N, C, s / 2^levels, s / 2^levels) and back.

    Level 0 is the encoder, the levels from 1 to before ``levels`` those of the decoder. All of them are reached by
    ``forward``, the one call that a wrapper for several devices lets through.
    """

    def __init__(self, width: int, halvings: int, encoder: Literal["2x2", "3x3"]) -> None:
        """Build with ``width`` channels at full size, doubled at each of ``halvings``."""
        super().__init__()
        self.widths = [width << level for level in range(halvings + 1)]
        kernel = {"2x2": (2, 0), "3x3": (3, 1)}[encoder]
        self.encoder = nn.Sequential(
            _layer(3, width, 3, 1, 1),
            *(_layer(a, b, kernel[0], 2, kernel[1]) for a, b in pairwise(self.widths)),
        )
        up = self.widths[::-1]
        self.decoder = nn.ModuleList(
            [_Up(a, b) for a, b in pairwise(up)] + [nn.Sequential(nn.Conv2d(width, 3, 3, padding=1), nn.Tanh())]
        )
        self.levels = 1 + len(self.decoder)

    def forward(self, seen: Tensor, first: int = 0, end: int | None = None) -> Tensor:
        """Apply the levels from ``first`` to before ``end`` to ``seen``; all of them give the autoencoded images."""
        for level in [self.encoder, *self.decoder][first:end]:
            seen = level(seen)
        return seen


class Repair(nn.Module):
    """R: small repair layers before each level of the decoder, or all of them before its first ("local")."""

    def __init__(self, widths: list[int], where: Literal["distributed", "local"], gating: bool) -> None:
        """Build from ``widths`` of the autoencoder, fine to coarse: as many layers as the decoder has levels."""
        super().__init__()
        self.where = where
        places = widths[::-1] if where == "distributed" else [widths[-1]] * len(widths)
        self.layers = nn.ModuleList([RepairLayer(channels, gating) for channels in places])

    def forward(self, features: Tensor, mask: Tensor, autoencoder: Levels) -> Tensor:
        """Return repaired images of damaged features (N, C, g, g), by the decoder of ``autoencoder``."""
        end = 1 + len(self.layers)
        if self.where == "local":
            for layer in self.layers:
                features = layer(features, mask)
            return autoencoder(features, 1, end)
        for level, layer in enumerate(self.layers, start=1):
            features = autoencoder(layer(features, mask), level, level + 1)
        return features


class RepairLayer(nn.Module):
    """D_i = D_{i-1} + (1 - U(Omega)) R_i(D_{i-1}): gated, what was kept passes bit for bit."""

    def __init__(self, channels: int, gating: bool) -> None:
        super().__init__()
        self.gating = gating
        self.inner = nn.Sequential(
            nn.Conv2d(channels + 1, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Repair ``features`` (N, C, h, w), ``mask`` (N, 1, g, g) with 1 where kept."""
        mask = interpolate(mask, size=features.shape[-2:], mode="nearest")
        repaired = features + self.inner(torch.cat([features, mask.to(features.dtype)], 1))
        return torch.where(mask > 0, features, repaired) if self.gating else repaired


class Generator(nn.Module):
    """An ordinary generator: noise to features of the autoencoder's size, then a decoder of its own."""

    def __init__(self, widths: list[int], grid: int, noise: int) -> None:
        super().__init__()
        self.noise, self.grid, self.channels = noise, grid, widths[-1]
        self.first = nn.Sequential(nn.Linear(noise, widths[-1] * grid * grid), nn.LeakyReLU(SLOPE))
        up = widths[::-1]
        self.decoder = nn.Sequential(
            *(_Up(a, b) for a, b in pairwise(up)), nn.Conv2d(up[-1], 3, 3, padding=1), nn.Tanh()
        )

    def forward(self, noise: Tensor) -> Tensor:
        """Generate images from noise (N, noise)."""
        images: Tensor = self.decoder(self.first(noise).view(-1, self.channels, self.grid, self.grid))
        return images


class Critic(nn.Module):
    """C: the backbone as trunk; whether the image is real, and, from the map as coarse as Omega, what was kept."""

    def __init__(self, backbone: Backbone, side: int, grid: int, hidden: int, mask: bool) -> None:
        """Build the critic. Raises UsageError where no map of the backbone is ``grid`` wide on images of ``side``."""
        super().__init__()
        self.backbone = backbone
        self.level = _level_of(backbone, side, grid) if mask else None
        self.real = nn.Sequential(nn.Linear(backbone.channels[-1], hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, 1))
        self.kept = nn.Conv2d(backbone.channels[self.level], 1, 3, padding=1) if self.level is not None else None

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return logits (N,) of "real" and (N, 1, g, g) of "kept" for normalised images."""
        maps = self.backbone(images)
        real = self.real(maps[-1].mean((2, 3)))[:, 0].float()
        return real, None if self.kept is None else self.kept(maps[self.level]).float()


class History(nn.Module):
    """Corrupted images of earlier steps with their masks, as the state of the pretraining keeps them."""

    images: Tensor
    masks: Tensor
    filled: Tensor

    def __init__(self, size: int, side: int, grid: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, 3, side, side, dtype=torch.uint8))
        self.register_buffer("masks", torch.zeros(size, 1, grid, grid, dtype=torch.uint8))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def mix(self, images: Tensor, masks: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Exchange half of a batch for earlier examples, once there are enough; new ones take their places.

        ``images`` (N, 3, s, s) in [-1, 1], ``masks`` (N, 1, g, g).
        """
        half, size = len(images) // 2, len(self.images)
        device = images.device
        new = ((images[:half].float() + 1) * 127.5).round().to(torch.uint8), masks[:half].to(torch.uint8)
        if int(self.filled) < size:
            start = int(self.filled)
            count = min(half, size - start)
            self.images[start : start + count], self.masks[start : start + count] = new[0][:count], new[1][:count]
            self.filled += count
            return images, masks
        places = torch.randperm(size, generator=generator, device=device)[:half]
        old = self.images[places].to(images.dtype) / 127.5 - 1, self.masks[places].to(masks.dtype)
        self.images[places], self.masks[places] = new[0][: len(places)], new[1][: len(places)]
        rest = len(places)
        return torch.cat([old[0], images[rest:]]), torch.cat([old[1], masks[rest:]])


class _Up(nn.Sequential):
    """Twice the size by bilinear interpolation, then a convolution."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2, mode="bilinear"), *_layer(channels, out, 3, 1, 1))


def _layer(channels: int, out: int, kernel: int, stride: int, padding: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, kernel, stride, padding, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(SLOPE)
    )


def _level_of(backbone: Backbone, side: int, grid: int) -> int:
    was = backbone.training
    backbone.eval()
    with torch.no_grad():
        sizes = [
            m.shape[-1] for m in backbone(torch.zeros(1, 3, side, side, device=next(backbone.parameters()).device))
        ]
    backbone.train(was)
    if grid not in sizes:
        raise UsageError(
            f"spot_artifacts: no map of {backbone.name} is {grid} wide on {side} px (they are {sizes}), as the damage "
            "mask is; set spot_artifacts.levels or spot_artifacts.side so that side / 2^levels is one of them"
        )
    return sizes.index(grid)
