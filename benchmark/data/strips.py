"""Strips of uint8, made once: panels of which a pretraining takes another square at every step.

They are made as squares are (``cache``) and lie one behind the other in one memory-mapped file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inkbench.benchmark.api import View
from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data.cache import Caching, cache_key, drawn, made_again, strip_length
from inkbench.benchmark.data.cached import StripCache
from inkbench.benchmark.data.image_index import PIXELS, Held, ImageIndex, Rows
from inkbench.benchmark.data.images import BadImage, clamp_crop, size_of
from inkbench.benchmark.data.once import no_room, once, require_room, whole
from inkbench.benchmark.errors import plural

MEASURED = 128
"""Images whose size tells how many bytes all will take."""


def build_strips(items: Sequence[Item], view: View, caching: Caching) -> StripCache:
    """The strips of ``items`` under a view that crops; otherwise as ``build``. ``items`` are not empty."""
    path = caching.folder / cache_key(items, view, caching.key, strips=True)
    return once(path, lambda: _read(path, items, view), lambda: _make(path, items, view, caching))


def _read(path: Path, items: Sequence[Item], view: View) -> StripCache | None:
    """The strips at ``path``, or None where there are none or what lies there is damaged."""
    index = ImageIndex.read(path)
    if index is None:
        return None
    lengths = np.array([strip_length(view, width, height) for width, height in index.sizes.tolist()], dtype=np.int64)
    pixels = index.pixels(path, 3 * view.side * int(lengths.sum()))
    if pixels is None:
        return None
    readable, wide = [items[i] for i in index.readable.tolist()], index.sizes[:, 0] >= index.sizes[:, 1]
    held = Held(path, index, readable, lambda item: made_again(item, view, strips=True))
    return StripCache(
        readable, np.asarray(pixels), index.starts, lengths, wide, view.side, index.sizes, index.failures, held
    )


def _make(path: Path, items: Sequence[Item], view: View, caching: Caching) -> None:
    need = expected_bytes(items, view)
    images = plural(len(items), "image")
    caching.progress.say(f"{images}, {view.side} px across: about {need / 2**20:.0f} MiB in {path.parent}")
    with whole(path) as temporary:
        require_room(temporary, need)
        rows = Rows(items)
        with (temporary / PIXELS).open("wb") as file:
            for row, result in drawn(items, view, caching, True):
                if isinstance(result, BadImage):
                    rows.failures[row] = result.reason
                    continue
                rows.add(row, (result.width, result.height), result.pixels, file.tell())
                try:
                    file.write(result.pixels.tobytes())
                    file.flush()
                except OSError as error:
                    no_room(temporary, need, error)
        rows.index().write(temporary, path.name)


def expected_bytes(items: Sequence[Item], view: View) -> int:
    """About how many bytes the strips of all items take, from the sizes of some that are evenly spread."""
    known = []
    for place in np.linspace(0, len(items) - 1, min(MEASURED, len(items))).astype(int):
        try:
            known.append(3 * view.side * strip_length(view, *original_size(items[place])))
        except BadImage:
            continue
    return round(len(items) * float(np.mean(known))) if known else 0


def original_size(item: Item) -> tuple[int, int]:
    """Width and height in pixels of an item's image, from its crop or its file's head. Raises BadImage."""
    width, height = size_of(item.path)
    if item.crop is None:
        return width, height
    x0, y0, x1, y1 = clamp_crop(item.path, item.crop, width, height)
    return x1 - x0, y1 - y0
