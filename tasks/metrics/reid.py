"""Re-identification: retrieval within a series and over all series, one figure a query, means over queries.

A query that nothing in its gallery can answer (a character seen once) has no figure and is counted as skipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.api import Metric
from tasks.metrics.items import Items, Resampler, WeightedMean
from tasks.metrics.retrieval import FIGURES, chance, retrieval

HELP = {
    "map@r": "mean over queries of the precision at right answers up to rank R, over R, their number",
    "p@1": "share of queries whose nearest is right",
    "r-precision": "share of right ones among the R nearest",
    "map": "mean over queries of the mean precision at right answers",
    "mrr": "mean over queries of 1 / rank of the first right one",
}
INTER = "[inter]"
METRICS = (
    *(Metric(name, "", "max", f"{HELP[name]}; gallery: the query's series") for name in FIGURES),
    *(Metric(name + INTER, "", "max", f"{HELP[name]}; gallery: all series") for name in FIGURES),
    Metric("chance", "", "max", "p@1 of a random order within the series"),
)


def score_items(
    predictions: Sequence[Mapping[str, np.ndarray]],
    truths: Sequence[Mapping[str, np.ndarray]],
    ids: Sequence[str] | None = None,
    exclude: str = "none",
) -> dict[str, np.ndarray]:
    """Figures of every item as a query, float64 (N,), named as the metrics are; NaN where it has none.

    A prediction holds ``embedding`` (D,); a truth holds ``identity``, ``series`` and ``panel``, each a string array
    (). ``exclude``: ``none`` or ``panel``, whose items are left out of the gallery. Raises ValueError for an embedding
    that is not finite, naming the item.
    """
    if len(predictions) != len(truths):
        raise ValueError(f"{len(predictions)} predictions for {len(truths)} truths; there must be one for each")
    embeddings = np.stack([np.asarray(prediction["embedding"], dtype=np.float64) for prediction in predictions])
    wrong = np.flatnonzero(~np.isfinite(embeddings).all(1))
    if len(wrong):
        name = ids[wrong[0]] if ids is not None else f"{wrong[0]} (0-based)"
        raise ValueError(f"embedding of item {name} is not finite ({len(wrong)} of {len(embeddings)} are not)")
    identity, series, panel = (
        np.array([str(truth[key]) for truth in truths]) for key in ("identity", "series", "panel")
    )
    panels = panel if exclude == "panel" else None
    within = retrieval(embeddings, identity, series, panels)
    over_all = retrieval(embeddings, identity, None, panels)
    return {
        **within,
        **{name + INTER: values for name, values in over_all.items()},
        "chance": chance(identity, series, panels),
        "identity": identity,
    }


def resampler(items: Items, metric: str) -> Resampler:
    """The weighted mean of a metric over the queries that have it."""
    values = np.asarray(items[metric], dtype=np.float64)
    there = np.isfinite(values)
    return WeightedMean(np.where(there, values, 0.0), there.astype(np.float64))


def aggregate(items: Items, weights: np.ndarray | None = None) -> dict[str, float]:
    """Means over queries; ``weights`` (N,) are multiplicities, one each by default. What no query has is left out."""
    if weights is None:
        weights = np.ones(len(items["p@1"]))
    means = {metric.name: resampler(items, metric.name)(weights) for metric in METRICS}
    return {name: value for name, value in means.items() if np.isfinite(value)}


def counts(items: Items) -> dict[str, int]:
    """How many queries each figure is the mean of."""
    return {metric.name: n for metric in METRICS if (n := int(np.isfinite(items[metric.name]).sum()))}


def notes(items: Items) -> list[str]:
    """How many queries nothing could answer."""
    skipped = int(np.isnan(items["p@1"]).sum())
    return [f"{skipped} of {len(items['p@1'])} queries have no right answer in their gallery"] if skipped else []
