"""Is a painted face that of the right character? Its embedding against those of true faces of other panels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def rank1(
    said: np.ndarray, true: np.ndarray, identity: np.ndarray, series: np.ndarray, panels: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return whether the nearest true face is of the painted one's character, and its chance, float64 (N,) each.

    ``said`` and ``true`` (N, D) unit embeddings of painted and true faces; ``identity`` (N,), empty where unknown;
    ``series`` (N,); ``panels`` (N,) arrays of panel ids, its own first. The gallery of an item: true faces of its
    series with an identity that lie in none of its panels, since what a method was shown it could copy. NaN where the
    gallery holds nobody right. By cosine in float64, ties in the order of the items.
    """
    right, chance = np.full(len(said), np.nan), np.full(len(said), np.nan)
    own = np.array([str(shown[0]) for shown in panels])
    for name in np.unique(series):
        rows = np.flatnonzero((series == name) & (identity != ""))
        likeness = said[rows].astype(np.float64) @ true[rows].astype(np.float64).T
        for k, row in enumerate(rows.tolist()):
            allowed = ~np.isin(own[rows], panels[row])
            same = allowed & (identity[rows] == identity[row])
            if same.any():
                right[row] = same[np.where(allowed, likeness[k], -np.inf).argmax()]
                chance[row] = same.sum() / allowed.sum()
    return right, chance


def cosine(said: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the cosine of unit embeddings (N, D) of painted and true faces, float64 (N,); 1 where they are equal."""
    likeness: np.ndarray = np.clip(1 - ((said.astype(np.float64) - true.astype(np.float64)) ** 2).sum(1) / 2, -1, 1)
    return likeness
