"""Clusters and pairs of characters: against scikit-learn, over series, macro means, and what has no figure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score, roc_auc_score
from test_retrieval_metrics import sample

from tasks.metrics import reid
from tasks.metrics.clusters import by_series, mutual_information, verification


def items_of(x, identities, series):
    truths = [
        {"identity": np.array(f"{s}/{i}"), "series": np.array(str(s)), "panel": np.array(str(k))}
        for k, (i, s) in enumerate(zip(identities, series, strict=True))
    ]
    return reid.score_items([{"embedding": row} for row in x], truths)


@pytest.mark.parametrize("seed", range(4))
def test_mutual_information_is_scikit_learn_s_on_equal_clusters(seed):
    x, labels = sample(seed, 60, 6, 5)
    codes = np.unique(labels, return_inverse=True)[1]
    clusters = KMeans(codes.max() + 1, n_init=10, random_state=0).fit_predict(x)
    expected = adjusted_mutual_info_score(codes, clusters), normalized_mutual_info_score(codes, clusters)
    assert mutual_information(x, codes) == pytest.approx(expected, abs=1e-12)
    names = np.array(["one", "two", "three", "four", "five"])[codes]
    assert by_series(x, names, np.zeros(60))["ami"][0] == pytest.approx(expected[0], abs=0.2)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(4, 40), seed=st.integers(0, 2**20), grid=st.booleans())
def test_verification_is_scikit_learn_s_auroc_over_pairs(n, seed, grid):
    r = np.random.default_rng(seed)
    x = r.integers(0, 3, (n, 2)).astype(float) if grid else r.standard_normal((n, 4))
    codes = r.integers(0, 3, n)
    one, other = np.triu_indices(n, 1)
    same = codes[one] == codes[other]
    if same.all() or not same.any():
        assert np.isnan(verification(x, codes))
        return
    distances = np.round(((x[one] - x[other]) ** 2).sum(1), 9)
    assert verification(x, codes) == pytest.approx(roc_auc_score(same, -distances), abs=1e-9)


def test_figures_of_series_are_means_over_series_whatever_their_size():
    x, labels = sample(3, 90, 4, 6)
    series = np.repeat([0, 1, 2], [60, 20, 10])
    items = items_of(x, labels, series)
    means = reid.aggregate(items)
    for name in ("ami", "nmi", "auroc[pairs]"):
        each = [items[name][series == s][0] for s in range(3)]
        assert means[name] == pytest.approx(np.mean(each))
        assert reid.counts(items)[name] == 90
    twice = np.where(series == 1, 2.0, 1.0)
    expected = np.average([items["ami"][series == s][0] for s in range(3)], weights=[1, 2, 1])
    assert reid.resampler(items, "ami")(twice) == pytest.approx(expected)


def test_macro_counts_every_character_once():
    """The constant of the reference, and the definition where a character is seen once."""
    x, labels = sample(0, 24, 4, 5)
    items = items_of(x, labels, np.zeros(24, dtype=int))
    assert reid.aggregate(items)["map@r[macro]"] == pytest.approx(0.2341111111, abs=1e-9)
    lone = items_of(np.vstack([x, np.zeros(4)]), [*labels, 99], np.zeros(25, dtype=int))
    each = [np.nanmean(lone["map@r"][:24][labels == k]) for k in range(5)]
    assert reid.aggregate(lone)["map@r[macro]"] == pytest.approx(np.mean(each))


def test_small_series_and_single_characters_have_no_figure():
    x = np.random.default_rng(0).standard_normal((14, 3))
    series = np.repeat(["few", "one", "whole"], [4, 5, 5])
    identities = np.array([*"aabb", *"aaaaa", *"aabbb"])
    found = by_series(x, identities, series)
    for values in found.values():
        assert np.isnan(values[:9]).all()
        assert np.isfinite(values[9:]).all()
    alone = reid.aggregate(items_of(x[:4], identities[:4], series[:4]))
    assert {"ami", "nmi", "auroc[pairs]"}.isdisjoint(alone)
    assert "map@r" in alone


def test_equal_vectors_are_defined():
    """Nothing tells anybody apart: chance, and no warning."""
    identities = np.array([*"aabbcc"])
    found = by_series(np.ones((6, 3)), identities, np.zeros(6))
    assert found["auroc[pairs]"].tolist() == [0.5] * 6
    assert found["ami"].tolist() == pytest.approx([0] * 6)
