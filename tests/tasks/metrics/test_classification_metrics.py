"""Classification metrics: against scikit-learn, under multiplicities, at their optimum, and at the edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, recall_score, top_k_accuracy_score

from inkbench.benchmark.scoring.score import metric_entries
from inkbench.tasks.metrics import classification
from inkbench.tasks.metrics.items import WeightedMean, concatenate

NAMES = [f"class {k}" for k in range(8)]


def items_of(scores, labels, classes=NAMES, stages=None):
    predictions = [{"scores": row} for row in scores]
    if stages is not None:
        predictions = [{**one, "stages": rows} for one, rows in zip(predictions, stages, strict=True)]
    return classification.score_items(predictions, [{"label": np.array(k)} for k in labels], classes=classes)


def drawn(seed, count=60, total=8, present=8):
    r = np.random.default_rng(seed)
    labels = r.integers(0, present, count)
    return r.standard_normal((count, total)) + 1.5 * np.eye(total)[labels], labels


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**20), count=st.integers(1, 50), present=st.integers(1, 8))
@pytest.mark.seconds
def test_equal_to_scikit_learn(seed, count, present):
    scores, labels = drawn(seed, count, present=present)
    found = classification.aggregate(items_of(scores, labels))
    guessed, there = scores.argmax(1), np.unique(labels)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, guessed), abs=1e-12)
    expected = recall_score(labels, guessed, labels=there, average="macro", zero_division=0)
    assert found["balanced-accuracy"] == pytest.approx(expected, abs=1e-12)
    expected = f1_score(labels, guessed, labels=there, average="macro", zero_division=0)
    assert found["f1"] == pytest.approx(expected, abs=1e-12)
    assert found["top5"] == pytest.approx(top_k_accuracy_score(labels, scores, k=5, labels=range(8)), abs=1e-12)
    per_class = recall_score(labels, guessed, labels=there, average=None, zero_division=0)
    assert [found[f"recall[class {k}]"] for k in there] == pytest.approx(per_class.tolist(), abs=1e-12)
    assert sum(name.startswith("recall[") for name in found) == len(there)


def test_balanced_accuracy_is_scikit_learn_s():
    scores, labels = drawn(1, 200)
    found = classification.aggregate(items_of(scores, labels))["balanced-accuracy"]
    assert found == pytest.approx(balanced_accuracy_score(labels, scores.argmax(1)), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**20), count=st.integers(2, 30))
def test_weights_are_multiplicities(seed, count):
    r = np.random.default_rng(seed)
    scores, labels = drawn(seed, count)
    weights = r.integers(0, 4, count)
    weights[r.integers(count)] = 2
    repeated = np.repeat(np.arange(count), weights)
    stages = r.standard_normal((count, 3, 8))
    items = items_of(scores, labels, stages=stages)
    weighted = classification.aggregate(items, weights.astype(float))
    literal = classification.aggregate(items_of(scores[repeated], labels[repeated], stages=stages[repeated]))
    assert weighted == pytest.approx(literal, abs=1e-12)
    assert "accuracy[stage3]" in weighted


def test_stages_have_an_accuracy_each():
    scores, labels = drawn(2, 80)
    stages = (
        np.random.default_rng(3).standard_normal((80, 4, 8)) + np.arange(4)[None, :, None] * np.eye(8)[labels][:, None]
    )
    found = classification.aggregate(items_of(scores, labels, stages=stages))
    for stage in range(4):
        expected = accuracy_score(labels, stages[:, stage].argmax(1))
        assert found[f"accuracy[stage{stage + 1}]"] == pytest.approx(expected, abs=1e-12)
    assert found["accuracy[stage4]"] > found["accuracy[stage1]"]


def test_perfect_predictions_reach_the_optimum_of_every_metric():
    _, labels = drawn(4, 50)
    found = classification.aggregate(items_of(np.eye(8)[labels], labels, stages=np.eye(8)[labels][:, None]))
    assert set(found.values()) == {1.0}
    defined = {metric.name: metric.direction for metric in classification.METRICS}
    assert all(defined[name.split("[")[0]] == "max" for name in found)


def test_constant_predictions_are_the_first_class():
    labels = np.array([0, 0, 1, 2, 6, 7])
    items = items_of(np.zeros((6, 8)), labels)
    found = classification.aggregate(items)
    assert found["accuracy"] == pytest.approx(2 / 6)
    assert found["top5"] == pytest.approx(4 / 6)
    assert found["balanced-accuracy"] == pytest.approx(1 / 5)
    assert classification.notes(items) == [
        "classes without a test item, excluded from means over classes: 3 of 8",
        "'class 0' was predicted for every item",
    ]


def test_a_class_without_items_is_in_no_mean_and_predicting_it_is_wrong():
    items = items_of(np.eye(8)[[0, 0, 5, 1]], [0, 0, 1, 1])
    found = classification.aggregate(items)
    assert found["balanced-accuracy"] == pytest.approx((1 + 0.5) / 2)
    assert found["f1"] == pytest.approx((1 + 2 / 3) / 2)
    assert "recall[class 5]" not in found


def test_top5_needs_more_than_five_classes():
    items = items_of(np.eye(5)[[0, 1]], [0, 1], classes=NAMES[:5])
    assert "top5" not in classification.aggregate(items)
    with pytest.raises(
        ValueError, match=r"no metric top5; there are: accuracy, balanced-accuracy, f1, recall\[class 0\]"
    ):
        classification.resampler(items, "top5")


@pytest.mark.parametrize(
    ("scores", "label", "said"),
    [
        ([np.nan, 0, 0], 0, r"scores of item x: 1 of 3 values NaN or infinite"),
        ([np.inf, 0, 0], 0, "scores of item x: 1 of 3"),
        ([0, 0], 0, r"scores of item x have shape \(2,\), not \(3,\)"),
        ([0, 0, 0], 3, "label of item x is 3; there are 3 classes"),
        ([0, 0, 0], -1, "label of item x is -1"),
    ],
)
def test_what_cannot_be_scored_is_one_error_that_names_the_item(scores, label, said):
    with pytest.raises(ValueError, match=said):
        classification.score_items(
            [{"scores": np.array(scores, dtype=float)}], [{"label": np.array(label)}], classes=NAMES[:3], ids=["x"]
        )


def test_a_missing_prediction_and_a_stage_that_is_not_finite():
    with pytest.raises(ValueError, match="one prediction for each truth, not 0 for 1"):
        classification.score_items([], [{"label": np.array(0)}], classes=NAMES)
    scores, labels = drawn(5, 3)
    with pytest.raises(ValueError, match=r"stages of item 0 \(0-based\): 24 of 24"):
        items_of(scores, labels, stages=np.full((3, 3, 8), np.nan))


def test_means_are_resampled_as_sums_and_a_record_has_every_definition():
    scores, labels = drawn(6, 40)
    items = items_of(scores, labels, stages=scores[:, None])
    for metric in ("accuracy", "top5", "accuracy[stage1]", "recall[class 1]"):
        assert isinstance(classification.resampler(items, metric), WeightedMean)
    entries = metric_entries(classification.SCORER, items)
    assert next(iter(entries)) == "accuracy"
    assert entries["recall[class 1]"]["n"] == (labels == 1).sum()
    assert entries["accuracy[stage1]"]["n"] == 40
    alone = items_of(scores, labels)  # a row without stages beside one with them
    joined = classification.aggregate(concatenate([items, alone]))
    assert joined["accuracy[stage1]"] == pytest.approx(joined["accuracy"])
    both = concatenate([items, items])
    assert classification.aggregate(both) == pytest.approx(classification.aggregate(items), abs=1e-12)
