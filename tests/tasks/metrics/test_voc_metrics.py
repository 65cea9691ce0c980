"""PASCAL VOC's average precision: a published fixture, the devkit's own loops, weights, difficult boxes, DASS."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_detection_metrics import CLASSES, found, pages, truth

from inkbench.tasks.metrics import detection
from inkbench.tasks.metrics.matching import Boxes, canonical, gather
from inkbench.tasks.metrics.voc import VocCurve, voc_match


def read(folder):
    """The lines of each file of a folder as numbers, without their first word."""
    return [
        np.array([[float(word) for word in line.split()[1:]] for line in path.read_text().splitlines() if line.strip()])
        for path in sorted(folder.glob("*.txt"))
    ]


def corners(xywh):
    xywh = np.asarray(xywh).reshape(-1, 4)
    return np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]])


def test_the_published_fixture(shared):
    """15 boxes, 24 detections, IoU .3 of boxes that hold both their corners: 24.57 and 26.84."""
    folder = shared / "data" / "padilla-ap-fixture"
    true, guessed = read(folder / "groundtruths"), read(folder / "detections")
    boxes = gather([corners(one) for one in true], *([np.zeros(len(one)) for one in true] for _ in range(2)))
    detections = canonical(
        gather(
            [corners(one[:, 1:]) for one in guessed],
            [np.zeros(len(one)) for one in guessed],
            [one[:, 0] for one in guessed],
        )
    )
    right, ignored, _ = voc_match(detections, boxes, 0.3, inclusive=True)
    counts = np.bincount(boxes.item, minlength=len(true))
    curve = VocCurve(detections.value, detections.item, right, ignored, counts)
    ones = np.ones(len(true))
    assert (len(boxes), len(detections)) == (15, 24)
    assert round(100 * curve(ones), 2) == 24.57
    assert round(100 * curve(ones, eleven=True), 2) == 26.84


def devkit(predictions, truths, label, overlap=0.5):  # noqa: C901 (in loops, as there)
    """VOCevaldet in loops: the matching and both areas, detections in canonical order of equal scores."""
    rows = []
    for page, entry in enumerate(predictions):
        for box, score, own in zip(entry["boxes"], entry["scores"], entry["labels"], strict=True):
            if own == label:
                rows.append((-float(score), page, *map(float, box)))
    rows.sort()
    positives, used = 0, {}
    for page, entry in enumerate(truths):
        mask = entry["labels"] == label
        hard = entry.get("crowd", np.zeros(len(mask), dtype=bool))[mask]
        positives += int((~hard).sum())
        used[page] = (entry["boxes"][mask], hard, [False] * int(mask.sum()))
    right, wrong = [], []
    for _, page, x0, y0, x1, y1 in rows:
        boxes, hard, taken = used[page]
        best, where = -1.0, -1
        for k, (a, b, c, d) in enumerate(boxes):
            meet = max(0.0, min(x1, c) - max(x0, a)) * max(0.0, min(y1, d) - max(y0, b))
            whole = (x1 - x0) * (y1 - y0) + (c - a) * (d - b) - meet
            share = meet / whole if whole else 0.0
            if share > best:
                best, where = share, k
        if best >= overlap:
            if hard[where]:
                continue
            right.append(not taken[where])
            taken[where] = True
        else:
            right.append(False)
        wrong.append(not right[-1])
    if not positives:
        return None
    true, false = np.cumsum(right), np.cumsum(wrong)
    recall, precision = true / positives, true / np.maximum(true + false, 1)
    eleven = np.mean([precision[recall >= t].max(initial=0.0) for t in np.arange(0, 1.1, 0.1) - 1e-12])
    r, p = np.concatenate([[0], recall, [1]]), np.concatenate([[0], precision, [0]])
    for k in range(len(p) - 1, 0, -1):
        p[k - 1] = max(p[k - 1], p[k])
    return float(np.sum(np.diff(r) * p[1:])), float(eleven)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), crowd=st.booleans())
@pytest.mark.seconds
def test_equal_to_the_devkit_s_loops(seed, crowd):
    """Pages with ties, empty ones, difficult boxes."""
    predictions, truths = pages(seed, crowd=crowd, ties=False)
    items = detection.score_items(predictions, truths, classes=CLASSES)
    values = detection.aggregate(items)
    expected = {name: devkit(predictions, truths, label) for label, name in enumerate(CLASSES)}
    present = [both for both in expected.values() if both is not None]
    for name, both in expected.items():
        assert (f"voc[{name}]" in values) == (both is not None)
        if both is not None:
            assert (values[f"voc[{name}]"], values[f"voc07[{name}]"]) == pytest.approx(both, abs=1e-9)
    if present:
        assert (values["voc"], values["voc07"]) == pytest.approx(tuple(np.mean(present, axis=0)), abs=1e-9)


def test_a_claimed_box_is_not_exchanged_for_another():
    """Two detections overlap the same box most: COCO gives the second the other box, VOC calls it wrong."""
    truths = [truth((0, 0, 10, 10), (0, 4, 10, 14))]
    predictions = [found((0, 1, 10, 11), (0, 1.5, 10, 11.5), scores=[0.9, 0.8])]
    values = detection.aggregate(detection.score_items(predictions, truths, classes=["face"]))
    assert values["voc"] == pytest.approx(0.5)
    assert values["ap50"] == pytest.approx(1.0)


def test_voc_has_no_bound_of_boxes_and_coco_has():
    """A hundred wrong boxes at .9, then the right one: VOC's precision there is 1/101, COCO never sees it."""
    wrong = [(50 + k % 10, 50 + k // 10, 60 + k % 10, 60 + k // 10) for k in range(100)]
    predictions = [found(*wrong, (0, 0, 10, 10), scores=[0.9] * 100 + [0.5])]
    truths = [truth((0, 0, 10, 10))]
    values = detection.aggregate(detection.score_items(predictions, truths, classes=["face"]))
    assert values["voc"] == pytest.approx(1 / 101)
    assert values["voc"] == pytest.approx(devkit(predictions, truths, 0)[0])
    assert (values["ap"], values["ap50"], values["ar100"]) == (0.0, 0.0, 0.0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_a_weight_is_a_repetition(seed):
    predictions, truths = pages(seed, ties=False)
    weights = np.random.default_rng(seed).integers(0, 4, len(truths))
    items = detection.score_items(predictions, truths, classes=CLASSES)
    often = np.repeat(np.arange(len(truths)), weights)
    again = detection.score_items([predictions[k] for k in often], [truths[k] for k in often], classes=CLASSES)
    repeated = detection.aggregate(again) if len(often) else {}
    for metric in ("voc", "voc07"):
        value = detection.resampler(items, metric)(weights.astype(float))
        assert value == pytest.approx(repeated.get(metric, np.nan), nan_ok=True, abs=1e-9)


def test_dass_counts_an_image_once_for_each_of_its_boxes():
    """Its loader lists a page once a line of annotation, so crowded pages weigh more."""
    predictions, truths = pages(5, images=12, ties=False)
    items = detection.score_items(predictions, truths, classes=CLASSES)
    often = np.repeat(np.arange(12), [len(entry["labels"]) for entry in truths])
    again = detection.score_items([predictions[k] for k in often], [truths[k] for k in often], classes=CLASSES)
    values = detection.aggregate(items)
    assert values["voc-dass"] == pytest.approx(detection.aggregate(again)["voc"], abs=1e-9)
    assert values["voc-dass"] != values["voc"]


def test_perfect_and_absent_predictions():
    _, truths = pages(3, images=8)
    perfect = [
        {"boxes": one["boxes"], "scores": np.ones(len(one["labels"])), "labels": one["labels"]} for one in truths
    ]
    nothing = [{"boxes": np.zeros((0, 4)), "scores": np.zeros(0), "labels": np.zeros(0, dtype=int)} for _ in truths]
    for predictions, expected in ((perfect, 1.0), (nothing, 0.0)):
        values = detection.aggregate(detection.score_items(predictions, truths, classes=CLASSES))
        assert [values[name] for name in detection.VOC] == pytest.approx([expected] * 3)


def test_recall_by_size_counts_true_boxes_by_their_share_of_the_image():
    truths = [
        {**truth((0, 0, 5, 5), (10, 10, 40, 40), (0, 0, 99, 99)), "size": np.array([100, 100])},
        {**truth((0, 0, 5, 5), (20, 20, 25, 25)), "size": np.array([100, 100])},
        {**truth((0, 0, 5, 5)), "size": np.array([10, 10])},
    ]
    predictions = [found((0, 0, 5, 5), (0, 0, 98, 98), scores=[0.9, 0.1]), found(scores=[]), found(scores=[])]
    items = detection.score_items(predictions, truths, classes=["face"])
    values = detection.aggregate(items)
    assert values["recall50-small"] == pytest.approx(1 / 3)
    assert values["recall50-medium"] == 0
    assert values["recall50-large"] == pytest.approx(1 / 2), "a quarter of a small image is large"
    assert detection.resampler(items, "recall50-small")(np.array([2.0, 1.0, 0.0])) == pytest.approx(1 / 2)
    assert np.isnan(detection.resampler(items, "recall50-medium")(np.array([0.0, 1.0, 1.0])))
    without = [{key: one[key] for key in ("boxes", "labels")} for one in truths]
    assert not any(
        name.startswith("recall50")
        for name in detection.aggregate(detection.score_items(predictions, without, classes=["face"]))
    )


def test_no_boxes_at_all():
    nothing = Boxes(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0, int), np.zeros(0))
    assert [len(part) for part in voc_match(nothing, nothing)] == [0, 0, 0]
