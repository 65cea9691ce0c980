"""Segmentation metrics: against scikit-learn and torchmetrics, under multiplicities, at their optimum, at the edges."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix
from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex

from inkbench.benchmark.scoring.score import metric_entries
from inkbench.tasks.metrics import segmentation
from inkbench.tasks.metrics.items import WeightedMean

NAMES = ["background", "body", "face", "thing"]


def drawn(seed, count=4, present=4, void=0.1):
    r = np.random.default_rng(seed)
    pairs = []
    for _ in range(count):
        shape = tuple(r.integers(1, 12, 2))
        true = r.integers(0, present, shape)
        found = np.where(r.random(shape) < 0.6, true, r.integers(0, 4, shape))
        true[r.random(shape) < void] = segmentation.VOID
        pairs.append((found.astype(np.uint8), true.astype(np.uint8)))
    return pairs


def items_of(pairs, classes=NAMES):
    return segmentation.score_items([{"mask": p} for p, _ in pairs], [{"mask": t} for _, t in pairs], classes=classes)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**20), count=st.integers(1, 5), present=st.integers(1, 4))
def test_equal_to_the_confusion_matrix_of_scikit_learn(seed, count, present):
    pairs = drawn(seed, count, present)
    found = segmentation.aggregate(items_of(pairs))
    true = np.concatenate([t.ravel() for _, t in pairs])
    guessed = np.concatenate([p.ravel() for p, _ in pairs])
    counted = true != segmentation.VOID
    if not counted.any():
        assert found == {}
        return
    matrix = confusion_matrix(true[counted], guessed[counted], labels=range(4)).astype(float)
    right, rows, columns = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
    there = rows > 0
    iou = right[there] / (rows + columns - right)[there]
    assert found["miou"] == pytest.approx(iou.mean(), abs=1e-12)
    assert found["pixel-accuracy"] == pytest.approx(right.sum() / matrix.sum(), abs=1e-12)
    assert found["mean-accuracy"] == pytest.approx((right[there] / rows[there]).mean(), abs=1e-12)
    assert found["fw-iou"] == pytest.approx((rows[there] / matrix.sum() * iou).sum(), abs=1e-12)
    assert [found[f"iou[{NAMES[k]}]"] for k in np.flatnonzero(there)] == pytest.approx(iou.tolist(), abs=1e-12)
    assert sum(name.startswith("iou[") for name in found) == there.sum()


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_torchmetrics_where_every_class_is_there(seed):
    pairs = drawn(seed, 6)
    found = segmentation.aggregate(items_of(pairs))
    options = {"num_classes": 4, "ignore_index": segmentation.VOID}
    jaccard = {kind: MulticlassJaccardIndex(average=kind, **options) for kind in ("macro", "weighted", None)}
    accuracy = {kind: MulticlassAccuracy(average=kind, **options) for kind in ("micro", "macro")}
    for guessed, true in pairs:
        for metric in (*jaccard.values(), *accuracy.values()):
            metric.update(torch.from_numpy(guessed.astype(int))[None], torch.from_numpy(true.astype(int))[None])
    assert found["miou"] == pytest.approx(jaccard["macro"].compute().item(), abs=1e-6)
    assert found["fw-iou"] == pytest.approx(jaccard["weighted"].compute().item(), abs=1e-6)
    assert found["pixel-accuracy"] == pytest.approx(accuracy["micro"].compute().item(), abs=1e-6)
    assert found["mean-accuracy"] == pytest.approx(accuracy["macro"].compute().item(), abs=1e-6)
    assert [found[f"iou[{name}]"] for name in NAMES] == pytest.approx(jaccard[None].compute().tolist(), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**20))
def test_weights_are_multiplicities(seed):
    pairs = drawn(seed, 5, present=3)
    weights = np.random.default_rng(seed).integers(0, 3, 5)
    weights[seed % 5] = 2
    literal = [pairs[k] for k in np.repeat(np.arange(5), weights)]
    weighted = segmentation.aggregate(items_of(pairs), weights.astype(float))
    assert weighted == pytest.approx(segmentation.aggregate(items_of(literal)), abs=1e-12)


def test_perfect_predictions_reach_the_optimum_of_every_metric():
    pairs = [(np.where(true == segmentation.VOID, 0, true), true) for _, true in drawn(7)]
    assert set(segmentation.aggregate(items_of(pairs)).values()) == {1.0}
    assert all(metric.direction == "max" for metric in segmentation.METRICS)


def test_void_counts_for_nothing_whatever_is_predicted_there():
    true = np.array([[0, 1], [255, 255]])
    figures = [segmentation.aggregate(items_of([(np.array([[0, 1], row]), true)])) for row in ([0, 0], [1, 3], [2, 2])]
    assert figures[0] == figures[1] == figures[2]
    assert figures[0]["miou"] == 1.0


def test_a_class_without_truth_has_no_figure_and_predicting_it_is_an_error():
    items = items_of([(np.array([[0, 3], [1, 1]]), np.array([[0, 0], [1, 1]]))])
    found = segmentation.aggregate(items)
    assert found["miou"] == pytest.approx((0.5 + 1) / 2)
    assert "iou[thing]" not in found
    assert segmentation.notes(items) == [
        "class face has no ground-truth pixel and is excluded from the means",
        "class thing has no ground-truth pixel and is excluded from the means",
    ]


def test_constant_predictions_have_a_defined_result():
    items = items_of([(np.zeros((2, 2), int), np.array([[0, 1], [2, 2]]))])
    found = segmentation.aggregate(items)
    assert found["miou"] == pytest.approx(0.25 / 3)
    assert found["pixel-accuracy"] == 0.25
    assert "'background' was predicted for every pixel" in segmentation.notes(items)


def test_an_image_that_is_void_everywhere_is_empty_and_alone_has_no_figure():
    void = (np.zeros((2, 2), int), np.full((2, 2), 255))
    assert segmentation.aggregate(items_of([void])) == {}
    items = items_of([void, drawn(1, 1, void=0)[0]])
    assert items["empty"].tolist() == [True, False]
    assert segmentation.counts(items)["miou"] == 1


@pytest.mark.parametrize(
    ("found", "true", "said"),
    [
        (np.full((2, 2), np.nan), np.zeros((2, 2)), "predicted mask of item x holds values that are NaN"),
        (np.full((2, 2), 0.5), np.zeros((2, 2)), "not whole"),
        (np.full((2, 2), 4), np.zeros((2, 2)), "predicted mask of item x holds 4; there are 4 classes"),
        (np.full((2, 2), 255), np.zeros((2, 2)), "predicted mask of item x holds 255"),
        (np.zeros((2, 2)), np.full((2, 2), 9), "true mask of item x holds 9"),
        (np.zeros((2, 3)), np.zeros((2, 2)), "predicted mask of item x is 3 x 2 pixels, its truth 2 x 2"),
        (np.zeros((2, 2, 1)), np.zeros((2, 2)), r"shape \(2, 2, 1\)"),
    ],
)
def test_what_cannot_be_scored_is_one_error_that_names_the_item(found, true, said):
    with pytest.raises(ValueError, match=said):
        segmentation.score_items([{"mask": found}], [{"mask": true}], classes=NAMES, ids=["x"])


def test_a_record_has_every_definition_and_unknown_names_are_refused():
    items = items_of(drawn(2))
    entries = metric_entries(segmentation.SCORER, items)
    assert next(iter(entries)) == "miou"
    assert entries["iou[face]"]["unit"] == "1"
    assert isinstance(segmentation.resampler(items, "pixel-accuracy"), WeightedMean)
    with pytest.raises(ValueError, match="no metric iou"):
        segmentation.resampler(items, "iou[hat]")
