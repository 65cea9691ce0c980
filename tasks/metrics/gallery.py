"""All appearances of a split as arrays: what was predicted of them, who they are, where, and who is known to differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inkbench.tasks.metrics.cliques import groups, known_to_differ
from inkbench.tasks.metrics.retrieval import Seen, scaled


@dataclass(frozen=True, slots=True)
class Gallery:
    """N items: characters as ``codes`` (N,), their ``series`` (N,), who ``differ`` (K, K).

    ``embeddings`` (N, D) as predicted, None where lists were; ``seen`` what retrieval ranks by. ``parts`` are the
    indices of each group of characters that differ. ``places`` (N,) names what a match must not share with its query,
    None where it may be anywhere; ``named`` the sequences of panels that each item is in.
    """

    embeddings: np.ndarray | None
    seen: Seen
    codes: np.ndarray
    series: np.ndarray
    differ: np.ndarray
    parts: list[np.ndarray]
    places: np.ndarray | None
    named: list[list[str]]


def gathered(
    predictions: Sequence[Mapping[str, np.ndarray]],
    truths: Sequence[Mapping[str, np.ndarray]],
    ids: Sequence[str] | None = None,
    exclude: str = "none",
) -> Gallery:
    """Return predictions and truths, as ``tasks.metrics.reid.score_items`` takes them. Raises ValueError as it does."""
    if len(predictions) != len(truths):
        raise ValueError(f"there must be one prediction for each truth, not {len(predictions)} for {len(truths)}")
    if not predictions:
        raise ValueError("there is no item to find again")
    lists = any("ranking" in prediction for prediction in predictions)
    embeddings = None if lists else _vectors([prediction["embedding"] for prediction in predictions], ids)
    identity, series = (np.array([str(truth[key]) for truth in truths]) for key in ("identity", "series"))
    codes = np.unique(np.char.add(np.char.add(series, "\n"), identity), return_inverse=True)[1]
    differ = known_to_differ(codes, series, [_names(truth, "apart") for truth in truths])
    rankings = [np.asarray(prediction["ranking"], dtype=np.int64) for prediction in predictions] if lists else []
    return Gallery(
        embeddings=embeddings,
        seen=rankings if embeddings is None else scaled(embeddings),
        codes=codes,
        series=series,
        differ=differ,
        parts=list(groups(codes, series, differ)),
        places=None if exclude == "none" else np.array([str(truth[exclude]) for truth in truths]),
        named=[_names(truth, "sequences") for truth in truths],
    )


def largest_groups(gallery: Gallery) -> np.ndarray:
    """Return the items of each series' group with most of them, sorted."""
    best: dict[str, np.ndarray] = {}
    for rows in gallery.parts:
        name = str(gallery.series[rows[0]])
        if name not in best or len(rows) > len(best[name]):
            best[name] = rows
    return np.sort(np.concatenate(list(best.values())))


def _vectors(rows: Sequence[np.ndarray], ids: Sequence[str] | None) -> np.ndarray:
    """Return embeddings as one array (N, D), float64. Raises ValueError, naming the first item whose is wrong."""
    vectors = [np.asarray(row, dtype=np.float64).ravel() for row in rows]
    for k, vector in enumerate(vectors):
        name = ids[k] if ids is not None else f"{k} (0-based)"
        if len(vector) != len(vectors[0]) or not len(vector):
            raise ValueError(f"embedding of item {name} has {len(vector)} values, that of the first {len(vectors[0])}")
        if not np.isfinite(vector).all():
            wrong = sum(not np.isfinite(other).all() for other in vectors)
            raise ValueError(f"embedding of item {name} is not finite (in all {wrong} of {len(vectors)})")
    return np.stack(vectors)


def _names(truth: Mapping[str, Any], key: str) -> list[str]:
    return [str(name) for name in np.atleast_1d(truth[key])] if key in truth else []
