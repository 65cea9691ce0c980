"""The matching of detections with true boxes: COCO's greedy one, for all images and thresholds at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""The intersections over union of COCO, .5 to .95."""
MOST = 100
"""Detections that count for COCO's figures, per image and class: the best by score."""
PAIRS = 2_000_000
"""Pairs of detection and truth whose overlap is computed at once (about 200 MB)."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes of many images in one array: ``xyxy`` (m, 4) float64, ``item`` and ``label`` (m,), and per box a value.

    ``value`` is the score of a detection, or 1 for a crowd region and 0 for any other truth.
    """

    xyxy: np.ndarray
    item: np.ndarray
    label: np.ndarray
    value: np.ndarray

    def take(self, index: np.ndarray) -> Boxes:
        """Return the boxes at ``index``, in that order."""
        return Boxes(self.xyxy[index], self.item[index], self.label[index], self.value[index])

    def __len__(self) -> int:
        return len(self.item)


def gather(boxes: Sequence[np.ndarray], labels: Sequence[np.ndarray], values: Sequence[np.ndarray]) -> Boxes:
    """Gather the boxes of a list of images, in their order; the arguments hold one array per image."""
    sizes = [len(array) for array in labels]
    return Boxes(
        np.concatenate([np.zeros((0, 4)), *boxes]),
        np.repeat(np.arange(len(sizes)), sizes),
        np.concatenate([np.zeros(0, dtype=np.int64), *labels]).astype(np.int64),
        np.concatenate([np.zeros(0), *values]),
    )


def canonical(detections: Boxes) -> Boxes:
    """Sort detections by item, class, falling score, then box, so that equals have one order."""
    x0, y0, x1, y1 = detections.xyxy.T
    order = np.lexsort((y1, x1, y0, x0, -detections.value, detections.label, detections.item))
    return detections.take(order)


def match(detections: Boxes, truths: Boxes) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each detection finds a truth, and whether it is ignored, at each of THRESHOLDS: two (D, 10) bool.

    ``detections`` in canonical order. In it, each takes the free truth of its image and class that it overlaps
    most (of equals the last), if by at least the threshold; a crowd region is never used up, is taken only where
    no other truth is free, and makes the detection ignored. The rule of COCOeval.evaluateImg (cocodataset/cocoapi).
    """
    truths = truths.take(np.lexsort((truths.value, truths.label, truths.item)))
    crowd = truths.value > 0
    matched = np.zeros((len(detections), len(THRESHOLDS)), dtype=bool)
    ignored = matched.copy()
    detection, truth, overlap = _candidates(detections, truths)
    if not len(detection):
        return matched, ignored
    rows, slot = _slots(detection)
    table = np.full((len(rows), slot.max() + 1), -1)
    table[np.searchsorted(rows, detection), slot] = truth
    overlaps = np.full(table.shape, -1.0)
    overlaps[np.searchsorted(rows, detection), slot] = overlap
    least = np.minimum(THRESHOLDS, 1 - 1e-10)
    taken = np.zeros((len(truths) + 1, len(THRESHOLDS)), dtype=bool)
    is_crowd = np.append(crowd, False)
    turn = rank_in_group(detections.take(rows))
    by_turn = np.argsort(turn, kind="stable")
    for now in np.split(by_turn, np.cumsum(np.bincount(turn))[:-1]):
        candidates = table[now]
        enough = overlaps[now][:, :, None] >= least
        plain = np.where(enough & ~taken[candidates] & ~is_crowd[candidates][:, :, None], overlaps[now][:, :, None], 0)
        best = _last_argmax(plain)
        found = np.take_along_axis(plain, best[:, None], axis=1)[:, 0] > 0
        row, level = np.nonzero(found)
        taken[candidates[row, best[row, level]], level] = True
        matched[rows[now]] = found
        ignored[rows[now]] = ~found & (enough & is_crowd[candidates][:, :, None]).any(axis=1)
    return matched, ignored


def overlaps(
    detections: Boxes, truths: Boxes, least: float, inclusive: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return detection, truth and overlap of all pairs of one image and class that overlap by ``least``.

    ``inclusive``: a box holds the pixels of both its corners, as in PASCAL VOC's devkit.
    """
    placed = np.lexsort((truths.label, truths.item))
    detection, truth, overlap = _candidates(detections, truths.take(placed), least, inclusive)
    return detection, placed[truth], overlap


def _candidates(
    detections: Boxes, truths: Boxes, least: float = THRESHOLDS[0], inclusive: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``overlaps`` where truths lie by item and class already."""
    groups = 1 + max((int(b.label.max()) for b in (detections, truths) if len(b)), default=0)
    key = truths.item * groups + truths.label
    wanted = detections.item * groups + detections.label
    first = np.searchsorted(key, wanted, side="left")
    many = np.searchsorted(key, wanted, side="right") - first
    ends = np.cumsum(many)
    parts = []
    start = 0
    while start < len(detections):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + PAIRS, side="right")), start + 1)
        count = many[start:stop]
        left = np.repeat(np.arange(start, stop), count)
        right = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first[start:stop], count)
        overlap = _overlap(detections.xyxy[left], truths.xyxy[right], truths.value[right] > 0, inclusive)
        near = overlap >= least
        parts.append((left[near], right[near], overlap[near]))
        start = stop
    if not parts:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0)
    left, right, overlap = (np.concatenate(column) for column in zip(*parts, strict=True))
    return left, right, overlap


def _overlap(found: np.ndarray, true: np.ndarray, crowd: np.ndarray, inclusive: bool) -> np.ndarray:
    """Return the intersection over union of paired boxes (m, 4); over the detection's own area for a crowd.

    In the arithmetic of COCO's bbIou, which takes x, y, width, height, so that results agree to the last bit.
    """
    (dx, dy, dw, dh), (gx, gy, gw, gh) = _xywh(found, inclusive), _xywh(true, inclusive)
    width = np.minimum(dw + dx, gw + gx) - np.maximum(dx, gx)
    height = np.minimum(dh + dy, gh + gy) - np.maximum(dy, gy)
    meet = (width > 0) & (height > 0)
    both = width * height
    area = dw * dh
    whole = np.where(crowd, area, area + gw * gh - both)
    ious: np.ndarray = np.divide(both, whole, out=np.zeros(len(both)), where=meet)
    return ious


def _xywh(xyxy: np.ndarray, inclusive: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    x0, y0, x1, y1 = xyxy.T
    return x0, y0, x1 - x0 + inclusive, y1 - y0 + inclusive


def _slots(sorted_keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct keys, and the place of each entry among those of its key."""
    keys, first, many = np.unique(sorted_keys, return_index=True, return_counts=True)
    return keys, np.arange(len(sorted_keys)) - np.repeat(first, many)


def rank_in_group(boxes: Boxes) -> np.ndarray:
    """Return the place of each box among those of its item and class; groups lie together."""
    change = np.ones(len(boxes), dtype=bool)
    change[1:] = (np.diff(boxes.item) != 0) | (np.diff(boxes.label) != 0)
    starts = np.flatnonzero(change)
    return np.arange(len(boxes)) - np.repeat(starts, np.diff(np.append(starts, len(boxes))))


def _last_argmax(values: np.ndarray) -> np.ndarray:
    """Return the last place of the largest value along axis 1."""
    last: np.ndarray = values.shape[1] - 1 - values[:, ::-1].argmax(axis=1)
    return last
