"""Areas under ROC curves of saliency maps: exact, deterministic, ties count one half. Imports numpy only."""

from __future__ import annotations

import numpy as np

BINS = 1 << 16
"""Into which the values of a map are counted; any number gives the same figures."""


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks 1..N of the flattened ``values``, float64 (N,); tied values share the mean of their ranks."""
    flat = np.asarray(values).ravel()
    order = np.argsort(flat)  # any order of ties gives the same ranks
    ordered = flat[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    last = np.concatenate((first[1:], [flat.size]))
    ranks = np.empty(flat.size, dtype=np.float64)
    ranks[order] = np.repeat((first + 1 + last) / 2, last - first)
    return ranks


def auc_density(ranks: np.ndarray, truth: np.ndarray) -> float:
    """Compute the expected AUC of fixations drawn from the truth map against all pixels as negatives.

    AUC = sum_i g_i (rank_i - 1/2) / N with g the sum-normalised truth: parameter-free, invariant to the truth's
    scale. ``ranks`` (N,) are the prediction's average ranks, ``truth`` has N non-negative values, not all zero.
    """
    mass = np.asarray(truth, dtype=np.float64).ravel()
    return float(mass @ (ranks - 0.5) / (mass.sum() * ranks.size))


def auc_uniform(ranks: np.ndarray, fixated: np.ndarray) -> float:
    """Compute the AUC of values at fixations against all pixels' (Tuebingen's benchmark: nonfixations 'uniform').

    ``ranks`` (N,) are the prediction's average ranks; ``fixated`` (k,) flat pixel indices, k >= 1, where a pixel
    that is fixated twice counts twice.
    """
    return float((ranks[fixated] - 0.5).mean() / ranks.size)


def at_least(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Count, for each of ``thresholds`` (k,), the ``values`` (N,) that are at least as large, int64 (k,).

    Values fall into many narrow bins; only those that share a bin with a threshold are sorted. The same counts as
    sorting all of them, several times faster where N is large and k small.
    """
    lowest, highest = values.min(), values.max()
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        scale = np.nan_to_num(BINS / (highest - lowest), nan=0.0, posinf=0.0)

    def binned(numbers: np.ndarray) -> np.ndarray:
        places = numbers - lowest
        places *= scale
        found = places.astype(np.int64)
        capped: np.ndarray = np.minimum(found, BINS, out=found)
        return capped

    bins, asked = binned(values), binned(thresholds.clip(lowest, highest))
    above = np.bincount(bins, minlength=BINS + 2)[::-1].cumsum()[::-1]  # of this bin and those above
    shared = np.zeros(BINS + 1, dtype=bool)
    shared[asked] = True
    near = shared[bins]
    close, where = values[near], bins[near]
    order = np.sort(close)
    higher = np.bincount(where, minlength=BINS + 2)[::-1].cumsum()[::-1]
    within = close.size - np.searchsorted(order, thresholds) - higher[asked + 1]
    counts: np.ndarray = above[asked + 1] + within
    return counts


def auc_judd(prediction: np.ndarray, fixated: np.ndarray) -> float:
    """Compute AUC-Judd: unfixated pixels as negatives, thresholds at the fixations' values, no jitter, trapezia.

    The curve runs from (0, 0) through (false, true positive rate) at each threshold to (1, 1), as pysaliency's
    ``general_roc(judd=1)``; with few fixations it lies above the exact area. ``prediction`` has N values;
    ``fixated`` (k,) flat pixel indices, k >= 1, every fixation counts. NaN where every pixel is fixated.
    """
    flat = np.asarray(prediction, dtype=np.float64).ravel()
    unfixated = np.ones(flat.size, dtype=bool)
    unfixated[fixated] = False
    negatives = flat[unfixated]
    if negatives.size == 0:
        return float("nan")
    positives = np.sort(flat[fixated])
    thresholds = np.unique(positives)[::-1]
    hits = 1 - np.searchsorted(positives, thresholds) / positives.size
    alarms = at_least(negatives, thresholds) / negatives.size
    hits = np.concatenate(([0.0], hits, [1.0]))
    alarms = np.concatenate(([0.0], alarms, [1.0]))
    return float(np.sum(np.diff(alarms) * (hits[1:] + hits[:-1]) / 2))


def auc_shuffled(prediction: np.ndarray, fixated: np.ndarray, others: np.ndarray) -> float:
    """Compute sAUC: values at fixations against those at the fixations of other images, exact, ties one half.

    ``fixated`` (k,) and ``others`` (m,) flat pixel indices, k and m >= 1, every fixation counts. A map that says no
    more than that people look at the middle has 0.5 (Tatler et al. 2005; pysaliency's nonfixations 'shuffled').
    """
    flat = np.asarray(prediction, dtype=np.float64).ravel()
    ranks = average_ranks(np.concatenate([flat[fixated], flat[others]]))
    k, m = len(fixated), len(others)
    return float((ranks[:k].sum() - k * (k + 1) / 2) / (k * m))


def auc_borji(prediction: np.ndarray, fixated: np.ndarray, splits: int = 100, step: float = 0.1) -> float:
    """Compute AUC-Borji: as many random negatives as fixations, thresholds ``step`` apart, mean over ``splits``.

    The prediction is scaled to 0..1 (MIT's AUC_Borji.m); thresholds run from 0 to the largest value seen. The pixels
    come from a generator with seed 0, so that the same map has the same figure; 0.5 for a constant prediction.
    """
    flat = np.asarray(prediction, dtype=np.float64).ravel()
    span = flat.max() - flat.min()
    if span == 0:
        return 0.5
    scaled = (flat - flat.min()) / span
    positives = scaled[fixated]
    negatives = scaled[np.random.default_rng(0).integers(0, flat.size, (splits, len(fixated)))]
    most = np.maximum(negatives.max(1), positives.max())
    thresholds = np.arange(0, 1 + step, step)[::-1]
    asked = thresholds <= most[:, None] + 1e-12
    hits = np.where(asked, (positives >= thresholds[:, None]).mean(1), 0.0)
    alarms = np.where(asked, (negatives[:, None, :] >= thresholds[:, None]).mean(2), 0.0)
    ends = np.zeros((splits, 1)), np.ones((splits, 1))
    hits, alarms = (np.concatenate([ends[0], curve, ends[1]], 1) for curve in (hits, alarms))
    return float((np.diff(alarms, axis=1) * (hits[:, 1:] + hits[:, :-1]) / 2).sum(1).mean())
