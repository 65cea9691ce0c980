"""Retrieval against the reference's constants, pytorch-metric-learning, and its own definition by brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkbench.tasks.metrics.retrieval import CHANCE, FIGURES, expected, first_against_rest, retrieval


def sample(seed, n, d, k):
    r = np.random.default_rng(seed)
    labels = r.integers(0, k, n)
    centres = r.standard_normal((k, d))
    return centres[labels] + r.standard_normal((n, d)), labels


@pytest.mark.parametrize(
    ("args", "reference"),
    [
        ((0, 24, 4, 5), (0.2486574074074, 0.5, 0.3340277777778, 0.4431240372, 0.6375)),
        ((1, 60, 16, 7), (0.5569007638, 0.7796610169, 0.6433145009, 0.7179961825, 0.8724778048)),
    ],
)
def test_the_reference_values(args, reference):
    x, labels = sample(*args)
    found = retrieval(x, labels)
    assert [np.nanmean(found[name]) for name in FIGURES] == pytest.approx(reference, abs=1e-9)


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


def ranked(x, identities, query, gallery):
    """The figures of one query by their definitions, gallery members in the order of distance and place."""
    order = sorted(gallery, key=lambda k: (((x[k] - x[query]) ** 2).sum(), k))
    right = [identities[k] == identities[query] for k in order]
    total = sum(right)
    if not total:
        return dict.fromkeys((*FIGURES, CHANCE), np.nan)
    precision = [sum(right[: i + 1]) / (i + 1) for i in range(len(right))]
    return {
        "map@r": sum(precision[i] * right[i] for i in range(total)) / total,
        "p@1": float(right[0]),
        "r-precision": sum(right[:total]) / total,
        "map": sum(p for p, r in zip(precision, right, strict=True) if r) / total,
        "mrr": 1 / (right.index(True) + 1),
        "chance": total / len(right),
    }


def agree(found, query, defined):
    for name, value in defined.items():
        assert found[name][query] == pytest.approx(value, abs=1e-12, nan_ok=True), name


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 30), excluded=st.booleans(), relative=st.booleans())
def test_equal_to_the_definition_with_groups_exclusion_and_strangers(seed, n, excluded, relative):
    r = np.random.default_rng(seed)
    x, identities, groups, places = r.standard_normal((n, 3)), *r.integers(0, 4, (3, n))
    known = np.unique(identities)
    differ = r.random((len(known), len(known))) < 0.6
    differ = (differ & differ.T & ~np.eye(len(known), dtype=bool)) if relative else None
    found = retrieval(x, identities, groups, places if excluded else None, differ)
    code = np.searchsorted(known, identities)
    for query in range(n):
        gallery = [
            k
            for k in range(n)
            if k != query
            and groups[k] == groups[query]
            and not (excluded and places[k] == places[query])
            and (differ is None or code[k] == code[query] or differ[code[k], code[query]])
        ]
        agree(found, query, ranked(x, identities, query, gallery))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 30), excluded=st.booleans())
def test_first_against_rest_is_its_definition(seed, n, excluded):
    r = np.random.default_rng(seed)
    x, identities, places = r.standard_normal((n, 3)), *r.integers(0, 6, (2, n))
    kept = np.flatnonzero(r.random(n) < 0.8)
    found = first_against_rest(x, identities, kept, places if excluded else None)
    alike = {int(k): [j for j in kept if identities[j] == identities[k]] for k in kept}
    queries = {k for k, same in alike.items() if len(same) > 1 and k == same[0]}
    for query in range(n):
        gallery = [k for k in kept if k not in queries and not (excluded and places[k] == places[query])]
        if query in queries:
            agree(found, query, ranked(x, identities, query, gallery))
        else:
            assert np.isnan(found["p@1"][query])


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


def over_all_orders(distances, right):
    """The mean of every figure over all orders of equally near answers, each order written out."""
    groups = [[k for k, far in enumerate(distances) if far == value] for value in sorted(set(distances))]
    orders = [sum(order, ()) for order in itertools.product(*(itertools.permutations(group) for group in groups))]
    sums = dict.fromkeys(FIGURES, 0.0)
    for order in orders:
        hits = [right[k] for k in order]
        total = sum(hits)
        precision = [sum(hits[: i + 1]) / (i + 1) for i in range(len(hits))]
        sums["map@r"] += sum(precision[i] * hits[i] for i in range(total)) / total
        sums["p@1"] += hits[0]
        sums["r-precision"] += sum(hits[:total]) / total
        sums["map"] += sum(p * hit for p, hit in zip(precision, hits, strict=True)) / total
        sums["mrr"] += 1 / (hits.index(True) + 1)
    return {name: value / len(orders) for name, value in sums.items()}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6))
def test_ties_give_the_mean_over_all_their_orders(answers):
    answers = sorted(answers, key=lambda answer: answer[0])
    distances, right = ([answer[k] for answer in answers] for k in (0, 1))
    if not any(right):
        return
    brute = over_all_orders(distances, right)
    for name, value in expected(np.array(right), np.array(distances, float)).items():
        assert value == pytest.approx(brute[name], abs=1e-12), name
    x = np.array([[0.0], *([float(far + 1)] for far in distances)])
    identities = np.array([0, *(0 if hit else k for k, hit in enumerate(right, 1))])
    found = retrieval(x, identities)
    for name in FIGURES:
        assert found[name][0] == pytest.approx(brute[name], abs=1e-12), name


@pytest.mark.parametrize("names", ["AAAAAAAAAABB", "BBAAAAAAAAAA", "ABAAAAABAAAA"])
def test_a_collapsed_network_is_at_chance_whatever_the_order_of_the_items(names):
    """Ten of A, two of B, all alike: p@1 = (10 * 9 / 11 + 2 * 1 / 11) / 12."""
    found = retrieval(np.ones((12, 8)), np.array(list(names)))
    assert np.mean(found["p@1"]) == pytest.approx(92 / 132)
    assert np.mean(found["p@1"]) == pytest.approx(np.mean(found[CHANCE]))
    for name in FIGURES:
        by_name = {who: set(np.round(found[name][np.array(list(names)) == who], 12)) for who in "AB"}
        assert all(len(values) == 1 for values in by_name.values()), name
    for vector in (np.full(7, 0.1), np.random.default_rng(0).standard_normal(300)):
        same = retrieval(np.tile(vector, (12, 1)), np.array(list(names)))
        assert all(np.allclose(same[name], found[name]) for name in FIGURES)


@pytest.mark.parametrize("small", [3e-7, 1e-5, 1.0])
@pytest.mark.parametrize("common", [0.0, 1.0, 1e4])
def test_a_large_common_part_does_not_hide_small_differences(small, common):
    if common / small > 1e9:
        small = 1e-3  # float64 itself has no digits for less
    x, labels = sample(5, 40, 6, 4)
    plain, moved = retrieval(x, labels), retrieval(common + small * x, labels)
    for name in FIGURES:
        assert np.allclose(plain[name], moved[name], equal_nan=True), name


def test_a_random_order_reaches_chance():
    r = np.random.default_rng(0)
    identities, groups, places = r.integers(0, 6, 3000), r.integers(0, 10, 3000), r.integers(0, 900, 3000)
    found = retrieval(r.standard_normal((3000, 8)), identities, groups, places)
    assert np.nanmean(found["p@1"]) == pytest.approx(np.nanmean(found[CHANCE]), abs=0.03)


def test_no_gallery_is_defined():
    assert all(np.isnan(values).all() for values in retrieval(np.ones((1, 2)), np.array([0])).values())
    assert all(len(values) == 0 for values in retrieval(np.ones((0, 2)), np.array([])).values())
    alone = first_against_rest(np.ones((2, 2)), np.array([0, 1]), np.arange(2))
    assert all(np.isnan(values).all() for values in alone.values())
