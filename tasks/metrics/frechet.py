"""The Fréchet distance of two sets of features as Gaussians (Heusel et al., NeurIPS 2017, equation 6), in float64.

``d^2 = |mu_x - mu_y|^2 + Tr(S_x + S_y - 2 (S_x S_y)^(1/2))``. With centred features ``X`` (n, d) and ``Y`` (m, d) the
trace of the root is the nuclear norm ``||X Y^T||_* / sqrt((n - 1)(m - 1))``: no root of a matrix is taken, nothing is
added to a diagonal, no imaginary part is dropped. It is only called FID where the features are the Inception's.
"""

from __future__ import annotations

import numpy as np

ZERO = 1e-9
"""A distance within this share of ``Tr(S_x + S_y)`` of zero is rounding and becomes 0."""


def frechet(
    x: np.ndarray, y: np.ndarray, weights_x: np.ndarray | None = None, weights_y: np.ndarray | None = None
) -> float:
    """Compute the squared distance of features ``x`` (n, d) and ``y`` (m, d); NaN where a set has fewer than two.

    ``weights`` (n,) and (m,) say how often each row is there, once by default; means and covariances (denominator
    n - 1) are those of the repeated sets. Raises ValueError for features that are not finite or of other widths.
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"features have shapes {x.shape} and {y.shape}; they must be (n, d) and (m, d)")
    mean_x, root_x, total_x = _moments(x, weights_x)
    mean_y, root_y, total_y = _moments(y, weights_y)
    if min(total_x, total_y) < 2:
        return float("nan")
    trace = (root_x**2).sum() / (total_x - 1) + (root_y**2).sum() / (total_y - 1)
    nuclear = np.linalg.svd(root_x @ root_y.T, compute_uv=False).sum() / np.sqrt((total_x - 1) * (total_y - 1))
    distance = float(((mean_x - mean_y) ** 2).sum() + trace - 2 * nuclear)
    return 0.0 if abs(distance) <= ZERO * trace else distance


def _moments(features: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the mean (d,), a root R with ``R^T R`` the scatter, and the number of rows, repeats counted.

    Of more rows than columns only the triangle of their QR decomposition is kept: a rotation changes no singular value.
    """
    rows = np.asarray(features, dtype=np.float64)
    if not np.isfinite(rows).all():
        raise ValueError(f"features that are not finite: {int((~np.isfinite(rows).all(1)).sum())} of {len(rows)}")
    times = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    rows, times = rows[times > 0], times[times > 0]
    total = float(times.sum())
    if total < 2:
        return np.zeros(features.shape[1]), np.zeros((0, features.shape[1])), total
    mean = times @ rows / total
    root = (rows - mean) * np.sqrt(times)[:, None]
    if len(root) > root.shape[1]:
        root = np.asarray(np.linalg.qr(root, mode="r"))
    return mean, root, total
