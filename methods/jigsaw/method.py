"""Jigsaw puzzles: which of N permutations shuffled nine tiles of a panel (Noroozi & Favaro, ECCV 2016)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from inkbench.benchmark import augment
from inkbench.benchmark.api import Config, Context, Method, View, setting
from inkbench.benchmark.networks.tile_head import TileNetwork
from inkbench.benchmark.pretext.puzzle_pictures import draw_puzzles
from inkbench.benchmark.training.schedules import warmup_cosine
from inkbench.methods.jigsaw.permutations import permutation_set, statistics

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone

PAPER = "Noroozi & Favaro 2016"
CODE = "MehdiNoroozi/JigsawPuzzleSolver"
SEED_000 = "JigsawPanel"

NOROOZI = {
    "crop": 255,
    "cell": 85,
    "tile": 64,
    "shift": 2,
    "greyscale": 0.5,
    "projection": 0.25,
    "permutations": 1000,
    "tile_width": 1024,
    "hidden": 4096,
    "dropout": 0.5,
    "optimizer": "sgd",
    "lr": 0.01,
    "weight_decay": 5e-4,
    "schedule": "step",
}
"""The authors' Caffe code."""
JIGSAWPANEL = {
    "crop": 360,
    "fit": "squash",
    "cell": 120,
    "tile": 100,
    "jitter": False,
    "normalize": False,
    "color_jittering": False,
    "intensity": 2,
    "greyscale": 0.0,
    "projection": 0.0,
    "permutations": 200,
    "permutation_seed": 1,
    "features": "pooled",
    "tile_width": 0,
    "hidden": 0,
    "dropout": 0.0,
    "optimizer": "adam",
    "lr": 1e-3,
    "weight_decay": 1e-4,
    "schedule": "step",
    "milestones": tuple(epoch / 300 for epoch in range(45, 300, 45)),
    "decay": 0.2,
}
"""What the project JigsawPanel did, its faults included."""


class JigsawConfig(Config):
    """Settings of the jigsaw pretext task; the defaults are those of ``quick``."""

    recipe: Literal["", "noroozi", "jigsawpanel"] = setting("", "values of a whole source for what is not set itself")

    crop: int = setting(120, "side of the square that the puzzle is cut from, px", PAPER, ge=8)
    fit: Literal["crop", "squash"] = setting("crop", "panel to square: cut from its long side, or aspect lost", CODE)
    grid: int = setting(3, "tiles along a side", PAPER, ge=2, le=3)
    cell: int = setting(40, "side of a tile's cell, px", PAPER, ge=2)
    tile: int = setting(32, "side of a tile, px; a tile moves in its cell by cell - tile", PAPER, ge=2)
    gap: bool = setting(True, "gaps between tiles; off: tiles touch, cut as one block", f"{PAPER}, Table 5")
    jitter: bool = setting(True, "each tile at a random place of its cell; off: at its centre", PAPER)
    puzzles: int = setting(1, "puzzles cut from an image in a step", ge=1)

    normalize: bool = setting(True, "each tile to its own mean 0 and deviation 1", f"{PAPER}, Table 5")
    color_jittering: bool = setting(True, "each channel of a tile moved on its own", f"{PAPER}, Table 5")
    shift: int = setting(1, "most that color_jittering moves a channel in x and y, px", PAPER, ge=1)
    intensity: int = setting(0, "offset of a tile's channels, grey levels -k..k-1", SEED_000, ge=0, le=128)
    greyscale: float = setting(0.3, "share of puzzles in grey", PAPER, ge=0, le=1)
    projection: float = setting(0.0, "share of puzzles without their green-magenta axis", CODE, ge=0, le=1)

    permutations: int = setting(12, "size of the permutation set (classes)", f"{PAPER}, Table 4", ge=2, le=20_000)
    generator: Literal["max", "min", "middle"] = setting(
        "max", "the set's Hamming distances: maximal, minimal or near the median", f"{PAPER}, Algorithm 1"
    )
    min_distance: int = setting(2, "least Hamming distance between two of the set", f"{PAPER}, Table 4", ge=2, le=9)
    permutation_seed: int = setting(0, "draws the first permutation of the set", PAPER, ge=0)

    features: Literal["map", "pooled"] = setting("map", "a tile's features: coarsest map, flattened or averaged", PAPER)
    tile_width: int = setting(256, "width of fc6, one for each tile; 0: no fc6", CODE, ge=0)
    hidden: int = setting(512, "width of fc7, over all tiles; 0: no fc7", CODE, ge=0)
    dropout: float = setting(0.3, "dropout after fc6 and fc7", CODE, ge=0, lt=1)
    batch_norm: bool = setting(False, "batch normalisation in fc6 and fc7", "VISSL")

    optimizer: Literal["adamw", "adam", "sgd"] = setting("adamw", "optimiser", "inkbench")
    lr: float = setting(1e-3, "learning rate", "inkbench", gt=0)
    weight_decay: float = setting(1e-2, "weight decay (decoupled for adamw)", "inkbench", ge=0)
    momentum: float = setting(0.9, "momentum of sgd", CODE, ge=0, lt=1)
    schedule: Literal["cosine", "step", "constant"] = setting("cosine", "course of the learning rate", "inkbench")
    warmup: float = setting(0.05, "share of the budget in which a cosine rises", "inkbench", ge=0, lt=1)
    milestones: tuple[float, ...] = setting(
        (100 / 350, 200 / 350, 300 / 350), "shares of the budget after which 'step' falls", CODE
    )
    decay: float = setting(0.1, "factor by which 'step' falls", CODE, gt=0, le=1)

    presets = {
        "smoke": {"permutations": 6},
        "standard": {
            "crop": 225,
            "cell": 75,
            "tile": 64,
            "shift": 2,
            "permutations": 100,
            "tile_width": 512,
            "hidden": 1024,
        },
        "paper": {"recipe": "noroozi", **NOROOZI},
    }
    recipes = {"noroozi": NOROOZI, "jigsawpanel": JIGSAWPANEL}

    @property
    def tiles(self) -> int:
        """Tiles of a puzzle."""
        return self.grid**2

    @property
    def slack(self) -> int:
        """Pixels by which a tile can move in its cell, in x and in y: cell - tile."""
        return self.cell - self.tile

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.tile > self.cell:
            raise ValueError(f"tile {self.tile} is larger than its cell {self.cell}; lower tile or raise cell")
        if self.cell * self.grid > self.crop:
            raise ValueError(
                f"{self.grid} cells of {self.cell} px do not fit a crop of {self.crop}; raise crop to "
                f"{self.cell * self.grid} or lower cell"
            )
        if self.greyscale + self.projection > 1:
            raise ValueError(f"greyscale {self.greyscale:g} and projection {self.projection:g} are more than all")
        if self.permutations > math.factorial(self.tiles):
            raise ValueError(f"{self.tiles} tiles have {math.factorial(self.tiles)} permutations, not more")
        if self.min_distance > 2:
            self.permutation_set()
        return self

    def permutation_set(self) -> np.ndarray:
        """The set P, uint8 (permutations, tiles). Raises ValueError where the distance allows no such set."""
        return permutation_set(
            self.permutations, self.generator, self.min_distance, self.tiles, seed=self.permutation_seed
        )


@dataclass(frozen=True, slots=True)
class Puzzles:
    """Shuffled tiles: place i shows the tile that belongs at ``permutations[label, i]``."""

    pixels: Tensor
    """uint8 (N, T, 3, t, t), as cut."""
    labels: Tensor
    """int64 (N,)."""


class Jigsaw(Method):
    """A context-free network sees nine shuffled tiles and says which permutation of a fixed set shuffled them."""

    name = "jigsaw"
    Config = JigsawConfig
    source = "Noroozi & Favaro, Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles, ECCV 2016"

    config: JigsawConfig

    @cached_property
    def permutations(self) -> np.ndarray:
        """The set P, uint8 (N, T)."""
        return self.config.permutation_set()

    def views(self) -> dict[str, View]:
        """One square per panel, of the crop's side, from anywhere along the panel's long side."""
        return {"image": View(side=self.config.crop, fit=self.config.fit)}

    def crops_per_image(self) -> int:
        """Tiles of an image in a step."""
        return self.config.tiles * self.config.puzzles

    def input_sides(self) -> tuple[int, ...]:
        """The tiles."""
        return (self.config.tile,)

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """The context-free network around the backbone."""
        c = self.config
        net = TileNetwork(
            backbone,
            c.tiles,
            c.tile,
            c.permutations,
            features=c.features,
            tile_width=c.tile_width,
            hidden=c.hidden,
            dropout=c.dropout,
            batch_norm=c.batch_norm,
        )
        self._normalize = backbone.normalize
        return {"net": net}

    def optimizer(self, network: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """AdamW, Adam or SGD with momentum over all parameters."""
        c = self.config
        if c.optimizer == "sgd":
            return torch.optim.SGD(parameters, lr=c.lr, momentum=c.momentum, weight_decay=c.weight_decay)
        kind = torch.optim.AdamW if c.optimizer == "adamw" else torch.optim.Adam
        return kind(parameters, lr=c.lr, weight_decay=c.weight_decay, fused=True)

    def rate(self, progress: float) -> float:
        """Cosine with warm-up, steps by ``decay`` at the milestones, or 1."""
        c = self.config
        if c.schedule == "cosine":
            return warmup_cosine(progress, c.warmup)
        if c.schedule == "step":
            return c.decay ** sum(progress >= milestone for milestone in c.milestones)
        return 1.0

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Cross-entropy of the permutation, one puzzle (or ``puzzles``) of each image."""
        images, puzzles = batch["image"], self.config.puzzles
        cut = self.cut(images if puzzles == 1 else images.repeat_interleave(puzzles, 0), context.generator)
        logits = nets["net"](self.appearance(cut.pixels, context.generator))
        yield cross_entropy(logits.float(), cut.labels)

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Whether the permutation of one puzzle of each image was found: accuracy (B,) in {0, 1}."""
        cut, predicted = self._solve(nets, batch["image"], context.generator)
        return {"accuracy": (predicted == cut.labels).double().cpu().numpy()}

    def trivial(self) -> dict[str, float]:
        """One guess among N equally likely permutations."""
        return {"accuracy": 1 / self.config.permutations}

    def facts(self) -> dict[str, float]:
        """Mean and minimum Hamming distance over all pairs of the set P (Table 4)."""
        if self.config.permutations < 2:
            return {}
        mean, least = statistics(self.permutations)
        return {"hamming_mean": mean, "hamming_min": float(least)}

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Puzzles as the network gets them, put together as it says, and the truth."""
        cut, predicted = self._solve(nets, batch["image"], context.generator)
        tiles = cut.pixels.permute(0, 1, 3, 4, 2).cpu().numpy()
        return {"puzzles": draw_puzzles(tiles, self.permutations, cut.labels.cpu().numpy(), predicted.cpu().numpy())}

    def cut(self, images: Tensor, generator: torch.Generator) -> Puzzles:
        """One puzzle of each image uint8 (N, 3, crop, crop): label uniform, tiles cut in shuffled order at once."""
        n, device = len(images), generator.device
        table = torch.from_numpy(self.permutations.astype(np.int64)).to(device)
        labels = augment.integers((n,), self.config.permutations - 1, generator)
        y, x = self._places(table[labels], generator)
        return Puzzles(augment.cut(images, y, x, self.config.tile), labels)

    def appearance(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Tiles uint8 (N, T, 3, t, t) as the network takes them, float32: colours, offsets, normalisation."""
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
        """Row and column of each tile's corner, (N, T), or (N, T, 3) where channels move on their own.

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
        """What these settings leave to be seen beside the drawing, and how each is taken away (see ``audit``)."""
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
