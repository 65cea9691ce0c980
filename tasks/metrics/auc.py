"""Areas under ROC curves of saliency maps: exact, deterministic, ties count one half. Imports numpy only."""

from __future__ import annotations

import numpy as np


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks 1..N of the flattened ``values``, float64 (N,); tied values share the mean of their ranks."""
    flat = np.asarray(values).ravel()
    order = np.argsort(flat)  # any order of ties gives the same ranks
    ordered = flat[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    last = np.concatenate((first[1:], [flat.size]))
    ranks = np.empty(flat.size, dtype=np.float64)
    ranks[order] = np.repeat((first + 1 + last) / 2, last - first)
    return ranks


def auc_density(ranks: np.ndarray, truth: np.ndarray) -> float:
    """Expected AUC of fixations drawn from the truth map against all pixels as negatives.

    AUC = sum_i g_i (rank_i - 1/2) / N with g the sum-normalised truth: parameter-free, invariant to the truth's
    scale. ``ranks`` (N,) are the prediction's average ranks, ``truth`` has N non-negative values, not all zero.
    """
    mass = np.asarray(truth, dtype=np.float64).ravel()
    return float(mass @ (ranks - 0.5) / (mass.sum() * ranks.size))


def auc_uniform(ranks: np.ndarray, fixated: np.ndarray) -> float:
    """AUC of the values at fixations against those of all pixels (Tuebingen's benchmark: nonfixations 'uniform').

    ``ranks`` (N,) are the prediction's average ranks; ``fixated`` (k,) flat pixel indices, k >= 1, where a pixel
    that is fixated twice counts twice.
    """
    return float((ranks[fixated] - 0.5).mean() / ranks.size)


def auc_judd(prediction: np.ndarray, fixated: np.ndarray) -> float:
    """AUC-Judd: unfixated pixels as negatives, thresholds only at the values of fixations, no jitter, trapezia.

    The curve runs from (0, 0) through (false, true positive rate) at each threshold to (1, 1), as pysaliency's
    ``general_roc(judd=1)``; with few fixations it lies above the exact area. ``prediction`` has N values;
    ``fixated`` (k,) flat pixel indices, k >= 1, every fixation counts. NaN where every pixel is fixated.
    """
    flat = np.asarray(prediction, dtype=np.float64).ravel()
    unfixated = np.ones(flat.size, dtype=bool)
    unfixated[fixated] = False
    negatives = np.sort(flat[unfixated])
    if negatives.size == 0:
        return float("nan")
    positives = np.sort(flat[fixated])
    thresholds = np.unique(positives)[::-1]
    hits = 1 - np.searchsorted(positives, thresholds) / positives.size
    alarms = 1 - np.searchsorted(negatives, thresholds) / negatives.size
    hits = np.concatenate(([0.0], hits, [1.0]))
    alarms = np.concatenate(([0.0], alarms, [1.0]))
    return float(np.sum(np.diff(alarms) * (hits[1:] + hits[:-1]) / 2))
