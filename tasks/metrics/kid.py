"""The kernel distance of two sets of features (Binkowski et al., ICLR 2018): unbiased squared MMD, degree 3, float64.

``k(a, b) = (a.b / d + 1)^3``. Unlike the Fréchet distance its expectation does not depend on how many images there are,
so it ranks small sets. It is unbiased, so figures of equal sets scatter around 0 and may be negative.
"""

from __future__ import annotations

import numpy as np

BLOCK = 2048
"""Most items whose pairs are all looked at; larger sets fall into blocks, and pairs within a block count."""


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return ``k`` of all pairs of features ``a`` (n, d) and ``b`` (m, d), float64 (n, m)."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return np.asarray((a @ b.T / a.shape[1] + 1) ** 3)


def kid(x: np.ndarray, y: np.ndarray) -> float:
    """Return the unbiased squared MMD of two unrelated sets (n, d) and (m, d) over all pairs; NaN for fewer than two.

    What torch-fidelity computes on a subset. Gretton et al., JMLR 2012, equation 3.
    """
    n, m = len(x), len(y)
    if min(n, m) < 2:
        return float("nan")
    xx, yy = kernel(x, x), kernel(y, y)
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(within - 2 * kernel(x, y).mean())


def blocks(count: int) -> np.ndarray:
    """Return the block of each of ``count`` items, int64 (count,): all 0 up to ``BLOCK``, else shuffled and even."""
    number = -(-count // BLOCK)
    found = np.empty(count, dtype=np.int64)
    found[np.random.default_rng(count).permutation(count)] = np.arange(count) * number // max(count, 1)
    return found


class WeightedKid:
    """``kid`` of predictions and truths of the same items as two sets, under weights of the items.

    Every pair across counts, an item's own too: with weights of 1 this is ``kid`` within each block. Two copies of one
    item in a resample are no pair, in neither part.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, block: np.ndarray) -> None:
        """Take ``x`` and ``y`` (N, d) of the same items, ``block`` (N,)."""
        self._blocks = []
        for code in np.unique(block):
            rows = np.flatnonzero(block == code)
            within = kernel(x[rows], x[rows]) + kernel(y[rows], y[rows])
            np.fill_diagonal(within, 0.0)
            across = kernel(x[rows], y[rows])
            own = across.diagonal().copy()
            np.fill_diagonal(across, 0.0)
            self._blocks.append((rows, within, across, own))

    def __call__(self, weights: np.ndarray) -> float:
        """Return the distance under ``weights`` (N,), the mean over blocks by their pairs; NaN without a pair."""
        total = every = 0.0
        for rows, within, across, own in self._blocks:
            w = np.asarray(weights, dtype=np.float64)[rows]
            pairs = w.sum() ** 2 - (w**2).sum()
            if pairs > 0:
                crossed = (w @ across @ w + w @ own) / (pairs + w.sum())
                total += pairs * (w @ within @ w / pairs - 2 * crossed)
                every += pairs
        return float(total / every) if every > 0 else float("nan")


class PairedKid:
    """The kernel distance of predictions and the truths of the same items, under weights of the items.

    ``sum over i != j of w_i w_j h(i, j) / sum over i != j of w_i w_j`` with ``h(i, j) = k(x_i, x_j) + k(y_i, y_j) -
    k(x_i, y_j) - k(x_j, y_i)`` (Gretton et al., JMLR 2012, equation 4), over pairs within a block. A prediction and its
    own truth are no independent draws, so unlike in ``kid`` that pair does not count, and perfect predictions have
    exactly 0. Nor do two copies of one item in a resample: they would lift every resample above the figure itself.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, block: np.ndarray) -> None:
        """Take ``x`` and ``y`` (N, d) of the same items, ``block`` (N,)."""
        self._blocks = []
        for code in np.unique(block):
            rows = np.flatnonzero(block == code)
            crossed = kernel(x[rows], y[rows])
            h = kernel(x[rows], x[rows]) + kernel(y[rows], y[rows]) - crossed - crossed.T
            np.fill_diagonal(h, 0.0)
            self._blocks.append((rows, h))

    def __call__(self, weights: np.ndarray) -> float:
        """Return the distance under ``weights`` (N,); NaN where they leave no pair."""
        total = pairs = 0.0
        for rows, h in self._blocks:
            own = np.asarray(weights, dtype=np.float64)[rows]
            total += own @ h @ own
            pairs += own.sum() ** 2 - (own**2).sum()
        return float(total / pairs) if pairs > 0 else float("nan")
