"""Prepared images as they are read: squares, and strips from which a square is taken at a place along the long side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from inkbench.benchmark.contracts.dataset import Item

Rows: TypeAlias = Sequence[int] | np.ndarray
Hold: TypeAlias = Callable[[int, np.ndarray], np.ndarray]
"""From the number of a row in the file and its pixels as read to its pixels as they were written."""


@dataclass(frozen=True)
class ImageCache:
    """The readable ``items`` in their order; ``images`` uint8 (N, S, S, 3), read-only; ``sizes`` int64 (N, 2).

    ``sizes`` are width and height in pixels of the original (of the crop, where there is one); ``failures`` are
    pairs of an item's id and the reason why it is not here. ``rows`` says where in ``images`` the items lie, where not
    in order; ``held`` holds every image against its checksum when it is read.
    """

    items: list[Item]
    images: np.ndarray
    sizes: np.ndarray
    failures: list[tuple[str, str]]
    rows: np.ndarray | None = None
    held: Hold | None = None

    @property
    def side(self) -> int:
        """The side of a square, px."""
        return int(self.images.shape[1])

    def batch(self, indices: Rows, out: np.ndarray | None = None, at: np.ndarray | None = None) -> np.ndarray:
        """Return a copy of the squares at ``indices``, none negative, as uint8 (B, S, S, 3); into ``out`` if given.

        ``at`` plays no part: of a square there is one.
        """
        del at
        chosen = np.asarray(indices, dtype=np.int64)
        rows = chosen if self.rows is None else self.rows[chosen]
        _check(rows, len(self.images))
        # "clip" writes into ``out`` directly, where the usual mode goes through a buffer of the same size
        taken = np.take(np.asarray(self.images), rows, axis=0, out=out, mode="clip")
        if self.held:
            for row, image in zip(rows.tolist(), taken, strict=True):
                if (written := self.held(row, image)) is not image:
                    image[:] = written
        return taken

    def subset(self, rows: np.ndarray) -> ImageCache:
        """Return a cache of some of the items, over the same squares."""
        own = rows if self.rows is None else self.rows[rows]
        return ImageCache(
            [self.items[row] for row in rows], self.images, self.sizes[rows], self.failures, own, self.held
        )


@dataclass(frozen=True)
class StripCache:
    """Images of ``side`` px across whose length is in proportion: a square of each is cut when it is read.

    ``pixels`` uint8, flat and read-only: strip k begins at ``starts[k]`` and is ``lengths[k]`` px long, along x where
    ``wide[k]``, else along y. ``items``, ``sizes`` and ``failures`` as of ``ImageCache``.
    """

    items: list[Item]
    pixels: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    wide: np.ndarray
    side: int
    sizes: np.ndarray
    failures: list[tuple[str, str]]
    held: Hold | None = None
    rows: np.ndarray | None = None

    def batch(self, indices: Rows, out: np.ndarray | None = None, at: np.ndarray | None = None) -> np.ndarray:
        """Return a copy of squares of the strips at ``indices`` as uint8 (B, S, S, 3); into ``out`` if given.

        ``at`` float (B,) in [0, 1) says where along each strip: every place of whole pixels has its even share. None is
        the centre.
        """
        rows, side = np.asarray(indices, dtype=np.int64), self.side
        _check(rows, len(self.starts))
        crops = np.empty((len(rows), side, side, 3), dtype=np.uint8) if out is None else out
        room = self.lengths[rows] - side
        begin = room // 2 if at is None else (np.asarray(at) * (room + 1)).astype(np.int64)
        for crop, row, first in zip(crops, rows.tolist(), begin.tolist(), strict=True):
            start, length = int(self.starts[row]), int(self.lengths[row])
            strip = self.pixels[start : start + 3 * side * length]
            if self.held:
                strip = self.held(row if self.rows is None else int(self.rows[row]), strip)
            if self.wide[row]:
                crop[:] = strip.reshape(side, length, 3)[:, first : first + side]
            else:
                crop[:] = strip.reshape(length, side, 3)[first : first + side]
        return crops

    def subset(self, rows: np.ndarray) -> StripCache:
        """Return a cache of some of the items, over the same strips."""
        return StripCache(
            [self.items[row] for row in rows],
            self.pixels,
            self.starts[rows],
            self.lengths[rows],
            self.wide[rows],
            self.side,
            self.sizes[rows],
            self.failures,
            self.held,
            rows if self.rows is None else self.rows[rows],
        )


Cached: TypeAlias = ImageCache | StripCache


def aligned(caches: Mapping[str, Cached]) -> dict[str, Cached]:
    """Return caches whose items belong together by their order, without those whose partner cannot be read."""
    names = {name: [_partner(item) for item in cache.items] for name, cache in caches.items()}
    if len({tuple(of) for of in names.values()}) == 1:
        return dict(caches)
    common = set.intersection(*(set(of) for of in names.values()))
    kept: dict[str, Cached] = {}
    for name, cache in caches.items():
        kept[name] = cache.subset(np.array([k for k, of in enumerate(names[name]) if of in common], dtype=np.int64))
    return kept


def _partner(item: Item) -> str:
    """Return what items of two kinds that belong together share."""
    return f"{item.panel}/{item.identity}" if item.panel else item.id


def _check(rows: np.ndarray, count: int) -> None:
    if len(rows) and not 0 <= rows.min() <= rows.max() < count:
        raise IndexError(f"images {rows.min()} to {rows.max()} of {count}")
