"""A scorer whose primary metric is of a set, and better when it is smaller: the weighted median of an error."""

import numpy as np

from inkbench.benchmark.api import Metric, Scorer

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


def score_items(predictions, truths, ids=None):
    errors = [abs(float(one["value"]) - float(truth["value"])) for one, truth in zip(predictions, truths, strict=True)]
    return {"error": np.array(errors)}


def counts(items):
    return dict.fromkeys(aggregate(items), len(items["error"]))


SCORER = Scorer(METRICS, score_items, aggregate, counts, resampler)
