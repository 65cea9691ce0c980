"""The settings of the jigsaw pretext task, and the values of whole sources."""

from __future__ import annotations

import math
from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from inkbench.benchmark.api import Config, setting
from inkbench.methods.jigsaw.permutations import permutation_set

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
            raise ValueError(f"greyscale {self.greyscale:g} and projection {self.projection:g} add up to more than 1")
        if self.permutations > math.factorial(self.tiles):
            raise ValueError(f"{self.tiles} tiles have {math.factorial(self.tiles)} permutations in all")
        if self.min_distance > 2:
            self.permutation_set()
        return self

    def permutation_set(self) -> np.ndarray:
        """Return the set P, uint8 (permutations, tiles). Raises ValueError where the distance allows no such set."""
        return permutation_set(
            self.permutations, self.generator, self.min_distance, self.tiles, seed=self.permutation_seed
        )
