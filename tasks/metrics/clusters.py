"""Do the characters of a group fall apart into clusters? k-means that is told how many there are."""

from __future__ import annotations

import warnings

import numpy as np

SEEDS = 5
"""k-means starts at random: a figure is the mean over so many seeds."""
STARTS = 10
"""Starts under each seed; the best of them counts."""


def mutual_information(points: np.ndarray, codes: np.ndarray) -> tuple[float, float]:
    """Return AMI and NMI (arithmetic means, as scikit-learn's) of k-means with the true number of characters.

    ``points`` (n, D), ``codes`` (n,) from 0. Means over ``SEEDS`` seeds of its own, so the same points have the same
    figures.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score

    figures = []
    for seed in range(SEEDS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than characters
            clusters = KMeans(int(codes.max()) + 1, n_init=STARTS, random_state=seed).fit_predict(points)
        figures.append((adjusted_mutual_info_score(codes, clusters), normalized_mutual_info_score(codes, clusters)))
    ami, nmi = np.mean(figures, axis=0).tolist()
    return ami, nmi
