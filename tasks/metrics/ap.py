"""Average precision and recall of one class from match flags, at 101 points of recall, under whole weights of items."""

from __future__ import annotations

import numpy as np

RECALLS = np.linspace(0.0, 1.0, 101)
"""The points of recall at which COCO reads the precision."""


class Curve:
    """Detections of one class, sorted once, whose precision and recall can be asked for under many weights.

    A weight is an item's multiplicity: an item of weight 2 counts as if it were there twice, one of weight 0 as
    if it were not. The whole weights of a resample give the very numbers of the resampled set; only the order of
    equal scores within one repeated item is read as a block.
    """

    def __init__(
        self, scores: np.ndarray, item: np.ndarray, match: np.ndarray, ignored: np.ndarray, truths: np.ndarray
    ) -> None:
        """Take ``scores`` and ``item`` (D,), ``match`` and ``ignored`` (D, T) bool, ``truths`` (n,) per item.

        Rows of equal score keep the order in which they are given.
        """
        order = np.argsort(-scores, kind="stable")
        self._item, self._truths = item[order], truths.astype(np.float64)
        counted = ~ignored[order]
        self._counted = None if counted.all() else counted.T.astype(np.float64)
        places = [np.flatnonzero(column) for column in (match[order] & counted).T]
        longest = max((len(place) for place in places), default=0)
        self._true = np.full((len(places), longest), len(order))
        for row, place in zip(self._true, places, strict=True):
            row[: len(place)] = place

    def __call__(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return precision (T, 101) at RECALLS and final recall (T,); None where no truth has weight.

        As COCOeval.accumulate: precision is made to fall, and is 0 at recalls that are not reached.
        """
        weights = np.asarray(weights, dtype=np.float64)
        positives = self._truths @ weights
        if positives == 0:
            return None
        precision = np.zeros((len(self._true), len(RECALLS)))
        recall = np.zeros(len(self._true))
        if self._true.shape[1] == 0:
            return precision, recall
        own = np.append(weights[self._item], 0.0)
        true = np.cumsum(own[self._true], axis=1)
        if self._counted is None:
            seen = np.cumsum(own)[self._true]
        else:
            running = np.cumsum(own[:-1] * self._counted, axis=1)
            seen = np.take_along_axis(np.append(running, running[:, -1:], axis=1), self._true, axis=1)
        exact = true / (seen + np.spacing(1))
        falling = np.maximum.accumulate(exact[:, ::-1], axis=1)[:, ::-1]
        reached = true / positives
        for level, (curve, at) in enumerate(zip(falling, reached, strict=True)):
            place = np.searchsorted(at, RECALLS, side="left")
            known = place < len(curve)
            precision[level, known] = curve[place[known]]
        return precision, reached[:, -1]
