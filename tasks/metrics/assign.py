"""Identities over a sequence of panels: agglomerative clustering that is not told how many characters there are.

Average linkage of Euclidean distances (Soykan et al. 2023), cut at one threshold for all sequences, which validation
chooses. Figures are of one sequence; a sequence of one item has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from inkbench.tasks.metrics.retrieval import DIGITS

FIGURES = ("ami[assign]", "nmi[assign]", "ari[assign]", "b-cubed[assign]")


def sequences(named: Sequence[Iterable[str]]) -> dict[str, np.ndarray]:
    """Return the items of every sequence with two or more, by name in order; ``named`` gives each item's ones."""
    found: dict[str, list[int]] = {}
    for item, names in enumerate(named):
        for name in names:
            found.setdefault(str(name), []).append(item)
    return {name: np.array(found[name]) for name in sorted(found) if len(found[name]) > 1}


def merges(points: np.ndarray) -> np.ndarray:
    """Return SciPy's linkage matrix (n - 1, 4) of ``points`` (n, D), average linkage; the third column is heights."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    distances = pdist(points.astype(np.float64))
    scale = float(distances.max(initial=0)) or 1.0
    joined: np.ndarray = linkage(np.round(distances / scale, DIGITS) * scale, method="average")
    return joined


def clusters(points: np.ndarray, threshold: float) -> np.ndarray:
    """Cluster ``points`` (n, D), merged up to ``threshold``; clusters count from 0 in the order of their first item."""
    from scipy.cluster.hierarchy import fcluster

    if len(points) < 2:
        return np.zeros(len(points), dtype=np.int64)
    found = fcluster(merges(points), threshold, criterion="distance")
    first = np.unique(found, return_index=True)[1]
    numbers: np.ndarray = np.searchsorted(np.sort(first), first)[found - 1]
    return numbers


def choose_threshold(embeddings: np.ndarray, codes: np.ndarray, named: Sequence[Iterable[str]]) -> float | None:
    """Return the threshold with the largest mean AMI over all sequences: of equals the smallest, half way to the next.

    A clustering changes only where two clusters merge, so between the merges of all sequences every threshold is
    tried. None where there is no sequence.
    """
    from scipy.cluster.hierarchy import fcluster
    from sklearn.metrics import adjusted_mutual_info_score

    heights, gains, start = [], [], 0.0
    for rows in sequences(named).values():
        tree = merges(embeddings[rows])
        steps = np.unique(tree[:, 2])
        labels = [np.arange(len(rows)), *(fcluster(tree, step, criterion="distance") for step in steps)]
        values = [adjusted_mutual_info_score(codes[rows], label) for label in labels]
        start += values[0]
        heights.append(steps)
        gains.append(np.diff(values))
    if not heights:
        return None
    where = np.concatenate(heights)
    steps, places = np.unique(where, return_inverse=True)
    total = start + np.cumsum(np.bincount(places, np.concatenate(gains)))
    total = np.round(np.concatenate(([start], total)), DIGITS)
    edges = np.concatenate(([0.0], steps, [2 * steps[-1] + 1]))
    best = int(np.argmax(total))
    if best == 0:
        return float(steps[0] / 2) if steps[0] > 0 else -1.0  # below zero not even equal vectors are merged
    return float((edges[best] + edges[best + 1]) / 2)


def figures(truth: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Return AMI, NMI (arithmetic), ARI and B-cubed F of one sequence, ``truth`` and ``found`` (n,) cluster codes."""
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score

    values = (
        adjusted_mutual_info_score(truth, found),
        normalized_mutual_info_score(truth, found),
        adjusted_rand_score(truth, found),
        b_cubed(truth, found),
    )
    return dict(zip(FIGURES, map(float, values), strict=True))


def b_cubed(truth: np.ndarray, found: np.ndarray) -> float:
    """Return F of the mean precision and the mean recall of items (Bagga & Baldwin 1998).

    An item's precision is the share of its cluster that is of its character, itself included; its recall the share of
    its character that is in its cluster.
    """
    same, together = truth[:, None] == truth[None], found[:, None] == found[None]
    both = (same & together).sum(1)
    precision, recall = (both / together.sum(1)).mean(), (both / same.sum(1)).mean()
    return float(2 * precision * recall / (precision + recall))
