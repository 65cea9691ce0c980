"""Sets of permutations for jigsaw puzzles: Noroozi & Favaro (ECCV 2016), Algorithm 1, with a minimum distance."""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

import numpy as np

Generator = Literal["max", "min", "middle"]

RANKS = 10
"""'middle' draws among the candidates at most this many ranks from the median."""


def permutation_set(
    n: int, generator: Generator = "max", min_distance: int = 2, tiles: int = 9, seed: int = 0
) -> np.ndarray:
    """Return a set P of ``n`` permutations of ``tiles`` elements, uint8 (n, tiles), by the greedy Algorithm 1.

    With P-bar all permutations that are left: append P-bar_j to P (the first j is drawn by ``seed``), delete it from
    P-bar, and go on with the j whose mean Hamming distance D-bar_j to P is largest (``max``), smallest (``min``)
    or near the median (``middle``). Ties go to the first in lexicographic order. Permutations closer than
    ``min_distance`` (in 2..tiles) to any chosen one are deleted too; two permutations differ in 2 places at least.

    Raises ValueError where ``tiles`` is above 9 or fewer than ``n`` permutations can be chosen.
    """
    if not 2 <= min_distance <= tiles:
        raise ValueError(f"min_distance {min_distance} is not in 2..{tiles}")
    if n > (most := math.factorial(tiles)):
        raise ValueError(f"there are {most} permutations of {tiles} tiles, not {n}")
    return _greedy(n, generator, min_distance, tiles, seed)


@cache
def _greedy(n: int, generator: Generator, min_distance: int, tiles: int, seed: int) -> np.ndarray:
    """Return ``permutation_set`` of checked arguments, computed once and read-only: a whole plan uses it."""
    every = all_permutations(tiles)
    columns = np.ascontiguousarray(every.T)
    rng = np.random.default_rng(seed)
    left = np.ones(len(every), dtype=bool)
    total = np.zeros(len(every), dtype=np.int32)
    distance = np.empty(len(every), dtype=np.uint8)
    chosen = np.empty(n, dtype=np.int64)
    j = int(rng.integers(len(every)))
    for k in range(n):
        chosen[k] = j
        _hamming_into(distance, columns, every[j])
        total += distance
        if min_distance > 2:
            left &= distance >= min_distance
        left[j] = False
        if k + 1 == n:
            break
        if not left.any():
            raise ValueError(
                f"the greedy generator finds only {k + 1} permutations of {tiles} tiles that differ in at least "
                f"{min_distance} places, not {n}; lower the minimum distance or the number"
            )
        j = _next(total, left, generator, rng)
    found = every[chosen]
    found.flags.writeable = False
    return found


def statistics(permutations: np.ndarray) -> tuple[float, int]:
    """Return the mean and minimum Hamming distance over all pairs of a set (n, tiles), n >= 2, as in Table 4."""
    n, tiles = permutations.shape
    equal = np.zeros((n, n), dtype=np.int16)
    for column in permutations.T:
        equal += column[:, None] == column[None]
    distances = tiles - equal[np.triu_indices(n, 1)]
    return float(distances.mean()), int(distances.min())


def all_permutations(tiles: int) -> np.ndarray:
    """Return all permutations of ``tiles`` <= 9 elements in lexicographic order, uint8 (tiles!, tiles)."""
    if tiles > 9:
        raise ValueError(f"{tiles} tiles have too many permutations to list; 9 is the most")
    rows = np.zeros((1, 0), dtype=np.uint8)
    for size in range(1, tiles + 1):
        first = np.repeat(np.arange(size, dtype=np.uint8), len(rows))
        rest = np.tile(rows, (size, 1))
        rest += rest >= first[:, None]
        rows = np.concatenate([first[:, None], rest], axis=1)
    return rows


def _hamming_into(distance: np.ndarray, columns: np.ndarray, permutation: np.ndarray) -> None:
    """Count the places where each permutation, given by ``columns`` (tiles, count), differs from one of them."""
    distance.fill(0)
    for column, value in zip(columns, permutation, strict=True):
        distance += column != value


def _next(total: np.ndarray, left: np.ndarray, generator: Generator, rng: np.random.Generator) -> int:
    """Return the index of the permutation that comes next; sums order candidates as means do."""
    if generator == "max":
        return int(np.argmax(np.where(left, total, -1)))
    if generator == "min":
        return int(np.argmin(np.where(left, total, np.iinfo(np.int32).max)))
    candidates = np.flatnonzero(left)
    values = total[candidates]
    middle = (len(candidates) - 1) // 2
    rank = int(np.clip(middle + rng.integers(-RANKS, RANKS + 1), 0, len(candidates) - 1))
    below = np.cumsum(np.bincount(values))  # a counting sort: sums are small integers
    value = int(np.searchsorted(below, rank, side="right"))
    nth = rank - (int(below[value - 1]) if value else 0)
    return int(candidates[np.flatnonzero(values == value)[nth]])
