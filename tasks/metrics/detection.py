"""COCO AP, AP50, AP75 and AR100 of boxes and the AP of PASCAL VOC, over all classes and for each, from matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from inkbench.tasks.metrics.ap import Curve
from inkbench.tasks.metrics.items import Items, Resampler, WeightedMean, count
from inkbench.tasks.metrics.matching import MOST, THRESHOLDS, Boxes, canonical, gather, match, rank_in_group
from inkbench.tasks.metrics.metric import Metric
from inkbench.tasks.metrics.scorer import Scorer
from inkbench.tasks.metrics.voc import VocCurve, voc_match

SIZES = {"small": (0.0, 0.01), "medium": (0.01, 0.1), "large": (0.1, np.inf)}
"""Shares of its image's area between which a true box is of a size. COCO's are pixels of photographs."""

METRICS = (
    Metric("ap", "1", "max", "COCO AP: mean precision over 101 recalls, IoU .5 to .95 and classes, area all"),
    Metric("ap50", "1", "max", "COCO AP at IoU .5"),
    Metric("ap75", "1", "max", "COCO AP at IoU .75"),
    Metric("ar100", "1", "max", "COCO AR: recall with at most 100 boxes an image and class, mean over IoU and classes"),
    Metric("voc", "1", "max", "PASCAL VOC AP at IoU .5, area under all points (VOC 2010 on), without the +1 px", 2),
    Metric("voc07", "1", "max", "PASCAL VOC AP at IoU .5, mean over eleven recalls (VOC 2007), without the +1 px", 2),
    Metric("recall50-small", "1", "max", "share found (IoU .5) of true boxes below 1 % of their image", 2),
    Metric("recall50-medium", "1", "max", "share found (IoU .5) of true boxes of 1 % to 10 % of their image", 2),
    Metric("recall50-large", "1", "max", "share found (IoU .5) of true boxes from 10 % of their image on", 2),
    Metric("voc-dass", "1", "max", "VOC AP at IoU .5, all points, an image counted once for each of its true boxes", 2),
)
"""Over classes that have truth. ``ap[face]`` is the same of one class, with the unit and direction of ``ap``."""

VOC = ("voc", "voc07", "voc-dass")
LEVELS = {"ap": slice(None), "ap50": slice(0, 1), "ap75": slice(5, 6), "ar100": slice(None)}
TIES = 0.05
"""The share of detections with an equal among the others from which ``notes`` warns."""


def score_items(
    predictions: Sequence[Mapping[str, np.ndarray]],
    truths: Sequence[Mapping[str, np.ndarray]],
    *,
    classes: Sequence[str],
    ids: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """Match predicted boxes with true ones, image by image and class by class.

    ``predictions``: per image ``boxes`` (d, 4) as x0, y0, x1, y1 in pixels, ``scores`` (d,) and ``labels`` (d,),
    places in ``classes``. ``truths``: ``boxes`` (k, 4), ``labels`` (k,) and, where there are regions that are to be
    ignored, ``crowd`` (k,) bool. Nothing is rounded. Images without truth stay: what is found there is wrong.

    Items: ``truths[CLASS]`` (n,), the true boxes that count; ``det.item``, ``det.class`` (the class's name),
    ``det.score``, ``det.match`` and ``det.ignored`` (D, 10), one column per IoU threshold, ``det.voc`` and
    ``det.voc_ignored`` (D,) by VOC's rule at .5; rows by item, class, falling score, then box. Of more than 100 of an
    image and class COCO's figures ignore the rest; VOC has no such bound. Where truths hold ``size`` (2,), width and
    height of the image, also ``SIZE boxes`` (n,), the true boxes of each size, and ``SIZE found`` (n,), how many of
    them are found at .5.

    Raises ValueError for arrays that do not fit, a box or score that is not finite, a box whose sides are swapped
    and a label that is no class; it ids the item (by ``ids``, else by its place).
    """
    if len(predictions) != len(truths):
        raise ValueError(f"there must be one prediction for each image, not {len(predictions)} for {len(truths)}")
    ids = ids or [str(place) for place in range(len(truths))]
    found = [_checked(entry, ids[place], len(classes), "predicted") for place, entry in enumerate(predictions)]
    true = [_checked(entry, ids[place], len(classes), "true") for place, entry in enumerate(truths)]
    detections = canonical(gather(*zip(*found, strict=True)) if found else _nothing())
    boxes = gather(*zip(*true, strict=True)) if true else _nothing()
    matched, ignored = _capped(detections, boxes)
    right, difficult, taken = voc_match(detections, boxes)
    plain = boxes.take(np.flatnonzero(boxes.value == 0))
    counts = {
        f"truths[{name}]": np.bincount(plain.item[plain.label == label], minlength=len(truths))
        for label, name in enumerate(classes)
    }
    return (
        counts
        | _by_size(truths, boxes, taken)
        | {
            "det.item": detections.item,
            "det.class": np.asarray(list(classes), dtype=np.str_)[detections.label],
            "det.score": detections.value,
            "det.match": matched,
            "det.ignored": ignored,
            "det.voc": right,
            "det.voc_ignored": difficult,
        }
    )


def _capped(detections: Boxes, boxes: Boxes) -> tuple[np.ndarray, np.ndarray]:
    """Return COCO's matches, of which the best ``MOST`` of an image and class count; those behind them are ignored."""
    best = np.flatnonzero(rank_in_group(detections) < MOST)
    matched = np.zeros((len(detections), len(THRESHOLDS)), dtype=bool)
    ignored = np.ones_like(matched)
    matched[best], ignored[best] = match(detections.take(best), boxes)
    return matched, ignored


def _by_size(truths: Sequence[Mapping[str, np.ndarray]], boxes: Boxes, taken: np.ndarray) -> dict[str, np.ndarray]:
    """Count an image's true boxes of each size, and those found, (n,) each; nothing without ``size``."""
    if not all("size" in truth for truth in truths):
        return {}
    areas = np.array([float(np.prod(truth["size"])) for truth in truths])
    sides = boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]
    share = sides.prod(1) / areas[boxes.item]
    found = {}
    for size, (low, high) in SIZES.items():
        counted = (boxes.value == 0) & (share >= low) & (share < high)
        found[f"{size} boxes"] = np.bincount(boxes.item[counted], minlength=len(truths))
        found[f"{size} found"] = np.bincount(boxes.item[counted & taken], minlength=len(truths))
    return found


def classes_of(items: Items) -> list[str]:
    """Return the classes that were scored, in their order."""
    return [name[len("truths[") : -1] for name in items if name.startswith("truths[")]


def without_truth(items: Items) -> list[str]:
    """Return the classes of which no image has a true box: they have no metric and are in no mean."""
    return [name for name in classes_of(items) if not items[f"truths[{name}]"].any()]


def tie_share(items: Items) -> float:
    """Return the share of detections, in [0, 1], whose score another detection of their class has too."""
    if not len(items["det.score"]):
        return 0.0
    pairs = np.rec.fromarrays([items["det.class"], items["det.score"]])
    many = np.unique(pairs, return_counts=True)[1]
    return float(many[many > 1].sum() / many.sum())


def notes(items: Items) -> list[str]:
    """Return notes for the reader, a line each: classes without truth, no predictions, many equal scores."""
    lines = [f"class {name} has no ground-truth box and is excluded from the means" for name in without_truth(items)]
    if not len(items["det.score"]):
        lines.append("no boxes were predicted")
    if (share := tie_share(items)) > TIES:
        lines.append(f"{share:.0%} of the boxes share their score with another; ties are ordered by item, then box")
    return lines


def aggregate(items: Items, weights: np.ndarray | None = None) -> dict[str, float]:
    """Compute all metrics in [0, 1]: over classes, and ``ap[CLASS]`` and so on for each class that has truth.

    ``weights`` (n,) is the whole multiplicity of each item. The arithmetic is COCO's (101 points, precision made
    to fall): equal to pycocotools fed in the same order. Where no class has truth there is no metric.
    """
    if weights is None:
        weights = np.ones(count(items))
    curves = {name: curve for name in classes_of(items) if (curve := _curve(items, name)(weights)) is not None}
    if not curves:
        return {}
    values = {base: _mean(base, list(curves.values())) for base in LEVELS}
    voc = {name: _voc_curve(items, name) for name in curves}
    values |= {base: _voc_mean(items, base, list(voc.values()), weights) for base in VOC}
    recalls = {f"recall50-{size}": _recall(items, size)(weights) for size in SIZES if f"{size} boxes" in items}
    values |= {name: recall for name, recall in recalls.items() if np.isfinite(recall)}
    for name, curve in curves.items():
        values |= {f"{base}[{name}]": _mean(base, [curve]) for base in LEVELS}
        values |= {f"{base}[{name}]": _voc_mean(items, base, [voc[name]], weights) for base in VOC}
    return values


def resampler(items: Items, metric: str) -> Resampler:
    """Return a metric as a function of the items' weights, sorted once; NaN where no truth has weight.

    Raises ValueError for a name that is no metric of these classes.
    """
    every = classes_of(items)
    meant = {metric.name: (metric.name, every) for metric in METRICS}
    meant |= {f"{base}[{name}]": (base, [name]) for base in (*LEVELS, *VOC) for name in every}
    if metric not in meant:
        raise ValueError(f"no metric {metric}; there are: {', '.join(meant)}")
    base, classes = meant[metric]
    if base not in LEVELS and base not in VOC:
        return _recall(items, base.removeprefix("recall50-"))
    if base in VOC:
        voc = [_voc_curve(items, name) for name in classes]
        return lambda weights: _voc_mean(items, base, voc, weights)
    curves = [_curve(items, name, LEVELS[base]) for name in classes]

    def value(weights: np.ndarray) -> float:
        present = [found for curve in curves if (found := curve(weights)) is not None]
        return _mean(base, present, slice(None)) if present else float("nan")

    return value


def _voc_curve(items: Items, name: str) -> VocCurve:
    rows = np.flatnonzero(items["det.class"] == name)
    score, item, right, ignored = (items[f"det.{key}"][rows] for key in ("score", "item", "voc", "voc_ignored"))
    return VocCurve(score, item, right, ignored, items[f"truths[{name}]"])


def _voc_mean(items: Items, base: str, curves: Sequence[VocCurve], weights: np.ndarray) -> float:
    """Compute one of VOC's figures, the mean over the classes that have truth; NaN where none has."""
    if base == "voc-dass":
        weights = weights * sum(items[f"truths[{name}]"] for name in classes_of(items))
    found = [ap for curve in curves if (ap := curve(weights, base == "voc07")) is not None]
    return float(np.mean(found)) if found else float("nan")


def _recall(items: Items, size: str) -> WeightedMean:
    """Return the share of true boxes of a size that are found, over images."""
    return WeightedMean(items[f"{size} found"].astype(np.float64), items[f"{size} boxes"].astype(np.float64))


def counts(items: Items) -> dict[str, int]:
    """Count the images that each metric rests on: all of them, since a box on an empty image counts against it."""
    return dict.fromkeys(aggregate(items), count(items))


def _curve(items: Items, name: str, levels: slice = slice(None)) -> Curve:
    rows = np.flatnonzero(items["det.class"] == name)
    return Curve(
        items["det.score"][rows],
        items["det.item"][rows],
        items["det.match"][rows][:, levels],
        items["det.ignored"][rows][:, levels],
        items[f"truths[{name}]"],
    )


def _mean(metric: str, curves: list[tuple[np.ndarray, np.ndarray]], levels: slice | None = None) -> float:
    """Return the mean over thresholds, recalls and classes, summed in the order in which pycocotools sums."""
    part = 1 if metric == "ar100" else 0
    levels = LEVELS[metric] if levels is None else levels
    return float(np.stack([curve[part][levels] for curve in curves], axis=-1).ravel().mean())


def _nothing() -> Boxes:
    return gather([], [], [])


def _checked(
    entry: Mapping[str, np.ndarray], name: str, classes: int, what: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check boxes, labels and values (scores, or crowd flags) of one image. Raises ValueError."""
    labels = np.asarray(entry["labels"])
    boxes = np.asarray(entry["boxes"], dtype=np.float64).reshape(-1, 4)
    values = entry["scores"] if what == "predicted" else entry.get("crowd", np.zeros(len(labels)))
    values = np.asarray(values, dtype=np.float64)
    if not len(boxes) == len(labels) == len(values):
        raise ValueError(f"item {name}: {len(boxes)} {what} boxes, {len(labels)} labels, {len(values)} scores or flags")
    if not (np.isfinite(boxes).all() and np.isfinite(values).all()):
        raise ValueError(f"item {name}: a {what} box or score is not finite")
    if (boxes[:, 2:] < boxes[:, :2]).any():
        raise ValueError(f"item {name}: a {what} box ends before it begins; boxes are x0, y0, x1, y1")
    if len(labels) and not (labels == labels.astype(np.int64)).all():
        raise ValueError(f"item {name}: a {what} label is not whole")
    if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"item {name}: a {what} label is outside 0 to {classes - 1}")
    return boxes, labels.astype(np.int64), values


SCORER = Scorer(
    metrics=METRICS,
    score_items=score_items,
    aggregate=aggregate,
    counts=counts,
    resampler=resampler,
    notes=notes,
)
"""What the task is scored by."""
