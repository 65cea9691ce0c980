"""Segmentation: intersection over union of every class, over the pixels of all images, from counts of each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from inkbench.tasks.metrics.items import Items, Resampler, WeightedMean
from inkbench.tasks.metrics.metric import Metric
from inkbench.tasks.metrics.scorer import Scorer

VOID = 255
"""The label of pixels that count for nothing (PASCAL VOC's outlines)."""

METRICS = (
    Metric("miou", "1", "max", "mean over the classes that have true pixels of their intersection over union"),
    Metric("pixel-accuracy", "1", "max", "share of pixels whose class is right"),
    Metric(
        "mean-accuracy", "1", "max", "mean over the classes that have true pixels of the share of them that is right"
    ),
    Metric("fw-iou", "1", "max", "mean of intersection over union, classes weighted by their true pixels"),
    Metric("iou", "1", "max", "iou[CLASS]: true positives / (true + predicted - true positives), pixels of all images"),
)
"""Long, Shelhamer & Darrell, Fully Convolutional Networks, CVPR 2015, section 5. Pixels labelled 255 count nowhere."""

INTERSECTION, TRUE, PREDICTED = range(3)


def score_items(
    predictions: Sequence[Mapping[str, np.ndarray]],
    truths: Sequence[Mapping[str, np.ndarray]],
    *,
    classes: Sequence[str],
    ids: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """Count the pixels of each class in every image.

    Predictions and truths hold ``mask`` (h, w), the same size for both, places in ``classes``; 255 in a truth is void.

    Items: ``pixels[CLASS]`` (N, 3) int64: pixels that are right, that are true, and that are predicted and not void;
    ``empty`` (N,) bool, whether an image is void everywhere. Raises ValueError for masks that do not fit, that are not
    whole numbers or that name no class, naming the item by ``ids`` or its place.
    """
    if len(predictions) != len(truths):
        raise ValueError(f"there must be one prediction for each truth, not {len(predictions)} for {len(truths)}")
    total = len(classes)
    counts = np.zeros((total, len(truths), 3), dtype=np.int64)
    for k, (prediction, truth) in enumerate(zip(predictions, truths, strict=True)):
        name = ids[k] if ids is not None else f"{k} (0-based)"
        true = _labels(truth["mask"], total, f"true mask of item {name}", void=True)
        found = _labels(prediction["mask"], total, f"predicted mask of item {name}", void=False)
        if true.shape != found.shape:
            raise ValueError(f"predicted mask of item {name} is {_size(found)} pixels, its truth {_size(true)}")
        counted = true != VOID
        joint = np.bincount(true[counted] * total + found[counted], minlength=total * total).reshape(total, total)
        counts[:, k] = np.stack([joint.diagonal(), joint.sum(1), joint.sum(0)], axis=1)
    pixels = {f"pixels[{name}]": counts[place] for place, name in enumerate(classes)}
    return {**pixels, "empty": counts[:, :, TRUE].sum(0) == 0}


def _labels(values: np.ndarray, total: int, what: str, void: bool) -> np.ndarray:
    """Check a mask and return it as int64 (h, w). Raises ValueError."""
    array = np.asarray(values)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{what} has shape {array.shape}; it must be (height, width)")
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.floor(array)).all()):
        raise ValueError(f"{what} holds values that are NaN, infinite or not whole")
    labels = array.astype(np.int64)
    wrong = (labels < 0) | (labels >= total)
    if void:
        wrong &= labels != VOID
    if wrong.any():
        raise ValueError(f"{what} holds {labels[wrong].flat[0]}; there are {total} classes, from 0")
    return labels


def _size(mask: np.ndarray) -> str:
    return f"{mask.shape[1]} x {mask.shape[0]}"


def classes_of(items: Items) -> list[str]:
    """Return all classes, in their order."""
    return [name[len("pixels[") : -1] for name in items if name.startswith("pixels[")]


def resampler(items: Items, metric: str) -> Resampler:
    """Return one metric as a function of the items' weights; NaN where they leave no true pixel. Raises ValueError."""
    classes = classes_of(items)
    counts = np.stack([np.asarray(items[f"pixels[{name}]"], dtype=np.float64) for name in classes], axis=1)
    base, _, name = metric.partition("[")
    name = name.removesuffix("]")
    if metric == "pixel-accuracy":
        return WeightedMean(counts[:, :, INTERSECTION].sum(1), counts[:, :, TRUE].sum(1))
    if metric not in ("miou", "mean-accuracy", "fw-iou") and not (base == "iou" and name in classes):
        raise ValueError(f"no metric {metric}; there are: {', '.join(_named(items))}")
    rows = counts.reshape(len(counts), -1)

    def value(weights: np.ndarray) -> float:
        summed = (np.asarray(weights, dtype=np.float64) @ rows).reshape(len(classes), 3)
        present = summed[:, TRUE] > 0
        right, true, predicted = summed[present].T
        union = true + predicted - right
        if base == "iou":
            own = summed[classes.index(name)]
            return float(own[INTERSECTION] / (own[TRUE] + own[PREDICTED] - own[INTERSECTION])) if own[TRUE] else np.nan
        if not present.any():
            return float("nan")
        if metric == "mean-accuracy":
            return float((right / true).mean())
        return float((right / union).mean() if metric == "miou" else (true / true.sum()) @ (right / union))

    return value


def _named(items: Items) -> list[str]:
    return [
        *(metric.name for metric in METRICS if metric.name != "iou"),
        *(f"iou[{name}]" for name in classes_of(items)),
    ]


def aggregate(items: Items, weights: np.ndarray | None = None) -> dict[str, float]:
    """Compute all metrics in [0, 1]; ``weights`` (N,) is the whole multiplicity of each item.

    A class without a true pixel has no figure and is in no mean; predicting it is an error of the class that is there.
    """
    if weights is None:
        weights = np.ones(len(items["empty"]))
    values = {name: resampler(items, name)(weights) for name in _named(items)}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def counts(items: Items) -> dict[str, int]:
    """Count the images behind each metric: all with a pixel that counts, since a class predicted anywhere counts."""
    return dict.fromkeys(_named(items), int((~items["empty"]).sum()))


def notes(items: Items) -> list[str]:
    """Return notes for the reader: classes without truth, and that one class was predicted everywhere."""
    classes = classes_of(items)
    sums = {name: items[f"pixels[{name}]"].sum(0) for name in classes}
    lines = [
        f"class {name} has no ground-truth pixel and is excluded from the means"
        for name in classes
        if not sums[name][TRUE]
    ]
    seen = [name for name in classes if sums[name][PREDICTED]]
    if len(seen) == 1 and len(classes) - len(lines) > 1:
        lines.append(f"'{seen[0]}' was predicted for every pixel")
    return lines


SCORER = Scorer(
    metrics=METRICS,
    score_items=score_items,
    aggregate=aggregate,
    counts=counts,
    resampler=resampler,
    notes=notes,
)
"""What the task is scored by."""
