"""Clusters of characters: k-means that knows their number against scikit-learn, clusters that a threshold cuts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score
from test_retrieval_metrics import sample

from inkbench.tasks.metrics import assign
from inkbench.tasks.metrics.clusters import SEEDS, mutual_information


@pytest.mark.parametrize("seed", range(3))
def test_mutual_information_is_scikit_learn_s_on_equal_clusters(seed):
    x, labels = sample(seed, 60, 6, 5)
    codes = np.unique(labels, return_inverse=True)[1]
    runs = [KMeans(codes.max() + 1, n_init=10, random_state=k).fit_predict(x) for k in range(SEEDS)]
    expected = [
        np.mean([of(codes, run) for run in runs]) for of in (adjusted_mutual_info_score, normalized_mutual_info_score)
    ]
    assert mutual_information(x, codes) == pytest.approx(expected, abs=1e-12)


def test_equal_vectors_are_defined():
    """Nothing tells anybody apart: chance, and no warning."""
    assert mutual_information(np.ones((6, 3)), np.array([0, 0, 1, 1, 2, 2]))[0] == pytest.approx(0)
    assert assign.clusters(np.ones((6, 3)), 0.0).tolist() == [0] * 6
    assert assign.clusters(np.ones((1, 3)), 0.5).tolist() == [0]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**20), n=st.integers(2, 25), threshold=st.floats(0.01, 5))
def test_clusters_are_scikit_learn_s_and_numbered_by_their_first_item(seed, n, threshold):
    x = np.random.default_rng(seed).standard_normal((n, 3))
    found = assign.clusters(x, threshold)
    theirs = AgglomerativeClustering(None, linkage="average", distance_threshold=threshold).fit_predict(x)
    assert len({*zip(found, theirs, strict=True)}) == len({*found}) == len({*theirs})
    assert np.unique(found, return_index=True)[1].tolist() == sorted(np.unique(found, return_index=True)[1])
    assert sorted({*found.tolist()}) == list(range(found.max() + 1))


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**20))
@pytest.mark.seconds
def test_the_chosen_threshold_is_the_best_of_all(seed):
    r = np.random.default_rng(seed)
    codes, named = r.integers(0, 4, 40), [[str(k)] for k in r.integers(0, 6, 40)]
    x = np.eye(4)[codes] + r.uniform(0.1, 0.8) * r.standard_normal((40, 4))

    def mean_ami(threshold):
        parts = assign.sequences(named).values()
        return np.mean([adjusted_mutual_info_score(codes[rows], assign.clusters(x[rows], threshold)) for rows in parts])

    chosen = assign.choose_threshold(x, codes, named)
    assert mean_ami(chosen) >= max(map(mean_ami, np.linspace(-0.1, 4, 20))) - 1e-9


def test_thresholds_at_the_ends():
    x, named = np.array([[0.0], [1.0], [5.0], [7.0]]), [["a"]] * 4
    apart = assign.choose_threshold(x, np.arange(4), named)
    assert 0 < apart < 1, "everyone is somebody else: below the first merge"
    together = assign.choose_threshold(x, np.zeros(4, dtype=int), named)
    assert assign.clusters(x, together).tolist() == [0, 0, 0, 0]
    equal = assign.choose_threshold(np.zeros((3, 2)), np.arange(3), [["a"]] * 3)
    assert assign.clusters(np.zeros((3, 2)), equal).tolist() == [0, 1, 2]
    assert assign.choose_threshold(x, np.arange(4), [["a"], ["b"], [], []]) is None


def test_b_cubed_by_hand():
    """Clusters {a a b} and {b}: precisions 2/3, 2/3, 1/3, 1; recalls 1, 1, 1/2, 1/2."""
    precision, recall = (2 / 3 + 2 / 3 + 1 / 3 + 1) / 4, 3 / 4
    found = assign.b_cubed(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]))
    assert found == pytest.approx(2 * precision * recall / (precision + recall))
    assert assign.b_cubed(np.arange(5), np.arange(5)[::-1]) == 1
