"""Saliency figures as other codes compute them, for comparing with their numbers and for nothing else.

``mit``: the MATLAB code of the MIT benchmark (cvzoya/saliency) where it differs from ours. ``ai4va-legacy``: the
script that the AI4VA challenge shipped (scripts/metrics.py), with its faults. The Tuebingen benchmark's definitions
are our own ``auc[uniform]``, ``auc[shuffled]``, ``nss``, ``cc``, ``sim`` and ``kld``.
"""

from __future__ import annotations

import numpy as np

from inkbench.tasks.metrics.maps import centre_map, distribution

TINY = np.finfo(np.float64).eps


def scaled(values: np.ndarray) -> np.ndarray:
    """Scale a map to minimum 0 and maximum 1; zeros for a constant one."""
    array = np.asarray(values, dtype=np.float64)
    span = array.max() - array.min()
    return (array - array.min()) / span if span > 0 else np.zeros_like(array)


def mit(prediction: np.ndarray, truth: np.ndarray, fixated: np.ndarray) -> dict[str, float]:
    """Return MIT's variants by name; those of fixations only where ``fixated`` (k,), flat indices, has some.

    ``sim``: both maps min-max scaled first. ``nss``: deviation with N - 1, each fixated pixel once. ``auc[judd]``: the
    literal algorithm without its jitter, left out where every pixel is fixated. ``ig``: bits a fixated pixel over the
    centre map, both min-max scaled.
    """
    figures = {"sim[mit]": float(np.minimum(distribution(scaled(prediction)), distribution(scaled(truth))).sum())}
    pixels = np.unique(fixated)
    flat = np.asarray(prediction, dtype=np.float64).ravel()
    if not pixels.size:
        return figures
    deviation = flat.std(ddof=1)
    figures["nss[mit]"] = float(((flat - flat.mean()) / deviation)[pixels].mean()) if deviation > 0 else 0.0
    if pixels.size < flat.size:
        figures["auc[judd,mit]"] = _judd(flat, pixels)
    p, b = (distribution(scaled(values)).ravel()[pixels] for values in (prediction, centre_map(*truth.shape)))
    figures["ig[mit]"] = float((np.log2(TINY + p) - np.log2(TINY + b)).mean())
    return figures


def _judd(flat: np.ndarray, pixels: np.ndarray) -> float:
    """Compute AUC_Judd.m: one threshold per fixated pixel, the i-th with hit rate i / n even where values are equal."""
    thresholds = np.sort(flat[pixels])[::-1]
    n, every = thresholds.size, np.sort(flat)
    above = flat.size - np.searchsorted(every, thresholds, side="left")
    rank = np.arange(1, n + 1)
    hits = np.concatenate(([0.0], rank / n, [1.0]))
    alarms = np.concatenate(([0.0], (above - rank) / (flat.size - n), [1.0]))
    return float(np.sum(np.diff(alarms) * (hits[1:] + hits[:-1]) / 2))


def ai4va_legacy(prediction: np.ndarray, truth: np.ndarray) -> tuple[dict[str, float], str]:
    """Return the shipped script's ``nss`` and ``kld`` as they come out, finite or not, and its value for ``auc``.

    ``nss``: mean over all pixels of z-score times the truth as it is stored, so it grows with the truth's range.
    ``kld``: mean over columns, each a distribution of its own, without eps: NaN for an empty column, infinite for a
    hard zero. ``auc``: scikit-learn's, which takes binary truths alone; its message where it refuses.
    """
    from scipy.stats import entropy
    from sklearn.metrics import roc_auc_score

    p, g = np.asarray(prediction, dtype=np.float64), np.asarray(truth)
    deviation = p.std()
    z = (p - p.mean()) / deviation if deviation > 0 else np.zeros_like(p)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = entropy(g / g.sum(), p / p.sum())
    figures = {"nss[ai4va-legacy]": float((z * g).mean()), "kld[ai4va-legacy]": float(np.mean(columns))}
    try:
        figures["auc[ai4va-legacy]"] = float(roc_auc_score(g.ravel(), p.ravel()))
    except ValueError as error:
        return figures, f"ValueError: {error}"
    return figures, ""
