"""Images as squares and strips of uint8, made once: cut, resized, memory-mapped, the unreadable ones listed by name.

A square depends on its item and its view alone, never on the number of threads or on the other items. Resizing is
Pillow's antialiased triangle filter (BILINEAR): unlike BICUBIC it draws no halo beside ink. Whole JPEG images that
shrink by 4 or more are decoded at 1/2, 1/4 or 1/8 first, at least twice as large as they end.

A strip (see ``strips``) is the same image at the same scale with more of its long side, up to ``LONGEST`` squares.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
from PIL import Image, features

from inkbench.benchmark.api import View
from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data.cached import ImageCache, aligned
from inkbench.benchmark.data.damage.items import damage_key, drawn_on
from inkbench.benchmark.data.image_index import PIXELS, Held, ImageIndex, Rows
from inkbench.benchmark.data.images import BadImage, Decoded, clamp_crop, decode
from inkbench.benchmark.data.once import once, reserve, whole
from inkbench.benchmark.data.packed import Pack, Read, reading
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.files import key_of

__all__ = ["BadImage", "Caching", "ImageCache", "aligned", "build", "cache_key", "resized"]

VERSION = 2
GREY = 128
PADDING = {"pad": GREY, "centre": 0}
WHITE = (255, 255, 255)
FILES_A_TASK = 16
TASKS_AHEAD = 4
"""Finished tasks of each thread that may wait for a slow disk."""
LONGEST = 4
"""Squares that a strip holds at most; of what is longer it is the middle."""


class Square(NamedTuple):
    """Pixels, uint8 (side, side, 3), of a strip longer; width and height in pixels of what they were made from."""

    pixels: np.ndarray
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Caching:
    """Where the caches of a dataset lie, and how those that are missing are made."""

    folder: Path
    key: str
    """The dataset's fingerprint."""
    progress: Progress
    threads: int = 1
    pack: Pack | None = None
    """Files that it holds as they are now are read from it."""


def build(
    items: Sequence[Item],
    view: View,
    caching: Caching,
) -> ImageCache:
    """The squares of ``items`` under ``view``; made where no earlier call made them.

    Two processes build a cache once; one that dies leaves nothing that is read. Raises RunError where the disk is too
    full or no image at all can be read.
    """
    if not items:
        empty = np.zeros((0, view.side, view.side, 3), dtype=np.uint8)
        return ImageCache([], empty, np.zeros((0, 2), dtype=np.int64), [])
    path = caching.folder / cache_key(items, view, caching.key)
    return once(path, lambda: _read(path, items, view), lambda: _make(path, items, view, caching))


def cache_key(items: Sequence[Item], view: View, key: str, strips: bool = False) -> str:
    """The name of a cache: a hash of everything that its pixels depend on."""
    listed = [
        (item.id, item.path.name, item.crop, *([item.hole] if item.hole else []), *damage_key(item)) for item in items
    ]
    seen = (view.side, view.fit, view.reach, strips)
    return key_of([VERSION, PIL.__version__, features.version("jpg"), key, *seen, listed])


def resized(
    path: Path, items: Sequence[Item], view: View, data: bytes | None = None, strips: bool = False
) -> list[Square | BadImage]:
    """The squares of items that lie in one file (``data``: its bytes), decoded once; BadImage instead of a failure."""
    entire = all(_is_whole(item) for item in items)
    try:
        decoded = decode(path, (lambda width, height: _shrink(view, width, height)) if entire else None, data)
    except BadImage as error:
        return [error] * len(items)
    made: list[Square | BadImage] = []
    for item in items:
        try:
            part = decoded
            if item.crop is not None:
                part = _cut(decoded, clamp_crop(path, item.crop, *decoded.image.size))
            part = part if item.hole is None else _holed(path, part, item.hole)
            part = _damaged(part, item) if item.damage else part
            made.append(_strip(part, view) if strips else _square(part, view))
        except BadImage as error:
            made.append(error)
    return made


def _shrink(view: View, width: int, height: int) -> float:
    place = view.place(width, height)
    return 1 / max(place.scale_x, place.scale_y)


def _cut(whole: Decoded, crop: tuple[int, int, int, int]) -> Decoded:
    """A rectangle as an image of its own: the resizing filter must not see what lies beside a panel."""
    part = whole.image.crop(crop)
    return Decoded(part, 1, *part.size)


def _holed(path: Path, whole: Decoded, hole: tuple[int, int, int, int]) -> Decoded:
    """An image with a white rectangle, clamped to it, painted at full resolution: no filter sees what lay there."""
    image = whole.image.copy()
    image.paste(WHITE, clamp_crop(path, hole, *image.size))
    return Decoded(image, 1, *image.size)


def _damaged(whole: Decoded, item: Item) -> Decoded:
    """An image after its item's damage, at full resolution; cut borders make it smaller."""
    image = drawn_on(whole.image, item)
    return Decoded(image, 1, *image.size)


def _is_whole(item: Item) -> bool:
    """Whether an item is a file as it is, so that it may be decoded smaller."""
    return item.crop is None and item.hole is None and not item.damage


def _square(decoded: Decoded, view: View) -> Square:
    """The part of an image that ``view.place`` puts into the square, resized in one step."""
    width, height, side = decoded.width, decoded.height, view.side
    place = view.place(width, height)
    x0, y0, x1, y1 = 0.0, 0.0, float(width), float(height)
    out = (max(1, round(width * place.scale_x)), max(1, round(height * place.scale_y)))
    if view.fit == "crop":
        out = (side, side)
        x0, y0 = max(-place.left / place.scale_x, 0.0), max(-place.top / place.scale_y, 0.0)
        x1, y1 = min(x0 + side / place.scale_x, width), min(y0 + side / place.scale_y, height)
    seen = _resized(decoded, out, (x0, y0, x1, y1))
    if view.fit not in PADDING:
        return Square(seen, width, height)
    canvas = np.full((side, side, 3), PADDING[view.fit], dtype=np.uint8)
    left, top = ((side - out[0]) // 2, (side - out[1]) // 2) if view.fit == "centre" else (0, 0)
    canvas[top : top + out[1], left : left + out[0]] = seen
    return Square(canvas, width, height)


def _strip(decoded: Decoded, view: View) -> Square:
    """The whole short side of an image, and of the long one what ``LONGEST`` squares hold, resized in one step."""
    width, height = decoded.width, decoded.height
    long, across = max(width, height), view.reach * min(width, height)
    covered = min(float(long), LONGEST * across)
    begin, length = (long - covered) / 2, strip_length(view, width, height)
    if width >= height:
        seen = _resized(decoded, (length, view.side), (begin, 0.0, begin + covered, float(height)))
    else:
        seen = _resized(decoded, (view.side, length), (0.0, begin, float(width), begin + covered))
    return Square(seen, width, height)


def strip_length(view: View, width: int, height: int) -> int:
    """Pixels of a strip's long side, of an image of ``width`` x ``height``."""
    crops = max(width, height) / (view.reach * min(width, height))
    return max(view.side, round(view.side * min(crops, LONGEST)))


def _resized(decoded: Decoded, out: tuple[int, int], box: tuple[float, float, float, float]) -> np.ndarray:
    """The ``box`` (x0, y0, x1, y1 in pixels of the original) as ``out`` = (width, height) pixels, uint8 (h, w, 3)."""
    x0, y0, x1, y1 = (edge / decoded.reduced for edge in box)
    return np.asarray(decoded.image.resize(out, Image.Resampling.BILINEAR, (x0, y0, x1, y1), reducing_gap=3.0))


def _read(path: Path, items: Sequence[Item], view: View) -> ImageCache | None:
    """The cache at ``path``, or None where there is none or what lies there is damaged."""
    index = ImageIndex.read(path)
    if index is None:
        return None
    shape = (len(index.readable), view.side, view.side, 3)
    pixels = index.pixels(path, int(np.prod(shape)))
    if pixels is None:
        return None
    readable = [items[i] for i in index.readable.tolist()]
    held = Held(path, index, readable, lambda item: made_again(item, view))
    return ImageCache(readable, pixels.reshape(shape), index.sizes, index.failures, held=held)


def made_again(item: Item, view: View, strips: bool = False) -> np.ndarray:
    """Make the pixels of one image from its file. Raises BadImage."""
    made = resized(item.path, [item], view, strips=strips)[0]
    if isinstance(made, BadImage):
        raise made
    return made.pixels


def _make(path: Path, items: Sequence[Item], view: View, caching: Caching) -> None:
    shape = (len(items), view.side, view.side, 3)
    size = int(np.prod(shape[1:]))
    with whole(path) as temporary:
        reserve(temporary / PIXELS, int(np.prod(shape)))
        images = np.memmap(temporary / PIXELS, dtype=np.uint8, mode="r+", shape=shape)
        rows = Rows(items)
        for row, result in drawn(items, view, caching, False):
            if isinstance(result, BadImage):
                rows.failures[row] = result.reason
            else:
                images[row] = result.pixels
                rows.add(row, (result.width, result.height), result.pixels)
        index = rows.index()
        for row, i in enumerate(index.readable.tolist()):
            if row != i:
                images[row] = images[i]
        images.flush()
        del images
        os.truncate(temporary / PIXELS, len(index.readable) * size)
        replace(index, starts=np.arange(len(index.readable)) * size).write(temporary, path.name)


def drawn(items: Sequence[Item], view: View, caching: Caching, strips: bool) -> Iterator[tuple[int, Square | BadImage]]:
    """Rows of items with what became of them, file by file, made by threads that are little ahead of their use."""

    def work(task: list[list[int]], packed: Read) -> list[tuple[int, Square | BadImage]]:
        done: list[tuple[int, Square | BadImage]] = []
        for rows in task:
            path = items[rows[0]].path
            made = resized(path, [items[row] for row in rows], view, packed(path), strips)
            done += zip(rows, made, strict=True)
        return done

    threads = max(1, caching.threads)
    pool = ThreadPoolExecutor(max_workers=threads)
    with reading(caching.pack, caching.progress) as packed:
        try:
            with caching.progress.bar("images", len(items)) as bar:
                waiting: deque[Future[list[tuple[int, Square | BadImage]]]] = deque()
                for task in _tasks(items):
                    waiting.append(pool.submit(work, task, packed))
                    if len(waiting) >= TASKS_AHEAD * threads:
                        done = waiting.popleft().result()
                        yield from done
                        bar.advance(len(done))
                for future in waiting:
                    yield from future.result()
                    bar.advance(len(future.result()))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _tasks(items: Sequence[Item]) -> Iterator[list[list[int]]]:
    """Rows grouped by file, whole images apart from others (which need the full resolution), some files a task."""

    def file(row: int) -> tuple[str, bool]:
        return str(items[row].path), _is_whole(items[row])

    groups = [list(rows) for _, rows in groupby(sorted(range(len(items)), key=file), key=file)]
    for start in range(0, len(groups), FILES_A_TASK):
        yield groups[start : start + FILES_A_TASK]
