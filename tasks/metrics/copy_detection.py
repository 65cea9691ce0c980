"""Copy detection: is the original of a damaged copy found, and do scores tell right matches from wrong ones.

Every query has one right answer in the gallery. Per query: rank of that answer. Over all queries together: micro
average precision (Douze et al. 2021, "The 2021 Image Similarity Dataset and Challenge", uAP). Numpy only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from inkbench.tasks.metrics.items import Items, Resampler, WeightedMean
from inkbench.tasks.metrics.metric import Metric
from inkbench.tasks.metrics.retrieval import BLOCK, scaled, squared_distances
from inkbench.tasks.metrics.scorer import Scorer

CANDIDATES = 10
"""Matches a query may have in ``uap``: DISC21 takes 500,000 of 50,000 queries."""
RANKS = (1, 5, 10)
IN_SERIES = "recall@1[series]"
METRICS = (
    Metric("map", "", "max", "mean over queries of 1 / rank of the original: average precision with one right answer"),
    *(Metric(f"recall@{k}", "", "max", f"share of queries whose original is among the {k} nearest") for k in RANKS),
    Metric(IN_SERIES, "", "max", "the same with k = 1, in a gallery of the query's own series"),
    Metric("uap", "", "max", f"micro average precision over the {CANDIDATES} nearest of all queries, by distance"),
)
UAP = "uap"


def score_items(
    predictions: Sequence[Mapping[str, np.ndarray]],
    truths: Sequence[Mapping[str, np.ndarray]],
    ids: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """Return figures of every item, float64 (N,), NaN but for queries, and the candidates of all queries.

    A query whose original is not in the gallery (its file cannot be read) has no figure.

    A prediction holds ``embedding`` (D,), or ``ranking`` (k,), places of other items, nearest first: then there is no
    ``uap``, which needs distances. A truth holds ``copy`` (), the name of the image that it shows, ``query`` () bool,
    and ``series`` (). Beside the figures ``query`` (N,) bool, and ``pairs.item``, ``pairs.score``, ``pairs.right``
    (M,): candidates, by their query's place. Of equally near ones every order is as likely, and a figure is its mean
    over all of them. Raises ValueError for an embedding that is not finite, naming the item.
    """
    if len(predictions) != len(truths):
        raise ValueError(f"there must be one prediction for each truth, not {len(predictions)} for {len(truths)}")
    copies, series = (np.array([str(truth[key]) for truth in truths]) for key in ("copy", "series"))
    query = np.array([bool(truth["query"]) for truth in truths])
    gallery = np.flatnonzero(~query)
    queries = np.flatnonzero(query & np.isin(copies, copies[gallery]))
    found = {metric.name: np.full(len(truths), np.nan) for metric in METRICS if metric.name != UAP}
    found["query"] = query
    if any("ranking" in prediction for prediction in predictions):
        for place in queries.tolist():
            listed = [other for other in np.asarray(predictions[place]["ranking"]).tolist() if not query[other]]
            _note(found, place, *_by_list(listed, place, copies, series))
        return found
    vectors = np.asarray(scaled(_vectors(predictions, ids)))
    pairs: dict[str, list[np.ndarray]] = {"item": [], "score": [], "right": []}
    for start in range(0, len(queries), BLOCK):
        rows = queries[start : start + BLOCK]
        distances = squared_distances(vectors[rows], vectors[gallery])
        for place, near in zip(rows.tolist(), distances, strict=True):
            right = copies[gallery] == copies[place]
            own = series[gallery] == series[place]
            _note(found, place, _place(near, right), _place(near[own], right[own]))
            first = np.argsort(near, kind="stable")[:CANDIDATES]
            pairs["item"].append(np.full(len(first), place))
            pairs["score"].append(-near[first])
            pairs["right"].append(right[first])
    empty = {"item": np.zeros(0, np.int64), "score": np.zeros(0), "right": np.zeros(0, bool)}
    joined = {f"pairs.{name}": np.concatenate([empty[name], *of]) for name, of in pairs.items()}
    return {**found, **joined}


def _vectors(predictions: Sequence[Mapping[str, np.ndarray]], ids: Sequence[str] | None) -> np.ndarray:
    """Return embeddings as one array (N, D), float64. Raises ValueError, naming the first item whose is wrong."""
    vectors = [np.asarray(prediction["embedding"], dtype=np.float64).ravel() for prediction in predictions]
    for k, vector in enumerate(vectors):
        name = ids[k] if ids is not None else f"{k} (0-based)"
        if len(vector) != len(vectors[0]) or not len(vector):
            raise ValueError(f"embedding of item {name} has {len(vector)} values, that of the first {len(vectors[0])}")
        if not np.isfinite(vector).all():
            raise ValueError(f"embedding of item {name} is not finite")
    return np.stack(vectors)


def _place(near: np.ndarray, right: np.ndarray) -> tuple[int, int]:
    """Return how many of a gallery are nearer than the right answer, and how many as near, itself among them."""
    own = near[right].min()
    return int((near < own).sum()), int((near == own).sum())


def _by_list(
    listed: Sequence[int], place: int, copies: np.ndarray, series: np.ndarray
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Return the same of a list of gallery items; None, not found, where the right one is not listed."""
    found = []
    for among in (listed, [other for other in listed if series[other] == series[place]]):
        right = [rank for rank, other in enumerate(among) if copies[other] == copies[place]]
        found.append((right[0], 1) if right else None)
    return found[0], found[1]


def _note(
    found: dict[str, np.ndarray], place: int, among_all: tuple[int, int] | None, in_series: tuple[int, int] | None
) -> None:
    """Note a query's figures: of n equally near answers the right one is at each of their places as likely."""
    before, ties = among_all or (0, 0)
    found["map"][place] = np.mean(1 / (before + 1 + np.arange(ties))) if ties else 0.0
    for k in RANKS:
        found[f"recall@{k}"][place] = min(max(k - before, 0), ties) / ties if ties else 0.0
    before, ties = in_series or (0, 0)
    found[IN_SERIES][place] = min(max(1 - before, 0), ties) / ties if ties else 0.0


def micro_average_precision(items: Items) -> Resampler:
    """Return uAP as a function of item multiplicities (N,): sum over thresholds of precision x rise of recall.

    Candidates of one score share a threshold. Recall counts all queries, found or not.
    """
    order = np.argsort(-items["pairs.score"], kind="stable")
    scores, right = items["pairs.score"][order], items["pairs.right"][order].astype(np.float64)
    of = items["pairs.item"][order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.zeros(0, np.int64)
    queries = np.isfinite(items["map"]).astype(np.float64)

    def resample(weights: np.ndarray) -> float:
        total = float(queries @ weights)
        if total <= 0:
            return float("nan")
        own = np.asarray(weights, dtype=np.float64)[of]
        hits, seen = np.cumsum(own * right)[ends], np.cumsum(own)[ends]
        rise = np.diff(hits, prepend=0.0)
        precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
        return float((precision * rise).sum() / total)

    return resample


def resampler(items: Items, metric: str) -> Resampler:
    """Return a metric as a function of item multiplicities; what the gallery's items weigh does not count."""
    if metric == UAP:
        return micro_average_precision(items)
    values = np.asarray(items[metric], dtype=np.float64)
    present = np.isfinite(values).astype(np.float64)
    return WeightedMean(np.where(present > 0, values, 0.0), present)


def _known(items: Items) -> list[str]:
    return [metric.name for metric in METRICS if metric.name in items or (metric.name == UAP and "pairs.item" in items)]


def aggregate(items: Items, weights: np.ndarray | None = None) -> dict[str, float]:
    """Compute all metrics; ``weights`` (N,) are multiplicities, one by default. Those without queries are left out."""
    if weights is None:
        weights = np.ones(len(items["map"]))
    found = {name: resampler(items, name)(weights) for name in _known(items)}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def counts(items: Items) -> dict[str, int]:
    """Count the queries."""
    number = int(np.isfinite(items["map"]).sum())
    return dict.fromkeys(_known(items), number) if number else {}


def notes(items: Items) -> list[str]:
    """Return the size of the gallery, and how many queries nothing in it can answer."""
    asked, known = int(items["query"].sum()), int(np.isfinite(items["map"]).sum())
    lone = f"; queries without their original, excluded: {asked - known} of {asked}" if known < asked else ""
    return [f"gallery: {len(items['query']) - asked:,} images{lone}"]


SCORER = Scorer(
    metrics=METRICS, score_items=score_items, aggregate=aggregate, counts=counts, resampler=resampler, notes=notes
)
"""What the task is scored by."""
