"""How much faster than the usual code are the metrics, with equal values?

Run: ``python -m pytest benchmarks/test_metrics.py -s``. Figures are medians of ratios of interleaved pairs in one run.
"""

import statistics
import time

import numpy as np
import pytest

from tasks.metrics import auc, coco, detection

PAIRS = 7


def ratio(slow, fast):
    """The median, least and most of slow / fast over interleaved pairs, and the values of both."""

    def timed(call):
        began = time.perf_counter()
        value = call()
        return time.perf_counter() - began, value

    slow(), fast()
    pairs = [(timed(slow), timed(fast)) for _ in range(PAIRS)]
    ratios = sorted(one[0] / other[0] for one, other in pairs)
    return statistics.median(ratios), ratios[0], ratios[-1], pairs[-1][0][1], pairs[-1][1][1]


def judd_by_loops(prediction, fixated):
    """AUC-Judd as it is usually written: every threshold looks at every pixel."""
    flat = prediction.ravel()
    mask = np.zeros(flat.size, dtype=bool)
    mask[fixated] = True
    positives, negatives = flat[fixated], flat[~mask]
    hits, alarms = [0.0], [0.0]
    for threshold in sorted(set(positives.tolist()), reverse=True):
        hits.append((positives >= threshold).mean())
        alarms.append((negatives >= threshold).mean())
    return float(np.trapezoid([*hits, 1.0], [*alarms, 1.0]))


def test_auc_judd_against_a_loop_over_thresholds(benchmark):
    r = np.random.default_rng(0)
    prediction, fixated = r.random((480, 640)), r.integers(0, 480 * 640, 1000)
    median, least, most, slow, fast = ratio(
        lambda: judd_by_loops(prediction, fixated), lambda: auc.auc_judd(prediction, fixated)
    )
    benchmark.extra_info.update(ratio=round(median, 1), pairs=PAIRS)
    benchmark.pedantic(auc.auc_judd, (prediction, fixated), rounds=3)
    print(f"\nAUC-Judd: {median:.1f} times faster than a loop over thresholds ({least:.1f} to {most:.1f}; at least 30)")
    assert fast == pytest.approx(slow, abs=1e-12)
    assert median >= 30


def pages(images):
    """Pages with faces and bodies, and what a middling detector makes of them."""
    r = np.random.default_rng(1)
    truths, predictions = [], []
    for _ in range(images):
        k, m = int(r.integers(1, 12)), int(r.integers(5, 60))
        corner = r.random((k, 2)) * 800
        boxes = np.concatenate([corner, corner + 20 + r.random((k, 2)) * 100], 1)
        labels = r.integers(0, 2, k)
        chosen = r.integers(0, k, m)
        guess = boxes[chosen] + r.normal(0, 6, (m, 4))
        guess = np.concatenate([np.minimum(guess[:, :2], guess[:, 2:]), np.maximum(guess[:, :2], guess[:, 2:])], 1)
        truths.append({"boxes": boxes, "labels": labels})
        predictions.append({"boxes": guess, "scores": r.random(m), "labels": labels[chosen]})
    return predictions, truths


def test_detection_against_pycocotools(benchmark):
    predictions, truths = pages(1000)
    classes = ["face", "body"]

    def own():
        values = detection.aggregate(detection.score_items(predictions, truths, classes=classes))
        return {name: value for name, value in values.items() if not name.startswith(("voc", "recall"))}

    median, least, most, theirs, ours = ratio(lambda: coco.evaluate(predictions, truths, classes, "pycocotools"), own)
    benchmark.extra_info.update(ratio=round(median, 1), pairs=PAIRS)
    benchmark.pedantic(own, rounds=1)
    print(f"\ndetection: {median:.1f} times faster than pycocotools ({least:.1f} to {most:.1f}; at least 4)")
    assert ours == theirs
    assert median >= 4
