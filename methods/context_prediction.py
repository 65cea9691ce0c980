"""Context prediction: in which direction from the first lies the second patch (Doersch et al., ICCV 2015)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from inkbench.benchmark import augment
from inkbench.benchmark.api import Context, View, setting
from inkbench.benchmark.networks.tile_head import TileLayers, TileNetwork
from inkbench.benchmark.pretext.adamw import AdamWConfig, AdamWMethod
from inkbench.benchmark.pretext.puzzle_pictures import draw_pairs

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone

PAPER = "Doersch et al. 2015"
CODE = "cdoersch/deepcontext"

NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
"""Row and column of the second patch from the first, by label: 0 1 2 / 3 . 4 / 5 6 7. Label 7 - k is the opposite."""


class ContextPredictionConfig(AdamWConfig):
    """Settings of relative context prediction; the defaults are those of ``quick``."""

    side: int = setting(120, "side of the square that the patches are cut from, px", PAPER, ge=8)
    patch: int = setting(32, "side of a patch, px", PAPER, ge=2)
    gap: int = setting(12, "pixels between two patches, before they move", PAPER, ge=0)
    jitter: int = setting(2, "most that each patch moves in x and in y, px", PAPER, ge=0)
    pairs: int = setting(4, "pairs cut from an image in a step", CODE, ge=1)
    colours: Literal["dropping", "projection", "none"] = setting(
        "dropping", "against chromatic aberration: one channel kept, or the green-magenta axis dropped", PAPER
    )
    downsampling: float = setting(0.33, "share of patches that are made small and large again", CODE, ge=0, le=1)
    least_side: float = setting(10 / 96, "least side of a patch made small, share of its own", CODE, gt=0, le=0.98)
    least_scale: float = setting(0.5, "least pixels of a panel, share of the square's; uniform", CODE, gt=0, le=1)
    normalize: bool = setting(True, "each patch without its mean, divided by its root mean square", CODE)
    greyscale: float = setting(0.0, "share of pairs in grey", "inkbench", ge=0, le=1)

    patch_width: int = setting(256, "width of fc6, one for each patch", CODE, ge=0)
    hidden: int = setting(512, "width of fc7, over both patches", CODE, ge=0)
    dropout: float = setting(0.0, "dropout after fc6 and fc7", CODE, ge=0, lt=1)
    batch_norm: bool = setting(True, "batch normalisation in fc6 and fc7", CODE)

    presets = {
        "standard": {"side": 255, "patch": 64, "gap": 32, "jitter": 5, "patch_width": 512, "hidden": 1024},
        "paper": {
            "side": 671,
            "patch": 96,
            "gap": 48,
            "jitter": 7,
            "least_scale": 1 / 3,
            "patch_width": 4096,
            "hidden": 4096,
        },
    }

    @property
    def pitch(self) -> int:
        """Pixels from a patch to the next, before they move."""
        return self.patch + self.gap

    @property
    def least(self) -> int:
        """Side in pixels of a panel at its smallest."""
        return int(self.side * math.sqrt(self.least_scale))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        needed = self.pitch + self.patch + 2 * self.jitter
        if needed > self.least:
            raise ValueError(
                f"two patches of {self.patch} px with a gap of {self.gap} that move by {self.jitter} do not fit "
                f"{self.least} px, the least of a side of {self.side} with least_scale {self.least_scale:.4g}; raise "
                f"side to {side_for(needed, self.least_scale)} or least_scale, or lower patch, gap or jitter"
            )
        return self


def side_for(needed: int, least_scale: float) -> int:
    """Return the side of a square with ``needed`` pixels a side when a share ``least_scale`` of its area is left."""
    return math.ceil(needed / math.sqrt(least_scale))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two patches of each image, the second in direction ``NEIGHBOURS[label]`` from the first."""

    pixels: Tensor
    """uint8 (N, 2, 3, p, p), as cut."""
    labels: Tensor
    """int64 (N,) in 0..7."""


class ContextPrediction(AdamWMethod[ContextPredictionConfig]):
    """A two-stream network sees two patches of a panel and says in which of eight directions the second lies."""

    name = "context_prediction"
    version = 2
    Config = ContextPredictionConfig
    source = "Doersch, Gupta & Efros, Unsupervised Visual Representation Learning by Context Prediction, ICCV 2015"

    def views(self) -> dict[str, View]:
        """Return one square per panel."""
        return {"image": View(side=self.config.side)}

    def crops_per_image(self) -> int:
        """Return the number of patches of an image in a step."""
        return 2 * self.config.pairs

    def input_sides(self) -> tuple[int, ...]:
        """Return the sides of the patches."""
        return (self.config.patch,)

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """Build the two streams, which share their weights, and the layers over both."""
        c = self.config
        layers = TileLayers(tile_width=c.patch_width, hidden=c.hidden, dropout=c.dropout, batch_norm=c.batch_norm)
        net = TileNetwork(backbone, 2, c.patch, len(NEIGHBOURS), layers)
        self._normalize = backbone.normalize
        return {"net": net}

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Yield cross-entropy of the direction, ``pairs`` pairs of each image."""
        pairs = self.cut(batch["image"], context.generator, self.config.pairs)
        logits = nets["net"](self.appearance(pairs.pixels, context.generator))
        yield cross_entropy(logits.float(), pairs.labels)

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Score one pair of each image: accuracy (B,) in {0, 1}, 1 where its direction is predicted correctly."""
        pairs, predicted = self._solve(nets, batch["image"], context.generator)
        return {"accuracy": (predicted == pairs.labels).double().cpu().numpy()}

    def trivial(self) -> dict[str, float]:
        """Return one guess among eight equally likely directions."""
        return {"accuracy": 1 / len(NEIGHBOURS)}

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Draw pairs as they were cut, laid out as the network says, and the truth."""
        pairs, predicted = self._solve(nets, batch["image"], context.generator)
        patches = pairs.pixels.permute(0, 1, 3, 4, 2).cpu().numpy()
        return {"pairs": draw_pairs(patches, NEIGHBOURS, pairs.labels.cpu().numpy(), predicted.cpu().numpy())}

    def cut(self, images: Tensor, generator: torch.Generator, pairs: int = 1) -> Pairs:
        """Cut ``pairs`` of each image uint8 (N, 3, side, side), at one scale: uniform direction, any place that fits.

        Swapping the patches of a pair gives an equally likely pair, with label 7 - k.
        """
        c = self.config
        images, sides = self._scaled(images, generator)
        images, sides = images.repeat_interleave(pairs, 0), sides.repeat_interleave(pairs)
        n, device = len(images), generator.device
        labels = augment.integers((n,), len(NEIGHBOURS) - 1, generator)
        direction = torch.tensor(NEIGHBOURS, device=device)[labels]
        corners = []
        for axis in (0, 1):
            along = direction[:, axis] * c.pitch
            extent = along.abs() + c.patch
            room = sides - extent - 2 * c.jitter
            share = torch.rand(n, generator=generator, device=device)
            start = torch.minimum((share * (room + 1)).long(), room) + c.jitter - along.clamp_max(0)
            both = torch.stack([start, start + along], 1)
            corners.append(both + augment.integers((n, 2), 2 * c.jitter, generator) - c.jitter)
        return Pairs(augment.cut(images, corners[0], corners[1], c.patch), labels)

    def _scaled(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return images at random sizes, at the top left of their squares, and their sides int64 (N,).

        The number of pixels is uniform from ``least_scale`` of the square's to all of them.
        """
        c = self.config
        if c.least_scale == 1:
            return images, torch.full((len(images),), c.side, device=generator.device)
        uniform = torch.rand(len(images), generator=generator, device=generator.device, dtype=torch.float64)
        sides = (c.side * (c.least_scale + uniform * (1 - c.least_scale)).sqrt()).long()
        return augment.shrink(images, sides), sides

    def appearance(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Return patches uint8 (N, 2, 3, p, p) as the network takes them, float32: size, colours, normalisation."""
        c = self.config
        patches = augment.to_float(pixels)
        if c.downsampling:
            flat = augment.downsample(patches.flatten(0, 1), c.downsampling, c.least_side, generator)
            patches = flat.view(patches.shape)
        projected = 1 - c.greyscale if c.colours == "projection" else 0.0
        if c.greyscale or projected:
            matrices = augment.colour_matrices(len(patches), c.greyscale, projected, generator)
            patches = augment.recolour(patches, matrices)
        if c.colours == "dropping":
            patches = augment.drop_colours(patches, generator)
        if c.normalize:
            return augment.divide_by_rms(patches)
        return self._normalize(patches.flatten(0, 1)).view(patches.shape)

    def cues(self) -> dict[str, dict[str, Any]]:
        """Return the cues that these settings leave beside the drawing, and how each is removed (see ``audit``)."""
        c = self.config
        gap = c.patch // 4
        found: dict[str, dict[str, Any]] = {}
        if not (c.gap and c.jitter):
            apart = {"gap": gap, "jitter": max(1, gap // 4)}
            needed = 2 * c.patch + gap + 2 * apart["jitter"]
            found["gap"] = {**apart, "side": max(c.side, side_for(needed, c.least_scale))}
        if not c.normalize:
            found["normalisation"] = {"normalize": True}
        if c.colours == "none":
            found["channel shift"] = {"colours": "dropping"}
        if c.greyscale < 1:
            found["colour"] = {"greyscale": 1.0}
        return found

    @torch.no_grad()
    def _solve(self, nets: Mapping[str, nn.Module], images: Tensor, generator: torch.Generator) -> tuple[Pairs, Tensor]:
        pairs = self.cut(images, generator)
        return pairs, nets["net"](self.appearance(pairs.pixels, generator)).argmax(1)
