"""Do the characters of a series fall apart into clusters, and do pairs of them tell same from other?

A figure of a whole series; series with fewer than ``LEAST`` items or fewer than two characters have none.
"""

from __future__ import annotations

import warnings

import numpy as np

from tasks.metrics.auc import average_ranks

LEAST = 5
"""Items that a series must have (as in gsoykan/comic_char_reid)."""
STARTS = 10
"""Starts of k-means; the best of them counts."""


def by_series(embeddings: np.ndarray, identities: np.ndarray, series: np.ndarray) -> dict[str, np.ndarray]:
    """``ami``, ``nmi`` and ``auroc[pairs]`` of the series that each item belongs to, float64 (N,), NaN where undefined.

    ``embeddings`` (N, D), ``identities`` and ``series`` (N,).
    """
    found = {name: np.full(len(series), np.nan) for name in ("ami", "nmi", "auroc[pairs]")}
    for name in np.unique(series):
        rows = np.flatnonzero(series == name)
        codes = np.unique(identities[rows], return_inverse=True)[1]
        if len(rows) < LEAST or codes.max() == 0:
            continue
        points = embeddings[rows].astype(np.float64)
        found["ami"][rows], found["nmi"][rows] = mutual_information(points, codes)
        found["auroc[pairs]"][rows] = verification(points, codes)
    return found


def mutual_information(points: np.ndarray, codes: np.ndarray) -> tuple[float, float]:
    """AMI and NMI (arithmetic means, as scikit-learn's) of k-means with the true number of characters.

    ``points`` (n, D), ``codes`` (n,) from 0. k-means has its own generator, so the same points have the same figures.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than characters: fewer clusters
        clusters = KMeans(int(codes.max()) + 1, n_init=STARTS, random_state=0).fit_predict(points)
    return (
        float(adjusted_mutual_info_score(codes, clusters)),
        float(normalized_mutual_info_score(codes, clusters)),
    )


def verification(points: np.ndarray, codes: np.ndarray) -> float:
    """The share of (same, other) pairs of pairs in which the same character is nearer, ties half; NaN without either.

    ``points`` (n, D), ``codes`` (n,); by Euclidean distance, over all pairs of items.
    """
    one, other = np.triu_indices(len(points), 1)
    same = codes[one] == codes[other]
    positives, negatives = int(same.sum()), int((~same).sum())
    if not positives or not negatives:
        return float("nan")
    squares = (points**2).sum(1)
    distances = squares[one] + squares[other] - 2 * (points @ points.T)[one, other]
    ranks = average_ranks(-np.round(distances, 12))  # equal vectors are equally near, whatever rounding says
    return float((ranks[same].sum() - positives * (positives + 1) / 2) / (positives * negatives))
