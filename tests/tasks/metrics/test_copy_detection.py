"""Copy detection: against scikit-learn, against a count by hand, and at its ends."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from inkbench.tasks.metrics import copy_detection
from inkbench.tasks.metrics.copy_detection import CANDIDATES, SCORER, aggregate, score_items
from inkbench.tasks.metrics.items import concatenate, take


def truths(count=40, series=5):
    """Originals and their copies in turn."""
    return [
        {"copy": np.array(f"p{k}"), "query": np.array(bool(copy)), "series": np.array(f"s{k % series}")}
        for k in range(count)
        for copy in (0, 1)
    ]


def near_copies(count=40, noise=0.7, seed=0):
    rng = np.random.default_rng(seed)
    originals = rng.standard_normal((count, 6))
    copies = originals + noise * rng.standard_normal((count, 6))
    return np.stack([originals, copies], 1).reshape(-1, 6)


def predictions(vectors):
    return [{"embedding": vector} for vector in vectors]


def distances(vectors):
    """Every copy against every original, in plain loops."""
    return np.array([[((copy - original) ** 2).sum() for original in vectors[::2]] for copy in vectors[1::2]])


def test_ranks_are_those_counted_by_hand():
    vectors = near_copies()
    found = aggregate(score_items(predictions(vectors), truths()))
    ranks, own = [], []
    for k, row in enumerate(distances(vectors)):
        ranks.append(sorted(range(40), key=lambda other, row=row: row[other]).index(k) + 1)
        own.append(min(range(k % 5, 40, 5), key=lambda other, row=row: row[other]) == k)
    assert found["map"] == pytest.approx(np.mean([1 / rank for rank in ranks]), abs=1e-12)
    for most in (1, 5, 10):
        assert found[f"recall@{most}"] == pytest.approx(np.mean([rank <= most for rank in ranks]), abs=1e-12)
    assert found["recall@1[series]"] == pytest.approx(np.mean(own), abs=1e-12)
    assert 0 < found["recall@1"] < found["recall@5"] < 1


@pytest.mark.parametrize("noise", [0.2, 0.7, 2.0])
def test_micro_average_precision_is_that_of_scikit_learn(noise):
    """Over the candidates; what is not among them is found by none, which lowers recall (Douze et al. 2021)."""
    vectors = near_copies(noise=noise)
    rights, scores = [], []
    for k, row in enumerate(distances(vectors)):
        for other in np.argsort(row)[:CANDIDATES]:
            rights.append(other == k)
            scores.append(-row[other])
    wanted = average_precision_score(rights, scores) * sum(rights) / 40
    assert aggregate(score_items(predictions(vectors), truths()))["uap"] == pytest.approx(wanted, abs=1e-12)


def test_micro_average_precision_of_a_list_worked_out_by_hand():
    """Three queries of two originals; scores .9 right, .8 wrong, .7 right, the third one's original not found."""
    items = {
        "query": np.array([False, False, True, True, True]),
        "map": np.array([np.nan, np.nan, 1.0, 1.0, 0.0]),
        "pairs.item": np.array([2, 2, 3]),
        "pairs.score": np.array([0.9, 0.8, 0.7]),
        "pairs.right": np.array([True, False, True]),
    }
    assert SCORER.resampler(items, "uap")(np.ones(5)) == pytest.approx((1 / 1 + 2 / 3) / 3)
    assert SCORER.resampler(items, "uap")(np.array([1, 1, 0, 1, 0])) == pytest.approx(1.0)
    assert SCORER.resampler(items, "uap")(np.array([1, 1, 2, 1, 1])) == pytest.approx((1 * 2 + 3 / 5) / 4)


def test_multiplicities_are_repetitions():
    vectors, known = near_copies(12), truths(12, 3)
    items = score_items(predictions(vectors), known)
    weights = np.repeat(np.array([0, 1, 2, 1, 0, 3, 1, 1, 2, 0, 1, 1]), 2)
    repeated = concatenate([take(items, np.flatnonzero(weights > k)) for k in range(3)])
    wanted, found = aggregate(repeated), aggregate(items, weights)
    assert found == pytest.approx(wanted, abs=1e-12)


def test_copies_as_their_originals_are_perfect_and_one_vector_for_all_is_chance():
    vectors = near_copies(noise=0.0)
    perfect = aggregate(score_items(predictions(vectors), truths()))
    assert set(perfect) == {metric.name for metric in copy_detection.METRICS}
    assert perfect == pytest.approx(dict.fromkeys(perfect, 1.0))
    collapsed = aggregate(score_items(predictions(np.ones((80, 6))), truths()))
    assert collapsed["map"] == pytest.approx(np.mean(1 / np.arange(1, 41)))
    for most in (1, 5, 10):
        assert collapsed[f"recall@{most}"] == pytest.approx(most / 40)
    assert collapsed["recall@1[series]"] == pytest.approx(5 / 40)


def test_scale_and_shift_of_vectors_do_not_count():
    vectors = near_copies()
    plain = aggregate(score_items(predictions(vectors), truths()))
    assert aggregate(score_items(predictions(7 * vectors + 100), truths())) == pytest.approx(plain, abs=1e-9)


def test_lists_give_the_figures_that_need_no_distances():
    vectors = near_copies()
    plain = aggregate(score_items(predictions(vectors), truths()))
    ranked = [
        {"ranking": np.array([other for other in np.argsort(((vectors - vector) ** 2).sum(1)) if other != place])}
        for place, vector in enumerate(vectors)
    ]
    listed = aggregate(score_items(ranked, truths()))
    assert set(plain) - set(listed) == {"uap"}
    assert listed == pytest.approx({name: plain[name] for name in listed}, abs=1e-12)
    nothing = aggregate(score_items([{"ranking": np.zeros(0, dtype=int)}] * 80, truths()))
    assert set(nothing.values()) == {0.0}


def test_only_queries_with_their_original_in_the_gallery_count():
    vectors, known = near_copies(), truths()
    left = [k for k in range(80) if k != 10]
    items = score_items(predictions(vectors[left]), [known[k] for k in left])
    assert SCORER.counts(items)["map"] == 39
    assert np.isnan(items["map"][10]), "the copy of the original that is not there"
    assert SCORER.notes(items) == ["gallery: 39 images; queries without their original, excluded: 1 of 40"]


def test_a_vector_that_is_not_finite_is_named():
    vectors = near_copies()
    vectors[3, 2] = np.nan
    with pytest.raises(ValueError, match="item c is not finite"):
        score_items(predictions(vectors), truths(), ids=list("abcc" * 20))
    with pytest.raises(ValueError, match="one prediction for each truth"):
        score_items(predictions(vectors[:3]), truths())
