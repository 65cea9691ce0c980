"""Suspect test items: too like an image that was pretrained on, or of a series that was."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inkbench.benchmark.contracts.dataset import Dataset, Item
from inkbench.benchmark.data.leaks.hashes import Hashes, hash_name, hashes, key_of_items
from inkbench.benchmark.data.leaks.search import NONE, nearest
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.arrays import arrays_bytes, read_arrays
from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.store.sealed import SealedFiles

THRESHOLD = 72
"""Bits of 256 up to which two images are called near-duplicates; measured, see docs/leaks.md."""
LISTED = 20


@dataclass(frozen=True, slots=True)
class Leaks:
    """Result of a comparison: for each test item whether its image or its series was pretrained on, bool (N,).

    ``nearest`` (N,) is the row of the nearest pretraining image, ``distance`` (N,) in bits (``NONE``: there is none).
    """

    by_image: np.ndarray
    by_series: np.ndarray
    nearest: np.ndarray
    distance: np.ndarray

    @property
    def suspect(self) -> np.ndarray:
        """Return which items are suspect for either reason."""
        either: np.ndarray = self.by_image | self.by_series
        return either


def compare(
    test: Sequence[Item],
    tested: Dataset,
    pretraining: Sequence[Item],
    pretrained: Dataset,
    cache: Path,
    progress: Progress,
) -> Leaks:
    """Compare test items (each of their parts) with pretraining items, by hashes kept in the folder ``cache``.

    Series are compared by name where both datasets number them alike (``Dataset.numbering``).
    """
    parts = [(row, part) for row, item in enumerate(test) for part in (item.parts.values() if item.parts else (item,))]
    shown = [part for _, part in parts]
    mine, theirs = tested.fingerprint(), pretrained.fingerprint()
    kept = SealedFiles(cache)
    key = f"nearest-{key_of([key_of_items(shown, mine), key_of_items(pretraining, theirs)])}"
    if (data := kept.read(key)) is not None:
        known = read_arrays(io.BytesIO(data))
        rows, distances = known["rows"], known["distances"]
    else:
        rows, distances = _search(
            hashes(shown, mine, cache, progress), hashes(pretraining, theirs, cache, progress), progress
        )
        kept.write(key, arrays_bytes({"rows": rows, "distances": distances}))
    owners = np.array([row for row, _ in parts])
    best, of = np.full(len(test), NONE, dtype=np.uint16), np.zeros(len(test), dtype=np.int64)
    for place in np.argsort(distances, kind="stable")[::-1]:  # the nearest of an item's parts is written last
        best[owners[place]], of[owners[place]] = distances[place], rows[place]
    seen = {item.series for item in pretraining} if alike(tested, pretrained) else set()
    by_series = np.array([item.series in seen for item in test])
    return Leaks(best <= THRESHOLD, by_series, of, best)


def alike(one: Dataset, other: Dataset) -> bool:
    """Return whether a series' name means the same in both: copies of one dataset, not of one general layout."""
    if one.guesses or other.guesses:
        return one.root.resolve() == other.root.resolve() or (
            not (one.own and other.own) and (one.numbering or one.name) == (other.numbering or other.name)
        )
    return (one.numbering or one.reader) == (other.numbering or other.reader)


def _search(test: Hashes, pretraining: Hashes, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest pretraining row and its distance for every test image."""
    there, known = np.flatnonzero(test.known), np.flatnonzero(pretraining.known)
    rows, distances = np.zeros(len(test.known), dtype=np.int64), np.full(len(test.known), NONE, dtype=np.uint16)
    with progress.bar("leak check", len(there)) as bar:
        found, near = nearest(test.words[there], pretraining.words[known], bar.advance)
    if len(known):
        rows[there], distances[there] = known[found], near
    return rows, distances


def told(leaks: Leaks, test: Sequence[Item], pretraining: Sequence[Item]) -> dict[str, Any]:
    """Return a record's entry on a comparison; the pairs are the nearest ones, at most ``LISTED``."""
    suspect = int(leaks.suspect.sum())
    worst = [row for row in np.argsort(leaks.distance, kind="stable")[:LISTED].tolist() if leaks.by_image[row]]
    return {
        "hash": hash_name(),
        "threshold": THRESHOLD,
        "test_items": len(test),
        "pretraining_images": len(pretraining),
        "suspect": suspect,
        "share": suspect / len(test) if test else 0.0,
        "by_image": int(leaks.by_image.sum()),
        "by_series": int(leaks.by_series.sum()),
        "series": sorted({item.series for item, also in zip(test, leaks.by_series, strict=True) if also}),
        "pairs": [
            {"item": test[row].id, "image": pretraining[leaks.nearest[row]].id, "bits": int(leaks.distance[row])}
            for row in worst
        ],
    }
