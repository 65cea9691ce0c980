"""A scorer whose primary metric is of a set, and better when it is smaller: the weighted median of an error."""

import numpy as np

from inkbench.benchmark.api import Metric

METRICS = (Metric("median", "px", "min", "median error"), Metric("mean", "px", "min", "mean error"))


def resampler(items, metric):
    order = np.argsort(items["error"])
    ranked = items["error"][order]

    def median(weights):
        return float(ranked[np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])

    return median if metric == "median" else lambda weights: float(items["error"] @ weights / weights.sum())


def aggregate(items, weights=None):
    weights = np.ones(len(items["error"])) if weights is None else weights
    return {metric.name: resampler(items, metric.name)(weights) for metric in METRICS}
