"""The nearest of many hashes, exactly, in bounded memory: every pair is compared, block by block, by all cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from inkbench.benchmark.data.leaks.hashes import WORDS

PAIRINGS = ((0, 0), (0, 1), (1, 0))
"""Whole with whole, whole with middle, middle with whole: a trimmed copy may be on either side."""
QUERIES, REFERENCES = 16, 4096
"""A block of differences fits a core's cache."""
NONE = 65535


def nearest(
    queries: np.ndarray, references: np.ndarray, advance: Callable[[int], None] = lambda queries: None
) -> tuple[np.ndarray, np.ndarray]:
    """Find each query's nearest reference: the row (Q,), the first of several, and the distance in bits (Q,).

    ``queries`` and ``references`` are uint64 (n, 2, 4), see ``Hashes``. A distance is the least of the three pairings;
    without references it is ``NONE``. Memory is a few MiB a core whatever there is; time goes with Q times R.
    """
    rows, distances = np.zeros(len(queries), dtype=np.int64), np.full(len(queries), NONE, dtype=np.uint16)
    by_word = np.ascontiguousarray(references.transpose(1, 2, 0))

    def search(start: int) -> int:
        part = slice(start, start + QUERIES)
        rows[part], distances[part] = _block_row(queries[part], by_word)
        return len(queries[part])

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for done in pool.map(search, range(0, len(queries), QUERIES)):
            advance(done)
    return rows, distances


def _block_row(queries: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest of all references for a few queries; ``references`` are (2, 4, R)."""
    rows, distances = np.zeros(len(queries), dtype=np.int64), np.full(len(queries), NONE, dtype=np.uint16)
    every = np.arange(len(queries))
    room = Room(len(queries), min(REFERENCES, references.shape[2]))
    for start in range(0, references.shape[2], REFERENCES):
        near = differences(queries, references[:, :, start : start + REFERENCES], room)
        column = near.argmin(axis=1)
        found = near[every, column]
        better = found < distances
        rows[better], distances[better] = column[better] + start, found[better]
    return rows, distances


class Room:
    """Arrays that blocks of one size share: asking the system for fresh memory would take longer than the counting."""

    def __init__(self, queries: int, references: int) -> None:
        shape = (queries, references)
        self.bits, self.count = np.empty(shape, dtype=np.uint64), np.empty(shape, dtype=np.uint8)
        self.sum, self.best = np.empty(shape, dtype=np.uint16), np.empty(shape, dtype=np.uint16)


def differences(queries: np.ndarray, references: np.ndarray, room: Room | None = None) -> np.ndarray:
    """Count differing bits of the best pairing, uint16 (q, r), of queries (q, 2, 4) and references (2, 4, r).

    With ``room`` the answer lies in it and holds until the next call.
    """
    room = room or Room(len(queries), references.shape[2])
    bits, count, total, best = (
        array[:, : references.shape[2]] for array in (room.bits, room.count, room.sum, room.best)
    )
    for pairing, (mine, other) in enumerate(PAIRINGS):
        for word in range(WORDS):
            np.bitwise_xor(queries[:, mine, word, None], references[other, word], out=bits)
            np.bitwise_count(bits, out=count)
            np.add(total, count, out=total) if word else np.copyto(total, count)
        np.minimum(best, total, out=best) if pairing else np.copyto(best, total)
    return best
