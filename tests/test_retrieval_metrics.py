"""Retrieval against the reference's constants, pytorch-metric-learning, and its own definition by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.metrics import reid
from tasks.metrics.retrieval import FIGURES, chance, retrieval


def sample(seed, n, d, k):
    r = np.random.default_rng(seed)
    labels = r.integers(0, k, n)
    centres = r.standard_normal((k, d))
    return centres[labels] + r.standard_normal((n, d)), labels


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ((0, 24, 4, 5), (0.2486574074074, 0.5, 0.3340277777778, 0.4431240372, 0.6375)),
        ((1, 60, 16, 7), (0.5569007638, 0.7796610169, 0.6433145009, 0.7179961825, 0.8724778048)),
    ],
)
def test_the_reference_values(args, expected):
    x, labels = sample(*args)
    found = retrieval(x, labels)
    assert [np.nanmean(found[name]) for name in FIGURES] == pytest.approx(expected, abs=1e-9)


def test_macro_means_of_the_reference():
    x, labels = sample(0, 24, 4, 5)
    found = retrieval(x, labels)
    macro = [
        np.mean([np.nanmean(found[name][labels == k]) for k in range(5)]) for name in ("p@1", "r-precision", "map@r")
    ]
    assert macro == pytest.approx([0.47, 0.31, 0.2341111111], abs=1e-9)


def test_equal_to_pytorch_metric_learning():
    torch = pytest.importorskip("torch")
    calculator = pytest.importorskip("pytorch_metric_learning.utils.accuracy_calculator").AccuracyCalculator
    names = {
        "p@1": "precision_at_1", "r-precision": "r_precision", "map@r": "mean_average_precision_at_r",
        "map": "mean_average_precision", "mrr": "mean_reciprocal_rank",
    }  # fmt: skip
    for seed in range(5):
        x, labels = sample(seed, 80, 8, 12)
        theirs = calculator(include=tuple(names.values()), k=None).get_accuracy(
            torch.from_numpy(x), torch.from_numpy(labels), torch.from_numpy(x), torch.from_numpy(labels), True
        )
        found = retrieval(x, labels)
        for mine, name in names.items():
            assert np.nanmean(found[mine]) == pytest.approx(theirs[name], abs=1e-6 if mine == "mrr" else 1e-10)


def brute_force(x, identities, groups, panels, query):
    gallery = [
        k
        for k in range(len(x))
        if k != query and groups[k] == groups[query] and (panels is None or panels[k] != panels[query])
    ]
    gallery.sort(key=lambda k: (((x[k] - x[query]) ** 2).sum(), k))
    right = [identities[k] == identities[query] for k in gallery]
    total = sum(right)
    if not total:
        return dict.fromkeys(FIGURES, np.nan)
    precision = [sum(right[: i + 1]) / (i + 1) for i in range(len(right))]
    return {
        "map@r": sum(precision[i] * right[i] for i in range(total)) / total,
        "p@1": float(right[0]),
        "r-precision": sum(right[:total]) / total,
        "map": sum(p for p, r in zip(precision, right, strict=True) if r) / total,
        "mrr": 1 / (right.index(True) + 1),
    }


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 30), excluded=st.booleans())
def test_equal_to_the_definition_with_groups_and_exclusion(seed, n, excluded):
    r = np.random.default_rng(seed)
    x, identities, groups, places = r.standard_normal((n, 3)), *r.integers(0, 4, (3, n))
    panels = places if excluded else None
    found = retrieval(x, identities, groups, panels)
    for query in range(n):
        expected = brute_force(x, identities, groups, panels, query)
        for name in FIGURES:
            assert found[name][query] == pytest.approx(expected[name], abs=1e-12, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.floats(0.1, 10), n=st.integers(2, 40))
def test_bounds_and_what_does_not_matter(seed, scale, n):
    r = np.random.default_rng(seed)
    x, identities = r.standard_normal((n, 5)), r.integers(0, 5, n)
    found = retrieval(x, identities)
    for values in found.values():
        assert ((values >= 0) & (values <= 1))[np.isfinite(values)].all()
    turned = np.linalg.qr(r.standard_normal((5, 5)))[0]
    again = retrieval(scale * (x @ turned) + 1.5, identities)
    for name in FIGURES:
        assert np.allclose(found[name], again[name], equal_nan=True)


def test_a_perfect_embedding_reaches_one_and_a_lone_character_is_skipped():
    identities = np.array(["a", "a", "b", "b", "b", "c"])
    truths = [
        {"identity": np.array(i), "series": np.array("s"), "panel": np.array(str(k))} for k, i in enumerate(identities)
    ]
    predictions = [{"embedding": np.eye(3)["abc".index(i)]} for i in identities]
    items = reid.score_items(predictions, truths)
    means = reid.aggregate(items)
    assert all(value == 1 for name, value in means.items() if name != "chance")
    assert reid.counts(items)["map@r"] == 5
    assert "1 of 6 queries" in reid.notes(items)[0]
    assert means["chance"] == pytest.approx((2 * 1 / 5 + 3 * 2 / 5) / 5)


def test_a_random_order_reaches_chance():
    r = np.random.default_rng(0)
    identities, groups, panels = r.integers(0, 6, 3000), r.integers(0, 10, 3000), r.integers(0, 900, 3000)
    found = retrieval(r.standard_normal((3000, 8)), identities, groups, panels)
    assert np.nanmean(found["p@1"]) == pytest.approx(np.nanmean(chance(identities, groups, panels)), abs=0.03)


def test_no_gallery_and_nan_are_defined():
    assert all(np.isnan(values).all() for values in retrieval(np.ones((1, 2)), np.array([0])).values())
    assert all(len(values) == 0 for values in retrieval(np.ones((0, 2)), np.array([])).values())
    truth = {"identity": np.array("a"), "series": np.array("s"), "panel": np.array("p")}
    with pytest.raises(ValueError, match="embedding of item bad is not finite"):
        reid.score_items([{"embedding": np.array([np.nan])}], [truth], ids=["bad"])
