"""Perceptual hashes of items, cached by the data's fingerprint: two an image, so that a trimmed copy is found too.

The hash is ``imagehash.phash`` of 16 x 16 bits (signs of the lowest frequencies of a cosine transform, about their
median), of the whole image and of its middle without ``TRIM`` of each side. See docs/leaks.md for why these.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image

from inkbench.benchmark.api import View
from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data.cache import cache_key, resized
from inkbench.benchmark.data.images import BadImage
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.arrays import arrays_bytes, read_arrays
from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.store.sealed import SealedFiles

VERSION = 1
BITS = 16
TRIM = 0.025
FLAT = 3.0
"""The standard deviation of grey values below which an image is a blank: all blanks are alike, and none is a leak."""
SEEN = View(128, "squash")
PHASH_SIDE = 4 * BITS
"""The side that ``phash`` resizes to."""
WORDS = 4
FILES_A_TASK = 32


@dataclass(frozen=True, slots=True)
class Hashes:
    """``words`` uint64 (N, 2, 4): the 256 bits of the whole image and of its middle, in the items' order.

    ``known`` bool (N,): whether an item has hashes; one that cannot be read or is blank has none.
    """

    words: np.ndarray
    known: np.ndarray


def hash_name() -> str:
    """Return the name of this hash in a record: its kind, our version and that of the library."""
    from imagehash import __version__

    return f"phash[{BITS}x{BITS},trim={TRIM}]@{VERSION} (imagehash {__version__})"


def key_of_items(items: Sequence[Item], fingerprint: str) -> str:
    """Return the name of a cached file of hashes: everything that they depend on."""
    return key_of([VERSION, BITS, TRIM, hash_name(), cache_key(items, SEEN, fingerprint)])


def hashes(items: Sequence[Item], fingerprint: str, folder: Path, progress: Progress) -> Hashes:
    """Compute the hashes of items, or read them from ``folder``. Images are decoded by all cores."""
    kept, key = SealedFiles(folder), key_of_items(items, fingerprint)
    if (data := kept.read(key)) is not None:
        return Hashes(**read_arrays(io.BytesIO(data)))
    made = Hashes(np.zeros((len(items), 2, WORDS), dtype=np.uint64), np.zeros(len(items), dtype=bool))
    tasks = list(_tasks(items))
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool, progress.bar("hash", len(items)) as bar:
        for rows, words, there in pool.map(lambda task: _hashed(items, task), tasks):
            made.words[rows], made.known[rows] = words, there
            bar.advance(len(rows))
    kept.write(key, arrays_bytes({"words": made.words, "known": made.known}))
    return made


def _tasks(items: Sequence[Item]) -> Iterator[list[list[int]]]:
    """Yield rows grouped by the file that they lie in, some files a task."""
    groups = [list(rows) for _, rows in groupby(sorted(range(len(items)), key=lambda row: str(items[row].path)),
                                                key=lambda row: str(items[row].path))]  # fmt: skip
    for start in range(0, len(groups), FILES_A_TASK):
        yield groups[start : start + FILES_A_TASK]


def _hashed(items: Sequence[Item], task: list[list[int]]) -> tuple[list[int], np.ndarray, np.ndarray]:
    rows = [row for group in task for row in group]
    words, there = np.zeros((len(rows), 2, WORDS), dtype=np.uint64), np.zeros(len(rows), dtype=bool)
    found = (square for group in task for square in resized(items[group[0]].path, [items[row] for row in group], SEEN))
    for place, square in enumerate(found):
        if not isinstance(square, BadImage):
            grey = Image.fromarray(square.pixels).convert("L")
            there[place] = np.asarray(grey).std() >= FLAT
            words[place] = both(grey)
    return rows, words, there


def both(grey: Image.Image) -> np.ndarray:
    """Compute the hashes of a grey image and of its middle, uint64 (2, 4)."""
    import imagehash

    right, bottom = grey.width * (1 - TRIM), grey.height * (1 - TRIM)
    middle = (grey.width * TRIM, grey.height * TRIM, right, bottom)
    bits = np.zeros((2, BITS * BITS), dtype=bool)
    for k, box in enumerate((None, middle)):
        small = grey.resize((PHASH_SIDE, PHASH_SIDE), Image.Resampling.LANCZOS, box)
        bits[k] = imagehash.phash(small, hash_size=BITS).hash.ravel()
    return np.packbits(bits, axis=1).view(np.uint64)
