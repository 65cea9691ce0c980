"""Re-identification: retrieval in series and over all, pairs, clusters, identities of sequences; means of figures.

In series a query is asked only among characters that are known to differ: its group is a maximal clique of a series'
characters (``tasks.metrics.cliques``). A query that nothing in its gallery can answer has no figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inkbench.tasks.metrics import assign, verification
from inkbench.tasks.metrics.clusters import mutual_information
from inkbench.tasks.metrics.gallery import Gallery, gathered, largest_groups
from inkbench.tasks.metrics.items import Items, Resampler, WeightedMean
from inkbench.tasks.metrics.metric import Metric
from inkbench.tasks.metrics.retrieval import CHANCE, FIGURES, first_against_rest, within
from inkbench.tasks.metrics.scorer import Scorer

LEAST = 5
"""Items that a group must have (as in gsoykan/comic_char_reid)."""
HELP = {
    "map@r": "mean over queries of the precision at right answers up to rank R, over R, their number",
    "p@1": "share of queries whose nearest is right",
    "r-precision": "share of right ones among the R nearest",
    "map": "mean over queries of the mean precision at right answers",
    "mrr": "mean over queries of 1 / rank of the first right one",
}
MACRO, FIRST, ALL = "[macro]", "[inter-first]", "[inter-all]"
GROUP = "gallery: the others of the query's group (a series, characters known to differ)"
METRICS = (
    *(Metric(name, "", "max", f"{HELP[name]}; {GROUP}", 3) for name in FIGURES),
    *(Metric(name + MACRO, "", "max", f"{name} as a mean over groups of means over characters", 3) for name in FIGURES),
    *(
        Metric(
            name + FIRST,
            "",
            "max",
            f"{HELP[name]}; queries: the first of each character; gallery: the rest, of all series",
            2,
        )
        for name in FIGURES
    ),
    *(
        Metric(name + ALL, "", "max", f"{HELP[name]}; gallery: all others of all series that are known to differ", 2)
        for name in FIGURES[:2]
    ),
    Metric("ami", "", "max", "adjusted mutual information of k-means with the true k, mean over groups", 2),
    Metric("nmi", "", "max", "normalised mutual information of the same clusters, mean over groups", 2),
    Metric(
        "auroc[pairs]", "", "max", "AUROC of same against other over the known pairs of a series, mean of series", 3
    ),
    Metric(
        "accuracy[pairs]", "", "max", "share of pairs decided rightly, half of them same, threshold of other series", 2
    ),
    Metric("ami[assign]", "", "max", "AMI of clusters cut at a validated threshold, mean over sequences of panels"),
    Metric("nmi[assign]", "", "max", "NMI of the same clusters"),
    Metric("ari[assign]", "", "max", "adjusted Rand index of the same clusters"),
    Metric("b-cubed[assign]", "", "max", "B-cubed F of the same clusters"),
    Metric(CHANCE, "", "max", "p@1 of a random order within the query's group", 2),
)
PAIRS = ("auroc[pairs]", "accuracy[pairs]")
CLUSTERS = ("ami", "nmi")
SHARES = {
    **{name + MACRO: "share[macro]" for name in FIGURES},
    **dict.fromkeys(CLUSTERS, "share[group]"),
    **dict.fromkeys(PAIRS, "share[series]"),
    **dict.fromkeys(assign.FIGURES, "share[sequence]"),
}
"""What an item weighs in a mean over something larger; in the others every item weighs the same."""


def served(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options without the figures of clusters, which need SciPy and scikit-learn."""
    return {name: value for name, value in options.items() if name != "threshold"} | {"clusters": False}


def score_items(
    predictions: Sequence[Mapping[str, np.ndarray]],
    truths: Sequence[Mapping[str, np.ndarray]],
    ids: Sequence[str] | None = None,
    exclude: str = "none",
    threshold: float | None = None,
    clusters: bool = True,
) -> dict[str, np.ndarray]:
    """Return figures of every item, float64 (N,), named as the metrics are; NaN where it has none.

    A prediction holds ``embedding`` (D,), or ``ranking`` (k,), places of other items, nearest first: then there are no
    figures that need distances. A truth holds string arrays: ``identity``, ``series``, ``panel``, ``page`` (), and,
    where known, ``apart`` (k,), the names of what tells its character from others (none: its whole series), and
    ``sequences`` (k,), the sequences of panels that it is in. ``exclude``: ``none``, or ``panel`` or ``page``, whose
    items are left out of the gallery. ``threshold``: where clusters of a sequence are cut; without one sequences are
    not judged. ``clusters``: whether figures are made that need scikit-learn. Raises ValueError for an embedding that
    is not finite, naming the item.
    """
    gallery = gathered(predictions, truths, ids, exclude)
    every = np.arange(len(gallery.codes))
    first = first_against_rest(gallery.seen, gallery.codes, largest_groups(gallery), gallery.places)
    over_all = within(gallery.seen, gallery.codes, every, gallery.places, gallery.differ)
    items = {
        **_in_series(gallery, clusters),
        **{name + FIRST: first[name] for name in FIGURES},
        **{name + ALL: over_all[name] for name in FIGURES[:2]},
    }
    if isinstance(gallery.seen, np.ndarray):
        items |= verification.by_series(gallery.seen, gallery.codes, gallery.series, gallery.differ, gallery.places)
        items["share[series]"] = _equal_shares(gallery.series)
    if gallery.embeddings is not None and clusters and threshold is not None:
        items |= _of_sequences(gallery, gallery.embeddings, threshold)
    return items


def _in_series(gallery: Gallery, clusters: bool) -> dict[str, np.ndarray]:
    """Score retrieval and clusters within groups: an item's mean over its groups, and its shares in means over groups.

    A mean over groups of means over characters of means over queries is a weighted mean over queries: a query weighs
    1 / (queries of its character x characters of its group), added up over its groups.
    """
    count = len(gallery.codes)
    names = (*FIGURES, CHANCE)
    sums = {name: np.zeros(count) for name in names}
    macro = {name: np.zeros(count) for name in FIGURES}
    clustered = {name: np.zeros(count) for name in CLUSTERS if clusters and gallery.embeddings is not None}
    times, share_macro, share_group, share_skipped = (np.zeros(count) for _ in range(4))
    for rows in gallery.parts:
        characters, codes = np.unique(gallery.codes[rows], return_inverse=True)
        if len(rows) < LEAST or len(characters) < 2:
            share_skipped[rows] += 1 / len(rows)
            continue
        found = within(gallery.seen, gallery.codes, rows, gallery.places)
        answered = np.isfinite(found[CHANCE])
        asked = np.bincount(codes, answered, len(characters))
        share = answered / np.maximum(asked[codes], 1) / max(np.count_nonzero(asked), 1)
        for name in names:
            values = np.where(answered, found[name], 0.0)
            sums[name][rows] += values
            if name != CHANCE:
                macro[name][rows] += share * values
        times[rows] += answered
        share_macro[rows] += share
        share_group[rows] += 1 / len(rows)
        if clustered and gallery.embeddings is not None:
            for name, value in zip(CLUSTERS, mutual_information(gallery.embeddings[rows], codes), strict=True):
                clustered[name][rows] += value / len(rows)
    return {
        **{name: _ratio(sums[name], times) for name in names},
        **{name + MACRO: _ratio(macro[name], share_macro) for name in FIGURES},
        **{name: _ratio(values, share_group) for name, values in clustered.items()},
        "share[macro]": share_macro,
        "share[group]": share_group,
        "share[skipped]": share_skipped,
    }


def _of_sequences(gallery: Gallery, embeddings: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    """Score the clusters of each sequence against its characters; an item's mean over its sequences."""
    share = np.zeros(len(gallery.codes))
    sums = {name: np.zeros(len(share)) for name in assign.FIGURES}
    for rows in assign.sequences(gallery.named).values():
        found = assign.figures(gallery.codes[rows], assign.clusters(embeddings[rows], threshold))
        share[rows] += 1 / len(rows)
        for name, value in found.items():
            sums[name][rows] += value / len(rows)
    return {**{name: _ratio(values, share) for name, values in sums.items()}, "share[sequence]": share}


def calibrate(
    predictions: Sequence[Mapping[str, np.ndarray]],
    truths: Sequence[Mapping[str, np.ndarray]],
    ids: Sequence[str] | None = None,
) -> dict[str, float]:
    """Return ``threshold`` for ``score_items``, chosen on these items (of validation), if a sequence is known."""
    gallery = gathered(predictions, truths, ids)
    if gallery.embeddings is None:
        return {}
    threshold = assign.choose_threshold(gallery.embeddings, gallery.codes, gallery.named)
    return {} if threshold is None else {"threshold": threshold}


def _ratio(sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    means: np.ndarray = np.divide(sums, weights, out=np.full(len(sums), np.nan), where=weights > 0)
    return means


def _equal_shares(names: np.ndarray) -> np.ndarray:
    """Return one over the number of items of the same name, (N,)."""
    _, codes, sizes = np.unique(names, return_inverse=True, return_counts=True)
    return 1 / sizes[codes]


def resampler(items: Items, metric: str) -> Resampler:
    """Return the weighted mean of a metric over the items that have it, each by its share."""
    values = np.asarray(items[metric], dtype=np.float64)
    weights = np.isfinite(values).astype(np.float64)
    if metric in SHARES:
        weights *= items[SHARES[metric]]
    return WeightedMean(np.where(weights > 0, values, 0.0) * weights, weights)


def aggregate(items: Items, weights: np.ndarray | None = None) -> dict[str, float]:
    """Compute the means of all metrics; ``weights`` (N,) are multiplicities, one by default.

    Metrics without items are left out.
    """
    if weights is None:
        weights = np.ones(len(items["p@1"]))
    means = {metric.name: resampler(items, metric.name)(weights) for metric in METRICS if metric.name in items}
    return {name: value for name, value in means.items() if np.isfinite(value)}


def counts(items: Items) -> dict[str, int]:
    """Count the items (queries, where it is retrieval) that each figure comes from."""
    found = {metric.name: int(np.isfinite(items[metric.name]).sum()) for metric in METRICS if metric.name in items}
    return {name: number for name, number in found.items() if number}


def notes(items: Items) -> list[str]:
    """Return notes: how many queries nothing could answer, and which groups were too small."""
    kept, skipped = (round(float(items[f"share[{name}]"].sum())) for name in ("group", "skipped"))
    told = []
    lone = int(((items["share[group]"] > 0) & np.isnan(items["p@1"])).sum())
    if lone:
        queries = len(items["p@1"])
        told.append(f"queries without a correct match in their gallery, excluded from retrieval: {lone} of {queries}")
    told.append(
        f"groups scored (characters of one series that are known to differ): {kept} of {kept + skipped}; groups of "
        f"fewer than {LEAST} items or two characters are skipped"
    )
    return told


SCORER = Scorer(
    metrics=METRICS,
    score_items=score_items,
    aggregate=aggregate,
    counts=counts,
    resampler=resampler,
    notes=notes,
    served=served,
)
"""What the task is scored by."""
