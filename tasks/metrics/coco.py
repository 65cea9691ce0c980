"""The reference: the same boxes given to pycocotools or faster-coco-eval, ids from 1, in the canonical order."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

Engine = Literal["pycocotools", "faster-coco-eval"]


def to_coco(truths: Sequence[Mapping[str, np.ndarray]], classes: Sequence[str]) -> dict[str, Any]:
    """Return true boxes as a COCO dictionary; image, category and annotation ids all begin with 1.

    An annotation with id 0 reads as "not matched" in COCOeval, and a perfect detector then misses it.
    """
    annotations: list[dict[str, Any]] = []
    for image, truth in enumerate(truths, start=1):
        crowd = truth.get("crowd", np.zeros(len(truth["labels"]), dtype=bool))
        for box, label, many in zip(truth["boxes"], truth["labels"], crowd, strict=True):
            x0, y0, x1, y1 = (float(value) for value in box)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(label) + 1,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": int(many),
                }
            )
    return {
        "info": {},
        "images": [{"id": image} for image in range(1, len(truths) + 1)],
        "categories": [{"id": place, "name": name} for place, name in enumerate(classes, start=1)],
        "annotations": annotations,
    }


def to_results(predictions: Sequence[Mapping[str, np.ndarray]]) -> list[dict[str, Any]]:
    """Return predicted boxes as a COCO results list, by image, class, falling score, then box; scores as they are."""
    rows = []
    for image, entry in enumerate(predictions, start=1):
        for box, score, label in zip(entry["boxes"], entry["scores"], entry["labels"], strict=True):
            rows.append((image, int(label) + 1, -float(score), *(float(value) for value in box)))
    return [
        {"image_id": image, "category_id": label, "score": -score, "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for image, label, score, x0, y0, x1, y1 in sorted(rows)
    ]


def evaluate(
    predictions: Sequence[Mapping[str, np.ndarray]],
    truths: Sequence[Mapping[str, np.ndarray]],
    classes: Sequence[str],
    engine: Engine = "faster-coco-eval",
) -> dict[str, float]:
    """Compute ``ap``, ``ap50``, ``ap75``, ``ar100``, over the classes that have truth and ``[CLASS]`` for each.

    Arguments as for ``tasks.metrics.detection.score_items``. No prediction at all, which pycocotools cannot load,
    is 0. Raises ValueError where no class has truth.
    """
    truth = to_coco(truths, classes)
    present = sorted({entry["category_id"] for entry in truth["annotations"] if not entry["iscrowd"]})
    if not present:
        raise ValueError("no true box of any class: AP is not defined")
    results = to_results(predictions)
    precision = np.zeros((10, 101, len(present)))
    recall = np.zeros((10, len(present)))
    if results:
        with contextlib.redirect_stdout(io.StringIO()):
            precision, recall = _run(truth, results, present, engine)
    values = _summary(precision, recall)
    for place, category in enumerate(present):
        own = _summary(precision[:, :, [place]], recall[:, [place]])
        values |= {f"{name}[{classes[category - 1]}]": value for name, value in own.items()}
    return values


def _run(
    truth: dict[str, Any], results: list[dict[str, Any]], present: list[int], engine: Engine
) -> tuple[np.ndarray, np.ndarray]:
    """Return precision (10, 101, K) and recall (10, K) of the classes ``present``, area all, 100 detections."""
    if engine == "pycocotools":
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    else:
        from faster_coco_eval import COCO
        from faster_coco_eval import COCOeval_faster as COCOeval
    reference = COCO()
    reference.dataset = truth
    reference.createIndex()
    evaluation = COCOeval(reference, reference.loadRes(results), "bbox")
    evaluation.params.catIds = present
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
    evaluation.params.maxDets = [100]
    evaluation.evaluate()
    evaluation.accumulate()
    return np.asarray(evaluation.eval["precision"])[..., 0, 0], np.asarray(evaluation.eval["recall"])[..., 0, 0]


def _summary(precision: np.ndarray, recall: np.ndarray) -> dict[str, float]:
    return {
        "ap": float(precision.ravel().mean()),
        "ap50": float(precision[0].ravel().mean()),
        "ap75": float(precision[5].ravel().mean()),
        "ar100": float(recall.ravel().mean()),
    }
