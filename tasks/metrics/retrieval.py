"""Retrieval by distance: who is nearest to whom, and how soon the right ones come (Musgrave et al., ECCV 2020)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

FIGURES = ("map@r", "p@1", "r-precision", "map", "mrr")
BLOCK = 256
"""Queries at once: a block of distances to a gallery of 100,000 is 200 MiB."""


def retrieval(
    embeddings: np.ndarray, identities: np.ndarray, groups: np.ndarray | None = None, panels: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Every item as a query against all others; float64 (N,) each, NaN for a query that nothing can answer.

    ``embeddings`` (N, D), by Euclidean distance in float64, ties in the order of the items; ``identities`` (N,). With
    ``groups`` (N,) only items of the query's group are in its gallery; with ``panels`` (N,) none of its panel is.
    R is the number of right answers in the gallery. ``map@r``: sum over ranks i <= R of precision(i) rel(i) / R;
    ``p@1``; ``r-precision``: precision at R; ``map``: mean of the precision at each right answer; ``mrr``: 1 / rank of
    the first.
    """
    count = len(embeddings)
    found = {name: np.full(count, np.nan) for name in FIGURES}
    codes = np.unique(identities, return_inverse=True)[1]
    places = None if panels is None else np.unique(panels, return_inverse=True)[1]
    for gallery, rows in _blocks(count, groups):
        distances = _distances(embeddings[rows], embeddings[gallery])
        out = rows[:, None] == gallery[None]
        if places is not None:
            out |= places[rows][:, None] == places[gallery][None]
        distances[out] = np.inf
        order = np.argsort(distances, axis=1, kind="stable")
        right = (codes[rows][:, None] == codes[gallery][None]) & ~out
        ranked = np.take_along_axis(right, order, 1)
        for name, values in _figures(ranked).items():
            found[name][rows] = values
    return found


def ranked_retrieval(
    rankings: Sequence[np.ndarray],
    identities: np.ndarray,
    groups: np.ndarray | None = None,
    panels: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """``retrieval`` of given lists: ``rankings`` holds for every item places of others, nearest first, (k,) each.

    A list may name items outside of the query's gallery, which are passed over, and may end early: who is not listed
    is not found.
    """
    count = len(rankings)
    found = {name: np.full(count, np.nan) for name in FIGURES}
    codes = np.unique(identities, return_inverse=True)[1]
    for query, ranking in enumerate(rankings):
        gallery = np.ones(count, dtype=bool) if groups is None else groups == groups[query]
        gallery[query] = False
        if panels is not None:
            gallery &= panels != panels[query]
        right = codes == codes[query]
        listed = ranking[gallery[ranking]]
        ranked = np.append(right[listed], False)[None]
        for name, values in _figures(ranked, np.array([(right & gallery).sum()])).items():
            found[name][query] = values[0]
    return found


def nearest(embeddings: np.ndarray) -> np.ndarray:
    """Places of all items, nearest first, for every item of ``embeddings`` (N, D), itself among them: (N, N)."""
    rows = [
        np.argsort(_distances(embeddings[queries], embeddings), axis=1, kind="stable")
        for _, queries in _blocks(len(embeddings), None)
    ]
    return np.concatenate(rows)


def _blocks(count: int, groups: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Galleries as indices, and the queries of each in blocks."""
    if groups is None:
        galleries = [np.arange(count)]
    else:
        codes = np.unique(groups, return_inverse=True)[1]
        galleries = [np.flatnonzero(codes == code) for code in range(codes.max(initial=-1) + 1)]
    for gallery in galleries:
        for start in range(0, len(gallery), BLOCK):
            yield gallery, gallery[start : start + BLOCK]


def _distances(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances, float64 (Q, G): their order is that of the distances."""
    a, b = queries.astype(np.float64), gallery.astype(np.float64)
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T, 0)


def _figures(ranked: np.ndarray, total: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """The figures of queries whose galleries are ranked, right answers true, (Q, G).

    ``total`` (Q,) right answers there are, where not all are ranked.
    """
    total = ranked.sum(1) if total is None else total
    lone = total == 0
    safe = np.maximum(total, 1)
    hits = np.cumsum(ranked, axis=1)
    precision = hits / np.arange(1, ranked.shape[1] + 1)
    within = np.arange(ranked.shape[1])[None] < total[:, None]
    figures = {
        "map@r": (precision * ranked * within).sum(1) / safe,
        "p@1": ranked[:, 0].astype(np.float64),
        "r-precision": (ranked & within).sum(1) / safe,
        "map": (precision * ranked).sum(1) / safe,
        "mrr": ranked.any(1) / (ranked.argmax(1) + 1),
    }
    return {name: np.where(lone, np.nan, values) for name, values in figures.items()}


def chance(identities: np.ndarray, groups: np.ndarray | None = None, panels: np.ndarray | None = None) -> np.ndarray:
    """The p@1 of a random order for every query, float64 (N,): right answers over the size of its gallery."""
    codes = np.unique(identities, return_inverse=True)[1]
    group = np.zeros(len(codes), dtype=int) if groups is None else np.unique(groups, return_inverse=True)[1]
    place = np.arange(len(codes)) if panels is None else np.unique(panels, return_inverse=True)[1]

    def sizes(*keys: np.ndarray) -> np.ndarray:
        _, inverse, counts = np.unique(np.stack(keys, 1), axis=0, return_inverse=True, return_counts=True)
        return np.asarray(counts[inverse.ravel()], dtype=np.float64)

    right = sizes(group, codes) - sizes(group, codes, place)
    gallery = sizes(group) - sizes(group, place)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(right > 0, right / gallery, np.nan)
