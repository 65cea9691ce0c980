"""Pairs of characters known to differ where identities are relative, and groups in which all do. Numpy only.

Annotators who see four panels name the characters of these panels: two names of one series may still be one character
where no sequence holds both. So two characters of a series are known to differ only where something names both of
them, and retrieval within a series is fair only among characters that all differ: the maximal cliques of the graph
"known to differ" (gsoykan/comic_char_reid: char combos). Characters of two series differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

MOST_CLIQUES = 10_000


def known_to_differ(codes: np.ndarray, series: np.ndarray, apart: Sequence[Iterable[str]]) -> np.ndarray:
    """Return the pairs of the K characters that are known to differ, bool (K, K), false on its diagonal.

    ``codes`` (N,) are the characters of the items from 0, ``series`` (N,) their series, ``apart`` the names of what
    tells each item's character from others, one iterable an item; items of a character add up. A character that
    nothing names is told apart by its whole series.
    """
    total = int(codes.max(initial=-1)) + 1
    home = np.zeros(total, dtype=np.int64)
    home[codes] = np.unique(series, return_inverse=True)[1]
    differ: np.ndarray = home[:, None] != home[None]
    named_by: list[set[str]] = [set() for _ in range(total)]
    for code, names in zip(codes.tolist(), apart, strict=True):
        named_by[code].update(map(str, names))
    members: dict[tuple[int, str], list[int]] = {}
    for code, known in enumerate(named_by):
        for name in known or {""}:
            members.setdefault((int(home[code]), name), []).append(code)
    for named in members.values():
        differ[np.ix_(named, named)] = True
    np.fill_diagonal(differ, False)
    return differ


def cliques(differ: np.ndarray) -> list[np.ndarray]:
    """Return the maximal cliques of characters known to differ, (K, K) -> sorted indices each, in sorted order.

    Raises ValueError where there are more than ``MOST_CLIQUES``.
    """
    if (differ | np.eye(len(differ), dtype=bool)).all():
        return [np.arange(len(differ))]
    neighbours = [set(np.flatnonzero(row).tolist()) for row in differ]
    found = list(islice(_maximal(neighbours, [], set(range(len(differ))), set()), MOST_CLIQUES + 1))
    if len(found) > MOST_CLIQUES:
        raise ValueError(
            f"{len(differ)} characters of one series form more than {MOST_CLIQUES:,} groups that are known to differ; "
            "join the sequences that name the same characters"
        )
    return [np.array(clique) for clique in sorted(map(sorted, found))]


def _maximal(neighbours: list[set[int]], clique: list[int], open_: set[int], done: set[int]) -> Iterator[list[int]]:
    """Yield the cliques that extend ``clique`` (Bron & Kerbosch 1973 with the pivot of Tomita et al. 2006)."""
    if not open_ and not done:
        yield clique
        return
    pivot = max(open_ | done, key=lambda node: len(open_ & neighbours[node]))
    for node in sorted(open_ - neighbours[pivot]):
        yield from _maximal(neighbours, [*clique, node], open_ & neighbours[node], done & neighbours[node])
        open_ = open_ - {node}
        done = done | {node}


def groups(codes: np.ndarray, series: np.ndarray, differ: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the items of every (series, maximal clique of its characters), sorted indices each."""
    for name in np.unique(series):
        items = np.flatnonzero(series == name)
        characters = np.unique(codes[items])
        for clique in cliques(differ[np.ix_(characters, characters)]):
            yield items[np.isin(codes[items], characters[clique])]
