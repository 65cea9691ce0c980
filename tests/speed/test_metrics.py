"""How much faster than the usual code are the metrics, with equal values?

Run: ``python -m pytest tests/speed/test_metrics.py -s``. Figures are medians of ratios of interleaved pairs in one run.
"""

import statistics
import time

import numpy as np
import pytest
import scipy.linalg

from inkbench.tasks.metrics import auc, coco, detection
from inkbench.tasks.metrics.frechet import frechet
from inkbench.tasks.metrics.pairs import ssim

PAIRS = 7


def ratio(slow, fast, pairs=PAIRS):
    """The median, least and most of slow / fast over interleaved pairs, and the values of both."""

    def timed(call):
        began = time.perf_counter()
        value = call()
        return time.perf_counter() - began, value

    slow(), fast()
    taken = [(timed(slow), timed(fast)) for _ in range(pairs)]
    ratios = sorted(one[0] / other[0] for one, other in taken)
    return statistics.median(ratios), ratios[0], ratios[-1], taken[-1][0][1], taken[-1][1][1]


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


def frechet_by_sqrtm(x, y):
    """FID as it is usually written: the root of the product of two covariances."""
    one, other = (np.cov(of, rowvar=False) for of in (x, y))
    root = scipy.linalg.sqrtm(one @ other).real
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(one) + np.trace(other) - 2 * np.trace(root)


def test_the_frechet_distance_against_scipys_root_of_a_matrix(benchmark):
    """500 images with the Inception's 2048 features: covariances of a quarter of full rank."""
    r = np.random.default_rng(0)
    x, y = r.standard_normal((500, 2048)), r.standard_normal((500, 2048)) * 1.1 + 0.1
    pairs = 3
    median, least, most, slow, fast = ratio(lambda: frechet_by_sqrtm(x, y), lambda: frechet(x, y), pairs)
    covariances = [np.cov(of, rowvar=False) for of in (x, y)]
    roots = np.sqrt(np.linalg.eigvals(covariances[0] @ covariances[1]).astype(complex)).real.sum()
    exact = ((x.mean(0) - y.mean(0)) ** 2).sum() + sum(np.trace(of) for of in covariances) - 2 * roots
    benchmark.extra_info.update(ratio=round(median, 1), pairs=pairs)
    benchmark.pedantic(frechet, (x, y), rounds=3)
    print(
        f"\nFréchet distance: {median:.0f} times faster than sqrtm ({least:.0f} to {most:.0f}; at least 20); "
        f"{fast:.4f}, by sqrtm {slow:.4f}, by eigenvalues {exact:.4f}"
    )
    assert fast == pytest.approx(exact, rel=1e-6)
    assert fast == pytest.approx(slow, rel=1e-6)
    assert median >= 20


def test_ssim_against_torchmetrics(benchmark):
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    image, truth = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)

    def theirs():
        said, true = (torch.from_numpy(of).permute(2, 0, 1)[None].double() for of in (image, truth))
        return structural_similarity_index_measure(said, true, data_range=255.0).item()

    median, least, most, slow, fast = ratio(theirs, lambda: ssim(image, truth))
    benchmark.extra_info.update(ratio=round(median, 1), pairs=PAIRS)
    benchmark.pedantic(ssim, (image, truth), rounds=3)
    print(f"\nSSIM: {median:.0f} times faster than torchmetrics in float64 ({least:.0f} to {most:.0f}; at least 5)")
    assert fast == pytest.approx(slow, abs=1e-12)
    assert median >= 5
