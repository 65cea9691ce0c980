"""The interface that an audit needs of a method with tiles, and the cues that are taken away from images and tiles."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from inkbench.benchmark.api import Method

BORDER = 0.1
"""The border of a tile on each side, as a share of the tile's side."""
FRAME = 0.05
"""The margin with the lines around a panel, as a share of the square's side."""


class Cut(Protocol):
    """Tiles of a batch as they were cut, and what they ask."""

    @property
    def pixels(self) -> Tensor:
        """uint8 (N, T, 3, t, t)."""

    @property
    def labels(self) -> Tensor:
        """int64 (N,)."""


@runtime_checkable
class CutsTiles(Protocol):
    """Interface that a method must have to be audited."""

    def cut(self, images: Tensor, generator: torch.Generator) -> Cut:
        """Return the tiles of images uint8 (N, 3, s, s), with their labels."""

    def appearance(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Return the tiles as the network takes them, float32 of the same shape."""

    def cues(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the cues that the settings leave in the puzzles, by name, with the settings that remove each."""


class Tiled(CutsTiles, Protocol):
    """A method whose pretext task is a question about tiles; its network ``nets["net"]`` gives logits of the answer."""

    config: Any


@dataclass(frozen=True, slots=True)
class Cue:
    """A way to take something away: other settings, another image before it is cut, or other tiles before they are
    shown (not after: a tile that is normalised with its border tells of it in its interior)."""

    name: str
    settings: Mapping[str, Any] | None = None
    image: Callable[[Tensor], Tensor] | None = None
    tiles: Callable[[Tensor], Tensor] | None = None

    @property
    def retrained(self) -> bool:
        """Return whether a network is also trained without the cue; tiles are altered for a look only."""
        return self.tiles is None

    def taken_from(self, method: Any) -> Any:
        """Return the method without this cue. Raises ValueError where its settings do not allow that."""
        if self.settings is not None:
            values = {**method.config.model_dump(), **self.settings}
            return type(method)(type(method.config)(**values))
        changed = copy.copy(method)
        cut, image, tiles = method.cut, self.image, self.tiles

        def cut_without(images: Tensor, generator: torch.Generator, *number: int) -> Any:
            puzzles = cut(images if image is None else image(images), generator, *number)
            return puzzles if tiles is None else replace(puzzles, pixels=tiles(puzzles.pixels))

        changed.cut = cut_without
        return changed


def cues_of(method: Tiled) -> list[Cue]:
    """Return every cue to take away in turn: those of the settings, frame lines, tile borders, tile interiors."""
    return [
        *(Cue(name, settings=settings) for name, settings in method.cues().items()),
        Cue("frame lines", image=without_frame),
        Cue("tile borders", tiles=without_border),
        Cue("all but tile borders", tiles=border_only),
    ]


def shuffled_labels(method: Method) -> Any:
    """Return the method with the labels of other puzzles of the batch: the control that can learn nothing true."""
    changed: Any = copy.copy(method)
    cut = changed.cut

    def cut_and_shuffle(images: Tensor, generator: torch.Generator, *number: int) -> Any:
        puzzles = cut(images, generator, *number)
        order = torch.randperm(len(puzzles.labels), generator=generator, device=generator.device)
        return type(puzzles)(puzzles.pixels, puzzles.labels[order])

    changed.cut = cut_and_shuffle
    return changed


def border_mask(tile: int) -> Tensor:
    """Return a mask bool (tile, tile), true on the outer tenth of each side, at least one pixel."""
    width = max(1, round(BORDER * tile))
    mask = torch.ones(tile, tile, dtype=torch.bool)
    mask[width : tile - width, width : tile - width] = False
    return mask


def without_frame(images: Tensor) -> Tensor:
    """Return squares uint8 (N, 3, s, s) with the outer twentieth cut off and the rest resized to the full side.

    Not painted over: a blank strip would tell a tile's place as well as a line does.
    """
    side = images.shape[-1]
    inner = slice(width := max(2, round(FRAME * side)), side - width)
    grown = interpolate(images[..., inner, inner].float(), size=(side, side), mode="bilinear", antialias=True)
    return grown.round().clamp(0, 255).to(images.dtype)


def without_border(tiles: Tensor) -> Tensor:
    """Return tiles uint8 (N, T, 3, t, t) whose border is the mean colour of their interior."""
    return _painted_over(tiles, border_mask(tiles.shape[-1]).to(tiles.device))


def border_only(tiles: Tensor) -> Tensor:
    """Return tiles uint8 (N, T, 3, t, t) of which only the border is left, the rest its mean colour."""
    return _painted_over(tiles, ~border_mask(tiles.shape[-1]).to(tiles.device))


def _painted_over(tiles: Tensor, gone: Tensor) -> Tensor:
    mean = tiles[..., ~gone].float().mean(-1).round().to(tiles.dtype)
    return torch.where(gone, mean[..., None, None], tiles)
