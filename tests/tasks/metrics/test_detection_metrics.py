"""COCO AP: equal to the reference engines, every known trap, and resampling that equals scoring again."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkbench.tasks.metrics import coco, detection
from inkbench.tasks.metrics.items import concatenate
from inkbench.tasks.metrics.matching import Boxes, canonical, gather, match

CLASSES = ["face", "body", "text"]


def boxes(*corners):
    return np.array(corners, dtype=np.float64).reshape(-1, 4)


def aggregate(items, weights=None):
    """COCO's figures; those of VOC have tests of their own."""
    values = detection.aggregate(items, weights)
    return {name: value for name, value in values.items() if not name.startswith("voc")}


def truth(*corners, labels=None, crowd=None):
    labels = [0] * len(corners) if labels is None else labels
    entry = {"boxes": boxes(*corners), "labels": np.array(labels, dtype=np.int64)}
    return entry if crowd is None else entry | {"crowd": np.array(crowd, dtype=bool)}


def found(*corners, scores, labels=None):
    labels = [0] * len(corners) if labels is None else labels
    return {
        "boxes": boxes(*corners).astype(np.float32),
        "scores": np.array(scores, dtype=np.float32),
        "labels": np.array(labels, dtype=np.int64),
    }


def pages(seed, images=None, crowd=False, ties=True, many=False):
    """Random pages: some empty, some without predictions, the last class without truth."""
    rng = np.random.default_rng(seed)
    truths, predictions = [], []
    for _ in range(images or rng.integers(1, 12)):
        k = 0 if rng.random() < 0.25 else int(rng.integers(1, 9))
        corner, extent = rng.random((k, 2)) * 60, rng.random((k, 2)) * 45 + 0.1
        if rng.random() < 0.5:
            corner, extent = corner.round(), extent.round() + 5
        true = np.concatenate([corner, corner + extent], axis=1)
        label = rng.integers(0, 2, k)
        m = 0 if rng.random() < 0.2 else int(rng.integers(101, 260) if many else rng.integers(0, 30))
        if k and m:
            chosen = rng.integers(0, k, m)
            guess = true[chosen] + rng.normal(0, rng.choice([0, 1, 3, 8]), (m, 4))
            guessed = np.where(rng.random(m) < 0.8, label[chosen], rng.integers(0, 3, m))
        else:
            guess, guessed = rng.random((m, 4)) * 60, rng.integers(0, 3, m)
        guess = np.concatenate([np.minimum(guess[:, :2], guess[:, 2:]), np.maximum(guess[:, :2], guess[:, 2:])], 1)
        score = rng.integers(0, 6, m) / 5 if ties and rng.random() < 0.5 else rng.random(m)
        predictions.append({"boxes": guess.astype(np.float32), "scores": score.astype(np.float32), "labels": guessed})
        entry = {"boxes": true, "labels": label}
        truths.append(entry | ({"crowd": rng.random(k) < 0.25} if crowd else {}))
    return predictions, truths


def score(predictions, truths, classes=CLASSES):
    return detection.score_items(predictions, truths, classes=classes)


def metrics(predictions, truths, classes=CLASSES):
    return aggregate(score(predictions, truths, classes))


@pytest.mark.seconds
def test_equal_to_pycocotools_and_faster_coco_eval_on_random_pages():
    compared = worst = 0
    for seed in range(120):
        predictions, truths = pages(seed, crowd=seed % 2 == 0, many=seed % 10 == 0)
        own = metrics(predictions, truths)
        if not own:
            with pytest.raises(ValueError, match="no true box"):
                coco.evaluate(predictions, truths, CLASSES)
            continue
        reference = coco.evaluate(predictions, truths, CLASSES, "pycocotools")
        assert own == reference, f"seed {seed}"
        faster = coco.evaluate(predictions, truths, CLASSES, "faster-coco-eval")
        assert faster.keys() == own.keys()
        worst = max(worst, *(abs(faster[name] - own[name]) for name in own))
        compared += 1
    assert compared > 105
    assert worst <= 2.3e-16


def test_crowds_take_many_detections_and_cost_nothing():
    truths = [truth((0, 0, 10, 10), (20, 20, 60, 60), crowd=[False, True])]
    predictions = [found((0, 0, 10, 10), (20, 20, 40, 40), (40, 40, 60, 60), scores=[0.5, 0.9, 0.8])]
    items = score(predictions, truths, ["face"])
    assert items["truths[face]"].tolist() == [1]
    assert items["det.ignored"].all(axis=1).tolist() == [True, True, False]
    assert aggregate(items)["ap"] == pytest.approx(1.0)


def test_annotation_ids_begin_with_one():
    truths = pages(3, images=6)[1]
    perfect = [
        {"boxes": t["boxes"], "scores": np.linspace(0.9, 0.5, len(t["labels"])), "labels": t["labels"]} for t in truths
    ]
    given = coco.to_coco(truths, CLASSES)
    assert [entry["id"] for entry in given["annotations"]] == list(range(1, len(given["annotations"]) + 1))
    assert min(entry["id"] for entry in given["images"] + given["categories"]) == 1
    for engine in ("pycocotools", "faster-coco-eval"):
        assert coco.evaluate(perfect, truths, CLASSES, engine)["ar100"] == 1.0
    assert metrics(perfect, truths)["ap"] == pytest.approx(1.0)


def test_no_prediction_at_all_is_zero_where_the_class_has_truth():
    nothing = found(scores=[])
    truths = [truth((0, 0, 10, 10)), truth()]
    own = metrics([nothing, nothing], truths)
    assert own["ap"] == own["ap[face]"] == own["ar100"] == 0.0
    assert own == coco.evaluate([nothing, nothing], truths, CLASSES)
    assert "no boxes were predicted" in detection.notes(score([nothing, nothing], truths))


def test_a_class_without_truth_is_left_out_and_reported():
    truths = [truth((0, 0, 10, 10))]
    predictions = [found((0, 0, 10, 10), (0, 0, 9, 9), scores=[0.9, 0.95], labels=[0, 2])]
    items = score(predictions, truths)
    own = aggregate(items)
    assert own["ap"] == own["ap[face]"] == pytest.approx(1.0)
    assert "ap[text]" not in own
    assert detection.without_truth(items) == ["body", "text"]
    assert any("text" in line for line in detection.notes(items))
    assert aggregate(score([found(scores=[])], [truth()])) == {}


def test_equal_scores_have_one_order_and_are_reported():
    truths = [truth((0, 0, 10, 10), (40, 0, 50, 10))]
    both = found((0, 0, 10, 10), (20, 20, 30, 30), (40, 0, 50, 10), scores=[0.5, 0.5, 0.5])
    turned = {name: value[::-1] for name, value in both.items()}
    assert (
        metrics([both], truths) == metrics([turned], truths) == coco.evaluate([turned], truths, CLASSES, "pycocotools")
    )
    items = score([both], truths)
    assert detection.tie_share(items) == 1.0
    assert any("share their score" in line for line in detection.notes(items))
    apart = found((0, 0, 10, 10), (20, 20, 30, 30), (40, 0, 50, 10), scores=[0.5, 0.6, 0.7])
    assert detection.tie_share(score([apart], truths)) == 0.0
    assert not any("share their score" in line for line in detection.notes(score([apart], truths)))


def test_scores_are_never_rounded():
    truths = [truth((0, 0, 10, 10))]
    close = found((0, 0, 10, 10), (20, 20, 30, 30), scores=[0.5, 0.5])
    close["scores"] = np.array([0.5 + 1e-12, 0.5])
    assert metrics([close], truths)["ap"] == pytest.approx(1.0)
    close["scores"] = np.array([0.5, 0.5 + 1e-12])
    assert metrics([close], truths)["ap"] == pytest.approx(0.5)


def test_a_hundred_detections_an_image_and_class_count():
    corners = [(10 * k, 0, 10 * k + 8, 8) for k in range(150)]
    truths = [truth(*corners * 2, labels=[0] * 150 + [1] * 150)]
    predictions = [found(*corners * 2, scores=np.linspace(0.9, 0.1, 300), labels=[0] * 150 + [1] * 150)]
    items = score(predictions, truths)
    assert (~items["det.ignored"]).sum(0).tolist() == [200] * 10, "COCO's bound; VOC counts the others too"
    assert aggregate(items)["ar100"] == pytest.approx(100 / 150)
    assert aggregate(items) == coco.evaluate(predictions, truths, CLASSES, "pycocotools")


def test_a_box_on_an_empty_image_counts_against():
    clean = [found((0, 0, 10, 10), scores=[0.5]), found(scores=[])]
    wrong = [clean[0], found((0, 0, 10, 10), scores=[0.9])]
    truths = [truth((0, 0, 10, 10)), truth()]
    assert metrics(clean, truths)["ap"] == pytest.approx(1.0)
    assert metrics(wrong, truths)["ap"] == pytest.approx(0.5)
    assert detection.counts(score(wrong, truths))["ap"] == 2


def test_boxes_of_any_size_count():
    truths = [truth((0, 0, 3, 3), (0, 0, 3000, 4000))]
    predictions = [found((0, 0, 3, 3), (0, 0, 3000, 4000), scores=[0.9, 0.8])]
    assert metrics(predictions, truths)["ap"] == pytest.approx(1.0)


def _with(entry, **changes):
    return [entry | changes]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scores": np.array([np.nan])}, "not finite"),
        ({"boxes": boxes((0, 0, np.inf, 4))}, "not finite"),
        ({"boxes": boxes((50, 50, 20, 30))}, "x0, y0, x1, y1"),
        ({"labels": np.array([3])}, "outside 0 to 2"),
        ({"labels": np.array([-1])}, "outside 0 to 2"),
        ({"labels": np.array([0.5])}, "not whole"),
        ({"scores": np.array([0.5, 0.5])}, "1 labels, 2 scores"),
    ],
)
def test_what_is_wrong_with_predictions_is_said_with_the_items_name(changes, said):
    good = found((0, 0, 10, 10), scores=[0.5])
    with pytest.raises(ValueError, match=f"item book/7_2: .*{said}"):
        detection.score_items(
            [good, *_with(good, **changes)], [truth(), truth()], classes=CLASSES, ids=["book/7_1", "book/7_2"]
        )
    with pytest.raises(ValueError, match="one prediction for each image, not 1 for 2"):
        score([good], [truth(), truth()])


def naive_match(detections: Boxes, truths: Boxes):
    """The rule in words, one detection after another."""
    matched = np.zeros((len(detections), 10), dtype=bool)
    ignored = matched.copy()
    for level, threshold in enumerate(np.linspace(0.5, 0.95, 10)):
        free = np.ones(len(truths), dtype=bool)
        for d in range(len(detections)):
            x0, y0, x1, y1 = detections.xyxy[d]
            best, choice, crowd = threshold, None, False
            for t in range(len(truths)):
                if truths.item[t] != detections.item[d] or truths.label[t] != detections.label[d]:
                    continue
                a0, b0, a1, b1 = truths.xyxy[t]
                both = max(min(x1, a1) - max(x0, a0), 0) * max(min(y1, b1) - max(y0, b0), 0)
                own = (x1 - x0) * (y1 - y0)
                if truths.value[t]:
                    crowd |= both / own >= threshold
                elif free[t] and both / (own + (a1 - a0) * (b1 - b0) - both) >= best:
                    best, choice = both / (own + (a1 - a0) * (b1 - b0) - both), t
            if choice is not None:
                free[choice] = False
                matched[d, level] = True
            else:
                ignored[d, level] = crowd
    return matched, ignored


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_matching_follows_the_rule_in_words(seed):
    predictions, truths = pages(seed, images=3, crowd=True)
    found_boxes = canonical(gather(*([p[key] for p in predictions] for key in ("boxes", "labels", "scores"))))
    true = gather(*([t[key] for t in truths] for key in ("boxes", "labels", "crowd")))
    solid = np.flatnonzero((found_boxes.xyxy[:, 2:] > found_boxes.xyxy[:, :2]).all(axis=1))
    found_boxes = found_boxes.take(solid)
    for own, rule in zip(match(found_boxes, true), naive_match(found_boxes, true), strict=True):
        assert (own == rule).all()


@given(st.integers(0, 10_000), st.data())
@settings(max_examples=40, deadline=None)
@pytest.mark.seconds
def test_weights_equal_scoring_the_repeated_images(seed, data):
    predictions, truths = pages(seed, images=6, crowd=seed % 2 == 0, ties=False)
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=6, max_size=6)))
    items = score(predictions, truths)
    drawn = np.repeat(np.arange(6), weights)
    again = metrics([predictions[k] for k in drawn], [truths[k] for k in drawn]) if len(drawn) else {}
    assert aggregate(items, weights) == again
    for name in aggregate(items):
        value = detection.resampler(items, name)(weights)
        assert value == again[name] if name in again else np.isnan(value)


@given(st.integers(0, 10_000), st.lists(st.booleans(), min_size=8, max_size=8))
@settings(max_examples=25, deadline=None)
def test_swapping_two_methods_by_weights_equals_swapping_their_predictions(seed, swap):
    first, truths = pages(seed, images=8, ties=False)
    rng = np.random.default_rng(seed + 1)
    second = [p | {"scores": rng.random(len(p["scores"]))} for p in first]
    joined = concatenate([score(first, truths), score(second, truths)])
    swap = np.array(swap, dtype=int)
    swapped = metrics([b if s else a for a, b, s in zip(first, second, swap, strict=True)], truths)
    value = detection.resampler(joined, "ap")(np.concatenate([1 - swap, swap]))
    assert value == swapped["ap"] if swapped else np.isnan(value)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_values_are_shares_and_a_worse_box_below_all_others_never_helps(seed):
    predictions, truths = pages(seed, images=5)
    before = metrics(predictions, truths)
    assert all(0 <= value <= 1 for value in before.values())
    low = found((500, 500, 510, 510), scores=[-1.0])
    worse = [{key: np.concatenate([p[key], low[key]]) for key in low} for p in predictions]
    after = metrics(worse, truths)
    assert all(after[name] <= before[name] for name in before)


def test_unknown_metrics_are_refused():
    items = score(*pages(1))
    for name in ("map", "ap[tail]", "ap[face", "ap60"):
        with pytest.raises(ValueError, match="no metric"):
            detection.resampler(items, name)


def test_a_resample_of_twenty_thousand_boxes_takes_milliseconds():
    rng = np.random.default_rng(0)
    truths, predictions = [], []
    for _ in range(1000):
        corner = rng.random((6, 2)) * 500
        true = np.concatenate([corner, corner + 20 + rng.random((6, 2)) * 200], axis=1)
        guess = np.repeat(true, 4, axis=0)[:20] + rng.random((20, 1)) * 20
        truths.append({"boxes": true, "labels": np.arange(6) % 2})
        predictions.append({"boxes": guess, "scores": rng.random(20), "labels": np.repeat(np.arange(6) % 2, 4)[:20]})
    items = score(predictions, truths, ["face", "body"])
    assert len(items["det.item"]) == 20_000
    resample = detection.resampler(items, "ap")
    weights = np.bincount(rng.integers(0, 1000, 1000), minlength=1000)
    spent = []
    for _ in range(10):
        began = time.process_time()
        resample(weights)
        spent.append(time.process_time() - began)
    assert min(spent) < 0.02
