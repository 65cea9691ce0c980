"""Verification over pairs: AUROC and accuracy against scikit-learn and brute force, whose threshold is whose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from inkbench.tasks.metrics import verification

EVERYBODY = ~np.eye(9, dtype=bool)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(4, 40), seed=st.integers(0, 2**20), grid=st.booleans(), relative=st.booleans())
def test_auroc_is_scikit_learn_s_over_the_known_pairs_of_a_series(n, seed, grid, relative):
    r = np.random.default_rng(seed)
    x = r.integers(0, 3, (n, 2)).astype(float) if grid else r.standard_normal((n, 4))
    codes, places = r.integers(0, 3, n), r.integers(0, 5, n)
    differ = EVERYBODY[:3, :3] & np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=bool) if relative else EVERYBODY
    one, other = np.triu_indices(n, 1)
    known = (places[one] != places[other]) & ((codes[one] == codes[other]) | differ[codes[one], codes[other]])
    same = (codes[one] == codes[other])[known]
    found = verification.by_series(x, codes, np.zeros(n), differ, places)
    assert np.isnan(found["accuracy[pairs]"]).all(), "there is no other series to take a threshold from"
    if same.all() or not same.any():
        assert np.isnan(found["auroc[pairs]"]).all()
        return
    distances = np.round(((x[one] - x[other]) ** 2).sum(1), 9)[known]
    assert found["auroc[pairs]"] == pytest.approx(roc_auc_score(same, -distances), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**20), n=st.integers(4, 60), grid=st.booleans())
@pytest.mark.seconds
def test_the_best_threshold_has_the_best_balanced_accuracy(seed, n, grid):
    r = np.random.default_rng(seed)
    same = np.arange(n) % 3 == 0
    distances = r.random(n) + 0.3 * ~same
    distances = np.round(distances, 1) if grid else distances
    chosen = verification.best_threshold(distances, same)
    every = [distances.min() - 1, *np.unique(distances) + 1e-6]
    best = max(balanced_accuracy_score(same, distances < threshold) for threshold in every)
    assert verification.accuracy(distances, same, chosen) == pytest.approx(best)
    assert balanced_accuracy_score(same, distances < chosen) == pytest.approx(best)


def test_a_list_of_pairs_is_judged_fold_by_fold():
    r = np.random.default_rng(0)
    same, folds = np.arange(600) % 2 == 0, np.repeat(np.arange(10), 60)
    distances = r.normal(np.where(same, 1.0, 2.0), 0.5)
    expected = []
    for fold in range(10):
        rest, here = folds != fold, folds == fold
        grid = np.unique(distances[rest])
        middle = np.concatenate(([grid[0] - 1], (grid[1:] + grid[:-1]) / 2, [grid[-1] + 1]))
        best = middle[np.argmax([((distances < t) == same)[rest].mean() for t in middle])]
        expected.append(((distances < best) == same)[here].mean())
    assert verification.cross_validated(distances, same, folds) == pytest.approx(np.mean(expected))
    assert 0.8 < np.mean(expected) < 0.9


def test_a_series_is_judged_by_the_threshold_of_the_others():
    """Two series on scales of their own: what is best for one is wrong for the other."""
    codes = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    series = np.repeat(["a", "b"], 4)
    x = np.array([0.0, 1, 10, 11, 0, 100, 1000, 1100])[:, None]
    found = verification.by_series(x, codes, series, EVERYBODY)
    assert found["auroc[pairs]"].tolist() == [1] * 8
    assert found["accuracy[pairs]"].tolist() == [0.5] * 8, "a: all other pairs are nearer; b: all pairs are farther"
    alike = verification.by_series(np.tile(x[:4], (2, 1)), codes, series, EVERYBODY)
    assert alike["accuracy[pairs]"].tolist() == [1] * 8


def test_series_without_a_pair_of_either_kind_have_no_figure():
    x = np.random.default_rng(0).standard_normal((9, 3))
    series = np.repeat(["lone", "one", "whole"], [2, 3, 4])
    codes = np.array([0, 1, 2, 2, 2, 3, 3, 4, 4])
    found = verification.by_series(x, codes, series, EVERYBODY)["auroc[pairs]"]
    assert np.isnan(found[:5]).all()
    assert np.isfinite(found[5:]).all()
