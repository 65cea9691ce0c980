"""Images as squares of uint8, made once: cut, resized, memory-mapped, the unreadable ones listed by name.

A square depends on its item and its view alone, never on the number of threads or on the other items. Resizing is
Pillow's antialiased triangle filter (BILINEAR): unlike BICUBIC it draws no halo beside ink. Whole JPEG images that
shrink by 4 or more are decoded at 1/2, 1/4 or 1/8 first, at least twice as large as they end.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import PIL
from PIL import Image, features

from benchmark.api import View
from benchmark.data.dataset import Item
from benchmark.data.images import BadImage, Decoded, clamp_crop, decode
from benchmark.data.packed import Pack, Read, reading
from benchmark.errors import CellError
from benchmark.locks import claim
from benchmark.progress import Progress
from benchmark.store import key_of

VERSION = 2
GREY = 128
WHITE = (255, 255, 255)
FILES_A_TASK = 16
SPARE_BYTES = 64 * 2**20


class Square(NamedTuple):
    """Pixels, uint8 (side, side, 3), and the width and height in pixels of what they were made from."""

    pixels: np.ndarray
    width: int
    height: int


@dataclass(frozen=True)
class ImageCache:
    """The readable ``items`` in their order; ``images`` uint8 (N, S, S, 3), read-only; ``sizes`` int64 (N, 2).

    ``sizes`` are width and height in pixels of the original (of the crop, where there is one); ``failures`` are
    pairs of an item's id and the reason why it is not here. ``rows`` says where in ``images`` the items lie, where not
    in order.
    """

    items: list[Item]
    images: np.ndarray
    sizes: np.ndarray
    failures: list[tuple[str, str]]
    rows: np.ndarray | None = None

    def batch(self, indices: Sequence[int] | np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """A copy of the squares at ``indices``, none of them negative, as uint8 (B, S, S, 3); into ``out`` if given."""
        chosen = np.asarray(indices, dtype=np.int64)
        rows = chosen if self.rows is None else self.rows[chosen]
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self.images):
            raise IndexError(f"squares {rows.min()} to {rows.max()} of {len(self.images)}")
        # "clip" writes into ``out`` directly, where the usual mode goes through a buffer of the same size
        return np.take(np.asarray(self.images), rows, axis=0, out=out, mode="clip")


def aligned(caches: Mapping[str, ImageCache]) -> dict[str, ImageCache]:
    """Caches whose items belong together by their order, without those whose partner cannot be read."""
    names = {name: [_partner(item) for item in cache.items] for name, cache in caches.items()}
    if len({tuple(of) for of in names.values()}) == 1:
        return dict(caches)
    common = set.intersection(*(set(of) for of in names.values()))
    kept = {}
    for name, cache in caches.items():
        rows = np.array([row for row, of in enumerate(names[name]) if of in common], dtype=np.int64)
        kept[name] = ImageCache(
            [cache.items[row] for row in rows], cache.images, cache.sizes[rows], cache.failures, rows
        )
    return kept


def _partner(item: Item) -> str:
    """What items of two kinds that belong together share."""
    return f"{item.panel}/{item.identity}" if item.panel else item.id


def build(
    items: Sequence[Item],
    view: View,
    folder: Path,
    key: str,
    progress: Progress,
    threads: int = 1,
    pack: Pack | None = None,
) -> ImageCache:
    """The squares of ``items`` under ``view``; made in ``folder`` where no earlier call made them.

    ``key`` is the dataset's fingerprint. Files that ``pack`` holds as they are now are read from it. Two processes
    build a cache once; one that dies leaves nothing that is read. Raises CellError where the disk is too full or no
    image at all can be read.
    """
    if not items:
        empty = np.zeros((0, view.side, view.side, 3), dtype=np.uint8)
        return ImageCache([], empty, np.zeros((0, 2), dtype=np.int64), [])
    name = cache_key(items, view, key)
    found = _read(folder / name, items, view)
    if found is not None:
        return found
    lock = folder / f".{name}.lock"
    with claim(lock) as mine:
        if mine:
            return _read_or_make(folder, name, items, view, progress, threads, pack)
    progress.say("waiting for another process that prepares the same images")
    with claim(lock, wait=True):
        return _read_or_make(folder, name, items, view, progress, threads, pack)


def cache_key(items: Sequence[Item], view: View, key: str) -> str:
    """The name of a cache: a hash of everything that its pixels depend on."""
    listed = [(item.id, item.path.name, item.crop, *([item.hole] if item.hole else [])) for item in items]
    seen = (view.side, view.fit)
    return key_of([VERSION, PIL.__version__, features.version("jpg"), key, *seen, listed])


def squares(path: Path, items: Sequence[Item], view: View, data: bytes | None = None) -> list[Square | BadImage]:
    """The squares of items that lie in one file (``data``: its bytes), decoded once; BadImage instead of a failure."""
    whole = all(item.crop is None and item.hole is None for item in items)
    try:
        decoded = decode(path, (lambda width, height: _shrink(view, width, height)) if whole else None, data)
    except BadImage as error:
        return [error] * len(items)
    made: list[Square | BadImage] = []
    for item in items:
        try:
            part = decoded
            if item.crop is not None:
                part = _cut(decoded, clamp_crop(path, item.crop, *decoded.image.size))
            made.append(_square(part if item.hole is None else _holed(path, part, item.hole), view))
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
    box = (x0 / decoded.reduced, y0 / decoded.reduced, x1 / decoded.reduced, y1 / decoded.reduced)
    seen = np.asarray(decoded.image.resize(out, Image.Resampling.BILINEAR, box, reducing_gap=3.0))
    if view.fit != "pad":
        return Square(seen, width, height)
    canvas = np.full((side, side, 3), GREY, dtype=np.uint8)
    canvas[: out[1], : out[0]] = seen
    return Square(canvas, width, height)


def _read_or_make(
    folder: Path, name: str, items: Sequence[Item], view: View, progress: Progress, threads: int, pack: Pack | None
) -> ImageCache:
    made = _read(folder / name, items, view)
    if made is None:
        for left_by_a_dead_process in [*folder.glob(f".{name}.*.tmp"), folder / name]:
            shutil.rmtree(left_by_a_dead_process, ignore_errors=True)
        _make(folder, name, items, view, progress, threads, pack)
        made = _read(folder / name, items, view)
    if made is None:
        raise CellError(f"image cache {folder / name} was made and is gone; does something clean {folder}?")
    return made


def _read(path: Path, items: Sequence[Item], view: View) -> ImageCache | None:
    """The cache at ``path``, or None where there is none or what lies there is not whole."""
    try:
        index: dict[str, Any] = json.loads((path / "index.json").read_text())
        sizes = np.load(path / "sizes.npy", allow_pickle=False)
        shape = (len(sizes), view.side, view.side, 3)
        if (path / "images.raw").stat().st_size != int(np.prod(shape)) or len(index["readable"]) != len(sizes):
            return None
        images = np.memmap(path / "images.raw", dtype=np.uint8, mode="r", shape=shape)
    except (OSError, ValueError, KeyError):
        return None
    failures = [(str(item), str(reason)) for item, reason in index["failures"]]
    return ImageCache([items[i] for i in index["readable"]], images, sizes, failures)


def _make(
    folder: Path, name: str, items: Sequence[Item], view: View, progress: Progress, threads: int, pack: Pack | None
) -> None:
    shape = (len(items), view.side, view.side, 3)
    temporary = Path(tempfile.mkdtemp(dir=folder, prefix=f".{name}.", suffix=".tmp"))
    try:
        _reserve(temporary / "images.raw", int(np.prod(shape)))
        images = np.memmap(temporary / "images.raw", dtype=np.uint8, mode="r+", shape=shape)
        sizes, failures = _fill(images, items, view, progress, threads, pack)
        readable = [i for i in range(len(items)) if i not in failures]
        if not readable:
            item = items[0]
            raise CellError(f"none of {len(items)} images can be read; the first: {item.path}: {failures[0]}")
        for row, i in enumerate(readable):
            if row != i:
                images[row] = images[i]
        images.flush()
        del images
        os.truncate(temporary / "images.raw", len(readable) * int(np.prod(shape[1:])))
        np.save(temporary / "sizes.npy", sizes[readable])
        listed = [(items[i].id, reason) for i, reason in sorted(failures.items())]
        (temporary / "index.json").write_text(json.dumps({"readable": readable, "failures": listed}))
        for file in temporary.iterdir():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        temporary.replace(folder / name)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _reserve(file: Path, need: int) -> None:
    """Make ``file`` of ``need`` bytes that the disk really has: writing to a mapped file on a full disk kills."""
    free = shutil.disk_usage(file.parent).free
    try:
        if free < need + SPARE_BYTES:
            raise OSError(errno.ENOSPC, "disk full")
        with file.open("wb") as handle:
            os.posix_fallocate(handle.fileno(), 0, need)
    except OSError as error:
        raise CellError(
            f"{need / 2**20:.0f} MiB of images cannot be stored in {file.parent.parent}, which has "
            f"{free / 2**20:.0f} MiB left ({error.strerror}); make room or give another folder with --results DIR"
        ) from None


def _fill(
    images: np.ndarray, items: Sequence[Item], view: View, progress: Progress, threads: int, pack: Pack | None
) -> tuple[np.ndarray, dict[int, str]]:
    """Draw every readable item into its row; sizes (N, 2) and the failures, row -> reason."""
    sizes = np.zeros((len(items), 2), dtype=np.int64)
    failures: dict[int, str] = {}

    def work(task: list[list[int]], packed: Read) -> int:
        for rows in task:
            path = items[rows[0]].path
            made = squares(path, [items[row] for row in rows], view, packed(path))
            for row, result in zip(rows, made, strict=True):
                if isinstance(result, BadImage):
                    failures[row] = result.reason
                else:
                    images[row] = result.pixels
                    sizes[row] = result.width, result.height
        return sum(map(len, task))

    tasks = list(_tasks(items))
    pool = ThreadPoolExecutor(max_workers=max(1, threads))
    with reading(pack, progress) as packed:
        try:
            with progress.bar("images", len(items)) as bar:
                for done in pool.map(lambda task: work(task, packed), tasks):
                    bar.advance(done)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return sizes, failures


def _tasks(items: Sequence[Item]) -> Iterator[list[list[int]]]:
    """Rows grouped by file, whole images apart from others (which need the full resolution), some files a task."""

    def file(row: int) -> tuple[str, bool]:
        return str(items[row].path), items[row].crop is None and items[row].hole is None

    groups = [list(rows) for _, rows in groupby(sorted(range(len(items)), key=file), key=file)]
    for start in range(0, len(groups), FILES_A_TASK):
        yield groups[start : start + FILES_A_TASK]
