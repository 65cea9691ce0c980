"""PASCAL VOC's average precision at one overlap: its matching, its areas over all points and over eleven.

Everingham et al., The PASCAL VOC Challenge, IJCV 2010, section 4.2. Unlike COCO's matching, a detection claims the
truth that it overlaps most even where that one is claimed already, and is wrong then.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inkbench.tasks.metrics.matching import Boxes, overlaps

OVERLAP = 0.5
POINTS = np.linspace(0.0, 1.0, 11)
"""The recalls at which the challenge read the precision until 2009."""


def voc_match(
    detections: Boxes, truths: Boxes, overlap: float = OVERLAP, inclusive: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return whether each detection is right, whether ignored, and whether each truth is found: bool (D,), (D,), (K,).

    ``detections`` by item and class with falling scores (``matching.canonical``). A truth whose value is not 0 is
    difficult: whoever claims it is ignored. ``inclusive``: a box of equal corners has one pixel (the devkit's +1).
    """
    right, ignored = np.zeros(len(detections), dtype=bool), np.zeros(len(detections), dtype=bool)
    taken = np.zeros(len(truths), dtype=bool)
    plain = replace(truths, value=np.zeros(len(truths)))  # a difficult box is no region: overlaps are over the union
    detection, truth, share = overlaps(detections, plain, overlap, inclusive)
    order = np.lexsort((truth, -share, detection))
    detection, truth = detection[order], truth[order]
    first = np.flatnonzero(np.diff(detection, prepend=-1))
    for found, claimed in zip(detection[first], truth[first], strict=True):
        if truths.value[claimed]:
            ignored[found] = True
        elif not taken[claimed]:
            right[found] = taken[claimed] = True
    return right, ignored, taken


class VocCurve:
    """Detections of one class, sorted once; average precision under whole weights of items."""

    def __init__(
        self, scores: np.ndarray, item: np.ndarray, right: np.ndarray, ignored: np.ndarray, truths: np.ndarray
    ) -> None:
        """Take ``scores``, ``item``, ``right``, ``ignored`` (D,), ``truths`` (n,) per item; equals keep their order."""
        order = np.argsort(-scores, kind="stable")
        order = order[~ignored[order]]
        self._item, self._right = item[order], right[order]
        self._truths = truths.astype(np.float64)

    def __call__(self, weights: np.ndarray, eleven: bool = False) -> float | None:
        """Return the area under precision made to fall, or its mean at eleven recalls; None if no truth has weight."""
        weights = np.asarray(weights, dtype=np.float64)
        positives = self._truths @ weights
        if positives == 0:
            return None
        own = weights[self._item]
        true = np.cumsum(own * self._right)
        seen = np.cumsum(own)
        recall = true / positives
        precision = np.divide(true, seen, out=np.zeros_like(true), where=seen > 0)
        falling = np.maximum.accumulate(precision[::-1])[::-1]
        if eleven:
            place = np.searchsorted(recall, POINTS - 1e-12)
            return float(np.append(falling, 0.0)[place].mean())
        return float(np.diff(recall, prepend=0.0) @ falling)
