"""Re-identification: retrieval within a series and over all series, one figure a query, means over queries.

A query that nothing in its gallery can answer (a character seen once) has no figure and is counted as skipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks.metrics.clusters import by_series
from tasks.metrics.items import Items, Resampler, WeightedMean
from tasks.metrics.metric import Metric
from tasks.metrics.retrieval import FIGURES, chance, ranked_retrieval, retrieval

HELP = {
    "map@r": "mean over queries of the precision at right answers up to rank R, over R, their number",
    "p@1": "share of queries whose nearest is right",
    "r-precision": "share of right ones among the R nearest",
    "map": "mean over queries of the mean precision at right answers",
    "mrr": "mean over queries of 1 / rank of the first right one",
}
INTER = "[inter]"
MACRO = "map@r[macro]"
METRICS = (
    *(Metric(name, "", "max", f"{HELP[name]}; gallery: the query's series") for name in FIGURES),
    *(Metric(name + INTER, "", "max", f"{HELP[name]}; gallery: all series") for name in FIGURES),
    Metric(MACRO, "", "max", "map@r within the series, every character counting once"),
    Metric(
        "auroc[pairs]", "", "max", "AUROC of same against other character over all pairs of a series, mean over series"
    ),
    Metric("ami", "", "max", "adjusted mutual information of k-means with the true k, mean over series"),
    Metric("nmi", "", "max", "normalised mutual information of the same clusters, mean over series"),
    Metric("chance", "", "max", "p@1 of a random order within the series"),
)
SERIES = ("auroc[pairs]", "ami", "nmi")


def served(options: Mapping[str, Any]) -> dict[str, Any]:
    """Without the figures of clusters, which need scikit-learn."""
    return {**options, "clusters": False}


def score_items(
    predictions: Sequence[Mapping[str, np.ndarray]],
    truths: Sequence[Mapping[str, np.ndarray]],
    ids: Sequence[str] | None = None,
    exclude: str = "none",
    clusters: bool = True,
) -> dict[str, np.ndarray]:
    """Figures of every item as a query, float64 (N,), named as the metrics are; NaN where it has none.

    A prediction holds ``embedding`` (D,), or ``ranking`` (k,), places of other items, nearest first; a truth holds
    ``identity``, ``series`` and ``panel``, each a string array (). ``exclude``: ``none`` or ``panel``, whose items are
    left out of the gallery. ``clusters``: whether figures of whole series are made, which need distances (not ranks)
    and scikit-learn. Raises ValueError for an embedding that is not finite, naming the item.
    """
    if len(predictions) != len(truths):
        raise ValueError(f"{len(predictions)} predictions for {len(truths)} truths; there must be one for each")
    identity, series, panel = (
        np.array([str(truth[key]) for truth in truths]) for key in ("identity", "series", "panel")
    )
    panels = panel if exclude == "panel" else None
    of_series = {name: np.full(len(truths), np.nan) for name in SERIES}
    if any("ranking" in prediction for prediction in predictions):
        rankings = [np.asarray(prediction["ranking"], dtype=np.int64) for prediction in predictions]
        within = ranked_retrieval(rankings, identity, series, panels)
        over_all = ranked_retrieval(rankings, identity, None, panels)
    else:
        embeddings = _finite([prediction["embedding"] for prediction in predictions], ids)
        within = retrieval(embeddings, identity, series, panels)
        over_all = retrieval(embeddings, identity, None, panels)
        if clusters:
            of_series = by_series(embeddings, identity, series)
    return {
        **within,
        **{name + INTER: values for name, values in over_all.items()},
        **of_series,
        "chance": chance(identity, series, panels),
        "identity": identity,
        "series": series,
    }


def _finite(vectors: Sequence[np.ndarray], ids: Sequence[str] | None) -> np.ndarray:
    """Embeddings as one array (N, D) float64. Raises ValueError, naming the first item whose is not finite."""
    embeddings = np.stack([np.asarray(vector, dtype=np.float64) for vector in vectors])
    wrong = np.flatnonzero(~np.isfinite(embeddings).all(1))
    if len(wrong):
        name = ids[wrong[0]] if ids is not None else f"{wrong[0]} (0-based)"
        raise ValueError(f"embedding of item {name} is not finite ({len(wrong)} of {len(embeddings)} are not)")
    return embeddings


def resampler(items: Items, metric: str) -> Resampler:
    """The weighted mean of a metric over the queries that have it; of some over series or characters."""
    name = "map@r" if metric == MACRO else metric
    values = np.asarray(items[name], dtype=np.float64)
    there = np.isfinite(values).astype(np.float64)
    if metric in SERIES or metric == MACRO:
        groups = np.unique(items["identity" if metric == MACRO else "series"], return_inverse=True)[1]
        there /= np.maximum(np.bincount(groups, there)[groups], 1)  # a group counts once, however many have a figure
    return WeightedMean(np.where(there > 0, values, 0.0) * there, there)


def aggregate(items: Items, weights: np.ndarray | None = None) -> dict[str, float]:
    """Means over queries; ``weights`` (N,) are multiplicities, one each by default. What no query has is left out."""
    if weights is None:
        weights = np.ones(len(items["p@1"]))
    means = {metric.name: resampler(items, metric.name)(weights) for metric in METRICS}
    return {name: value for name, value in means.items() if np.isfinite(value)}


def counts(items: Items) -> dict[str, int]:
    """How many queries each figure is the mean of."""
    found = {name: int(np.isfinite(items[name]).sum()) for name in items if items[name].dtype.kind == "f"}
    found[MACRO] = found["map@r"]
    return {metric.name: found[metric.name] for metric in METRICS if found[metric.name]}


def notes(items: Items) -> list[str]:
    """How many queries nothing could answer."""
    skipped = int(np.isnan(items["p@1"]).sum())
    return [f"{skipped} of {len(items['p@1'])} queries have no right answer in their gallery"] if skipped else []
