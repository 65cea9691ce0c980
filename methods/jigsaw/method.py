"""Jigsaw puzzles: which of N permutations shuffled nine tiles of a panel (Noroozi & Favaro, ECCV 2016)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from inkbench.benchmark import augment
from inkbench.benchmark.api import Context, Method, View
from inkbench.benchmark.networks.tile_head import TileLayers, TileNetwork
from inkbench.benchmark.pretext.puzzle_pictures import draw_puzzles
from inkbench.benchmark.training.schedules import warmup_cosine
from inkbench.methods.jigsaw.config import JigsawConfig
from inkbench.methods.jigsaw.permutations import statistics

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone


@dataclass(frozen=True, slots=True)
class Puzzles:
    """Shuffled tiles: place i shows the tile that belongs at ``permutations[label, i]``."""

    pixels: Tensor
    """uint8 (N, T, 3, t, t), as cut."""
    labels: Tensor
    """int64 (N,)."""


class Jigsaw(Method[JigsawConfig]):
    """A context-free network sees nine shuffled tiles and says which permutation of a fixed set shuffled them."""

    name = "jigsaw"
    Config = JigsawConfig
    source = "Noroozi & Favaro, Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles, ECCV 2016"

    @cached_property
    def permutations(self) -> np.ndarray:
        """The set P, uint8 (N, T)."""
        return self.config.permutation_set()

    def views(self) -> dict[str, View]:
        """Return one square per panel, of the crop's side, from anywhere along the panel's long side."""
        return {"image": View(side=self.config.crop, fit=self.config.fit)}

    def crops_per_image(self) -> int:
        """Return the number of tiles of an image in a step."""
        return self.config.tiles * self.config.puzzles

    def input_sides(self) -> tuple[int, ...]:
        """Return the sides of the tiles."""
        return (self.config.tile,)

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """Build the context-free network around the backbone."""
        c = self.config
        layers = TileLayers(
            features=c.features,
            tile_width=c.tile_width,
            hidden=c.hidden,
            dropout=c.dropout,
            batch_norm=c.batch_norm,
        )
        net = TileNetwork(backbone, c.tiles, c.tile, c.permutations, layers)
        self._normalize = backbone.normalize
        return {"net": net}

    def optimizer(self, network: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return AdamW, Adam or SGD with momentum over all parameters."""
        c = self.config
        if c.optimizer == "sgd":
            return torch.optim.SGD(parameters, lr=c.lr, momentum=c.momentum, weight_decay=c.weight_decay)
        kind = torch.optim.AdamW if c.optimizer == "adamw" else torch.optim.Adam
        return kind(parameters, lr=c.lr, weight_decay=c.weight_decay, fused=True)

    def rate(self, progress: float) -> float:
        """Return cosine with warm-up, steps by ``decay`` at the milestones, or 1."""
        c = self.config
        if c.schedule == "cosine":
            return warmup_cosine(progress, c.warmup)
        if c.schedule == "step":
            return c.decay ** sum(progress >= milestone for milestone in c.milestones)
        return 1.0

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Yield cross-entropy of the permutation, one puzzle (or ``puzzles``) of each image."""
        images, puzzles = batch["image"], self.config.puzzles
        cut = self.cut(images if puzzles == 1 else images.repeat_interleave(puzzles, 0), context.generator)
        logits = nets["net"](self.appearance(cut.pixels, context.generator))
        yield cross_entropy(logits.float(), cut.labels)

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Score one puzzle of each image: accuracy (B,) in {0, 1}, 1 where its permutation is predicted correctly."""
        cut, predicted = self._solve(nets, batch["image"], context.generator)
        return {"accuracy": (predicted == cut.labels).double().cpu().numpy()}

    def trivial(self) -> dict[str, float]:
        """Return one guess among N equally likely permutations."""
        return {"accuracy": 1 / self.config.permutations}

    def facts(self) -> dict[str, float]:
        """Return the mean and minimum Hamming distance over all pairs of the set P (Table 4)."""
        if self.config.permutations < 2:
            return {}
        mean, least = statistics(self.permutations)
        return {"hamming_mean": mean, "hamming_min": float(least)}

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Draw puzzles as the network gets them, put together as it says, and the truth."""
        cut, predicted = self._solve(nets, batch["image"], context.generator)
        tiles = cut.pixels.permute(0, 1, 3, 4, 2).cpu().numpy()
        return {"puzzles": draw_puzzles(tiles, self.permutations, cut.labels.cpu().numpy(), predicted.cpu().numpy())}

    def cut(self, images: Tensor, generator: torch.Generator) -> Puzzles:
        """Cut one puzzle of each image uint8 (N, 3, crop, crop): label uniform, tiles cut in shuffled order at once."""
        n, device = len(images), generator.device
        table = torch.from_numpy(self.permutations.astype(np.int64)).to(device)
        labels = augment.integers((n,), self.config.permutations - 1, generator)
        y, x = self._places(table[labels], generator)
        return Puzzles(augment.cut(images, y, x, self.config.tile), labels)

    def appearance(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Return tiles uint8 (N, T, 3, t, t) as the network takes them, float32: colours, offsets, normalisation."""
        c = self.config
        tiles = augment.to_float(pixels)
        if c.greyscale or c.projection:
            tiles = augment.recolour(tiles, augment.colour_matrices(len(tiles), c.greyscale, c.projection, generator))
        if c.intensity:
            tiles = augment.intensity_offset(tiles, c.intensity, generator)
        if c.normalize:
            return augment.standardise(tiles)
        return self._normalize(tiles.flatten(0, 1)).view(tiles.shape)

    def _places(self, cells: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return row and column of each tile's corner, (N, T), or (N, T, 3) where channels move on their own.

        A channel's place lies in its cell's 0..cell - tile whatever its shift, so that gaps are 0..2 (cell - tile)
        and no tile at the crop's edge gives itself away by channels that could not move.
        """
        c = self.config
        most = c.shift if c.color_jittering else 0
        pitch = c.cell if c.gap else c.tile
        y, x = cells // c.grid * pitch, cells % c.grid * pitch
        room = c.crop - c.grid * pitch
        if not c.gap:
            where = augment.integers((2, len(cells), 1), max(room - most, 0), generator) if c.jitter else room // 2
        elif c.jitter:
            where = augment.integers((2, *cells.shape), max(c.slack - most, 0), generator) + room // 2
        else:
            where = max(c.slack // 2 - most // 2, 0) + room // 2
        dy, dx = where if isinstance(where, Tensor) else (where, where)
        y, x = y + dy, x + dx
        if most:
            y, x = augment.channel_shift(y, x, most, generator)
            y, x = y.clamp_max(c.crop - c.tile), x.clamp_max(c.crop - c.tile)
        return y, x

    def cues(self) -> dict[str, dict[str, Any]]:
        """Return the cues that these settings leave beside the drawing, and how each is removed (see ``audit``)."""
        c = self.config
        room = max(c.slack, c.tile // 4)
        apart = {"gap": True, "jitter": True, "cell": c.tile + room, "crop": max(c.crop, c.grid * (c.tile + room))}
        found: dict[str, dict[str, Any]] = {}
        if not (c.gap and c.jitter and c.slack):
            found["gap"] = apart
        if not c.normalize:
            found["normalisation"] = {"normalize": True, "intensity": 0}
        if not c.color_jittering:
            found["channel shift"] = {"color_jittering": True}
        if c.greyscale < 1:
            found["colour"] = {"greyscale": 1.0, "projection": 0.0}
        return found

    @torch.no_grad()
    def _solve(
        self, nets: Mapping[str, nn.Module], images: Tensor, generator: torch.Generator
    ) -> tuple[Puzzles, Tensor]:
        cut = self.cut(images, generator)
        return cut, nets["net"](self.appearance(cut.pixels, generator)).argmax(1)
