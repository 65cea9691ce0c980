"""Retrieval: who is nearest to whom, and how soon the right ones come (Musgrave et al., ECCV 2020). Numpy only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

FIGURES = ("map@r", "p@1", "r-precision", "map", "mrr")
CHANCE = "chance"
BLOCK = 256
"""Queries at once: a block of distances to a gallery of 100,000 is 200 MiB."""
DIGITS = 12
"""Digits of a distance that count: equal vectors are equally near, whatever rounding says."""
Seen = np.ndarray | Sequence[np.ndarray]
"""Vectors (N, D), compared by Euclidean distance in float64: every order of equally near ones is as likely, and a
figure is its mean over all of them. Or for every item a list (k,) of places of others, nearest first: it may name whom
the gallery lacks, and who is not listed is not found."""


def retrieval(
    seen: Seen,
    identities: np.ndarray,
    groups: np.ndarray | None = None,
    places: np.ndarray | None = None,
    differ: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Score every item as a query against all others; float64 (N,) each, NaN for a query that nothing can answer.

    ``identities`` (N,). With ``groups`` (N,) only items of the query's group are in its gallery; with ``places`` (N,)
    none of its panel or page is; with ``differ`` (K, K), over the sorted identities, none whose character may be the
    query's. R is the number of right answers in the gallery. ``map@r``: sum over ranks i <= R of precision(i) rel(i)
    / R; ``p@1``; ``r-precision``: precision at R; ``map``: mean of the precision at each right answer; ``mrr``: 1 /
    rank of the first; ``chance``: the p@1 of a random order.
    """
    count = len(seen)
    found = {name: np.full(count, np.nan) for name in (*FIGURES, CHANCE)}
    codes = np.unique(identities, return_inverse=True)[1]
    seen = scaled(seen)
    for gallery in _galleries(count, groups):
        for name, values in within(seen, codes, gallery, places, differ).items():
            found[name][gallery] = values
    return found


def within(
    seen: Seen, codes: np.ndarray, rows: np.ndarray, places: np.ndarray | None = None, differ: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Score ``retrieval`` among items ``rows`` (n,) alone, (n,) each; ``seen`` is ``scaled``, ``codes`` (N,) from 0."""
    parts = []
    for start in range(0, len(rows), BLOCK):
        queries = rows[start : start + BLOCK]
        out = _barred(codes, queries, rows, queries[:, None] == rows[None], places, differ)
        parts.append(_against(seen, codes, queries, rows, out))
    return {name: np.concatenate([np.zeros(0), *(part[name] for part in parts)]) for name in (*FIGURES, CHANCE)}


def first_against_rest(
    seen: Seen, codes: np.ndarray, kept: np.ndarray, places: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Score every character's first item against one gallery of the others; float64 (N,), NaN for all but queries.

    Of the items ``kept`` (sorted indices) the first of a character that has several is a query and no gallery item;
    the rest of it, and characters seen once, are the gallery. ``seen`` and ``codes`` as in ``within``.
    """
    found = {name: np.full(len(codes), np.nan) for name in (*FIGURES, CHANCE)}
    _, first, counts = np.unique(codes[kept], return_index=True, return_counts=True)
    queries = kept[np.sort(first[counts > 1])]
    gallery = np.setdiff1d(kept, queries)
    for start in range(0, len(queries), BLOCK):
        rows = queries[start : start + BLOCK]
        out = _barred(codes, rows, gallery, np.zeros((len(rows), len(gallery)), dtype=bool), places, None)
        for name, values in _against(seen, codes, rows, gallery, out).items():
            found[name][rows] = values
    return found


def nearest(embeddings: np.ndarray) -> np.ndarray:
    """Return places of all items, nearest first, for every item of ``embeddings`` (N, D), itself among them: (N, N).

    A list must choose: of equally near ones the first in the order of the items comes first.
    """
    vectors = np.asarray(scaled(embeddings))
    rows = [
        np.argsort(squared_distances(vectors[start : start + BLOCK], vectors), axis=1, kind="stable")
        for start in range(0, len(vectors), BLOCK)
    ]
    return np.concatenate(rows)


def scaled(seen: Seen) -> Seen:
    """Centre vectors and divide by the root of their mean squared length, for which ``DIGITS`` are meant; lists as is.

    Distances do not change, and small differences beside a large common part keep their digits.
    """
    if not isinstance(seen, np.ndarray):
        return seen
    vectors = seen.astype(np.float64)
    vectors = vectors - vectors.mean(0, keepdims=True) if len(vectors) else vectors
    mean = float((vectors**2).sum(1).mean()) if len(vectors) else 0.0
    return vectors / np.sqrt(mean) if mean > 0 else vectors


def squared_distances(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Compute squared Euclidean distances of ``scaled`` vectors, float64 (Q, G), to ``DIGITS`` digits."""
    distances = (queries**2).sum(1)[:, None] + (gallery**2).sum(1)[None] - 2 * queries @ gallery.T
    rounded: np.ndarray = np.maximum(np.round(distances, DIGITS), 0)
    return rounded


def _galleries(count: int, groups: np.ndarray | None) -> Iterator[np.ndarray]:
    if groups is None:
        yield np.arange(count)
        return
    codes = np.unique(groups, return_inverse=True)[1]
    for code in range(int(codes.max(initial=-1)) + 1):
        yield np.flatnonzero(codes == code)


def _barred(
    codes: np.ndarray,
    rows: np.ndarray,
    gallery: np.ndarray,
    out: np.ndarray,
    places: np.ndarray | None,
    differ: np.ndarray | None,
) -> np.ndarray:
    """Return ``out`` (Q, G), the excluded answers of queries ``rows``, joined by those of ``places`` and ``differ``."""
    if places is not None:
        out = out | (places[rows][:, None] == places[gallery][None])
    if differ is not None:
        same = codes[rows][:, None] == codes[gallery][None]
        out = out | (~same & ~differ[codes[rows]][:, codes[gallery]])
    return out


def _against(
    seen: Seen, codes: np.ndarray, rows: np.ndarray, gallery: np.ndarray, out: np.ndarray
) -> dict[str, np.ndarray]:
    """Score the queries ``rows`` against ``gallery``; ``out`` (Q, G) are no answers."""
    if not len(gallery):
        return {name: np.full(len(rows), np.nan) for name in (*FIGURES, CHANCE)}
    same = codes[rows][:, None] == codes[gallery][None]
    right = same & ~out
    total = right.sum(1)
    if isinstance(seen, np.ndarray):
        figures = _by_distance(squared_distances(seen[rows], seen[gallery]), right, out, total)
    else:
        figures = _figures(_by_list(seen, rows, gallery, right, out), total)
    chance = np.where(total > 0, total / np.maximum((~out).sum(1), 1), np.nan)
    return {**figures, CHANCE: chance}


def _by_distance(distances: np.ndarray, right: np.ndarray, out: np.ndarray, total: np.ndarray) -> dict[str, np.ndarray]:
    """Score queries with ``distances`` (Q, G) to a gallery, ``right`` or ``out``, in place without these."""
    distances[out] = np.inf
    order = np.argsort(distances, axis=1, kind="stable")
    ranked = np.take_along_axis(right, order, 1)
    figures = _figures(ranked, total)
    distances = np.take_along_axis(distances, order, 1)
    mixed = ((distances[:, 1:] == distances[:, :-1]) & (ranked[:, 1:] != ranked[:, :-1])).any(1)
    for query in np.flatnonzero(mixed & (total > 0)):
        for name, value in expected(ranked[query], distances[query]).items():
            figures[name][query] = value
    return figures


def expected(right: np.ndarray, distances: np.ndarray) -> dict[str, float]:
    """Score one query, each figure the mean over all orders of equally near answers.

    ``distances`` (G,) rising, ``right`` (G,) bool, one or more true. At the j-th place of n equally near ones, r of
    them right, an answer is right with probability r / n, and then (j - 1)(r - 1) / (n - 1) right ones of the n are
    expected before it. The first right one of them is at place j with probability C(n - j, r - 1) / C(n, r).
    """
    count, total = len(right), int(right.sum())
    place = np.arange(count)
    begins = np.append(True, distances[1:] != distances[:-1])
    group = np.cumsum(begins) - 1
    sizes = np.bincount(group)
    rights = np.bincount(group, right)
    start = np.flatnonzero(begins)[group]
    before = (np.cumsum(rights) - rights)[group]
    n, r, j = sizes[group], rights[group], place - start + 1
    share = r / n
    precision = (before + 1 + (j - 1) * (r - 1) / np.maximum(n - 1, 1)) / (place + 1)
    top = place < total
    first = int(np.flatnonzero(rights)[0])
    inside = group == first
    ahead = np.arange(sizes[first])
    still = np.cumprod(np.append(1.0, 1 - np.minimum(rights[first] / (sizes[first] - ahead), 1)))[
        :-1
    ]  # none right until here
    return {
        "map@r": float((share * precision * top).sum() / total),
        "p@1": float(share[0]),
        "r-precision": float((share * top).sum() / total),
        "map": float((share * precision).sum() / total),
        "mrr": float((still * np.minimum(rights[first] / (sizes[first] - ahead), 1) / (place[inside] + 1)).sum()),
    }


def _by_list(
    lists: Sequence[np.ndarray], rows: np.ndarray, gallery: np.ndarray, right: np.ndarray, out: np.ndarray
) -> np.ndarray:
    """Score given lists in the same way; nobody is at the ranks behind a list's end."""
    ranked = np.zeros((len(rows), len(gallery)), dtype=bool)
    column = np.full(max(len(lists), 1), -1)
    column[gallery] = np.arange(len(gallery))
    for k, row in enumerate(rows):
        listed = column[lists[row]]
        listed = listed[listed >= 0]
        answers = right[k, listed][~out[k, listed]]
        ranked[k, : len(answers)] = answers
    return ranked


def _figures(ranked: np.ndarray, total: np.ndarray) -> dict[str, np.ndarray]:
    """Score queries whose galleries are ranked, right answers true, (Q, G), of ``total`` (Q,) there are."""
    lone = total == 0
    safe = np.maximum(total, 1)
    hits = np.cumsum(ranked, axis=1)
    precision = hits / np.arange(1, ranked.shape[1] + 1)
    top = np.arange(ranked.shape[1])[None] < total[:, None]
    figures = {
        "map@r": (precision * ranked * top).sum(1) / safe,
        "p@1": ranked[:, 0].astype(np.float64),
        "r-precision": (ranked & top).sum(1) / safe,
        "map": (precision * ranked).sum(1) / safe,
        "mrr": ranked.any(1) / (ranked.argmax(1) + 1),
    }
    return {name: np.where(lone, np.nan, values) for name, values in figures.items()}
