"""Verification: do two pictures show one character? By distance, over pairs whose answer is known. Numpy only."""

from __future__ import annotations

import numpy as np

from inkbench.tasks.metrics.auc import average_ranks
from inkbench.tasks.metrics.retrieval import squared_distances

FOLDS = 10
"""Folds of a cross-validated threshold, as on LFW (Huang et al. 2007)."""


def by_series(
    vectors: np.ndarray, codes: np.ndarray, series: np.ndarray, differ: np.ndarray, places: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return ``auroc[pairs]`` and ``accuracy[pairs]`` of the series of each item, (N,), NaN where undefined.

    ``vectors`` (N, D), ``scaled``. All pairs of a series whose answer is known: of one character, or of two that are
    known to ``differ`` (K, K); with ``places`` (N,) none within a panel or page. A series without a pair of either
    kind has no figure. The threshold that an accuracy needs comes from the other series: series are dealt to ``FOLDS``
    folds in the order of their names, and a fold is judged by the threshold that is best for all others; a lone series
    has no accuracy.
    """
    found = {name: np.full(len(codes), np.nan) for name in ("auroc[pairs]", "accuracy[pairs]")}
    rows, distances, same = [], [], []
    for name in np.unique(series):
        items = np.flatnonzero(series == name)
        apart, equal = _pairs(vectors, codes, items, differ, places)
        if equal.any() and not equal.all():
            rows.append(items)
            distances.append(apart)
            same.append(equal)
            found["auroc[pairs]"][items] = auroc(apart, equal)
    if len(rows) > 1:
        folds = np.arange(len(rows)) % FOLDS
        of_pair = np.repeat(folds, [len(part) for part in same])
        chosen = thresholds(np.concatenate(distances), np.concatenate(same), of_pair)
        for k, items in enumerate(rows):
            found["accuracy[pairs]"][items] = accuracy(distances[k], same[k], chosen[folds[k]])
    return found


def _pairs(
    vectors: np.ndarray, codes: np.ndarray, items: np.ndarray, differ: np.ndarray, places: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances of the pairs of some items, and whether each is of one character."""
    one, other = np.triu_indices(len(items), 1)
    same = codes[items[one]] == codes[items[other]]
    known = same | differ[codes[items[one]], codes[items[other]]]
    if places is not None:
        known &= places[items[one]] != places[items[other]]
    return squared_distances(vectors[items], vectors[items])[one[known], other[known]], same[known]


def auroc(distances: np.ndarray, same: np.ndarray) -> float:
    """Compute how often a pair of one character is nearer than a pair of two, ties half; NaN without either kind.

    ``distances`` (P,), ``same`` bool (P,).
    """
    positives, negatives = int(same.sum()), int((~same).sum())
    if not positives or not negatives:
        return float("nan")
    ranks = average_ranks(-distances)
    return float((ranks[same].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def accuracy(distances: np.ndarray, same: np.ndarray, threshold: float) -> float:
    """Compute the share of pairs decided correctly, equally many of each kind: nearer than ``threshold`` is the same.

    The mean of both kinds' shares: what a balanced list of pairs (LFW) has in expectation. NaN without either kind.
    """
    said = distances < threshold
    if same.all() or not same.any():
        return float("nan")
    return float((said[same].mean() + (~said[~same]).mean()) / 2)


def best_threshold(distances: np.ndarray, same: np.ndarray) -> float:
    """Return the threshold with the largest ``accuracy``, half way between two distances; the smallest of equals."""
    order = np.argsort(distances, kind="stable")
    values, right = distances[order], same[order]
    gain = np.concatenate(([0.0], np.cumsum(right / right.sum() - ~right / (~right).sum())))
    between = np.concatenate(([True], values[1:] > values[:-1], [True]))  # equal distances are on one side
    cut = int(np.flatnonzero(between)[np.argmax(np.round(gain[between], 12))])
    low = values[cut - 1] if cut > 0 else values[0] - 1
    high = values[cut] if cut < len(values) else values[-1] + 1
    return float((low + high) / 2)


def thresholds(distances: np.ndarray, same: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return for every fold 0..F-1 of the pairs (P,) the best threshold of all other folds, (F,)."""
    return np.array([best_threshold(distances[folds != k], same[folds != k]) for k in range(int(folds.max()) + 1)])


def cross_validated(distances: np.ndarray, same: np.ndarray, folds: np.ndarray) -> float:
    """Compute the accuracy of a list of pairs (LFW; iCartoonFace's faces are verified so): mean of ``folds`` (P,).

    Each fold is judged by the threshold that is best on the others; it holds pairs of both kinds.
    """
    chosen = thresholds(distances, same, folds)
    judged = [accuracy(distances[folds == k], same[folds == k], threshold) for k, threshold in enumerate(chosen)]
    return float(np.mean(judged))
