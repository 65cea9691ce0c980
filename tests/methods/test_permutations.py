"""Permutation sets: Algorithm 1 of Noroozi & Favaro and the distances of their Table 4."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkbench.methods.jigsaw.permutations import all_permutations, permutation_set, statistics


@pytest.mark.parametrize(
    ("n", "mean", "least"), [(6, 9.0, 9), (10, 8.8, 2), (35, 8.229, 2), (100, 8.08, 2), (1000, 8.008, 2)]
)
@pytest.mark.seconds
def test_the_maximal_sets_have_the_distances_of_table_4(n, mean, least):
    found, smallest = statistics(permutation_set(n))
    assert found == pytest.approx(mean, abs=5e-4)
    assert smallest == least


@pytest.mark.parametrize(("n", "mean"), [(100, 3.998), (1000, 5.455)])
@pytest.mark.seconds
def test_the_minimal_sets_have_the_measured_distances(n, mean):
    found, smallest = statistics(permutation_set(n, "min"))
    assert found == pytest.approx(mean, abs=5e-4)
    assert smallest == 2


@pytest.mark.seconds
def test_middle_sets_lie_between_minimal_and_maximal():
    means = [statistics(permutation_set(200, generator))[0] for generator in ("min", "middle", "max")]
    assert means == sorted(means)
    assert means[1] == pytest.approx(8.0, abs=0.05)  # the median distance of two permutations of 9 is 8


@pytest.mark.parametrize(("n", "least"), [(95, 3), (85, 4), (71, 5), (35, 6), (10, 7), (7, 8), (6, 9)])
def test_the_rows_of_table_4_with_a_minimum_distance_exist(n, least):
    mean, smallest = statistics(permutation_set(n, min_distance=least))
    assert smallest >= least
    assert mean == pytest.approx(8.1, abs=0.05) if n > 35 else mean > 8.2


@settings(max_examples=15, deadline=None)
@given(
    n=st.integers(2, 12),
    generator=st.sampled_from(["max", "min", "middle"]),
    least=st.integers(2, 3),
    seed=st.integers(0, 2**31),
)
def test_a_set_is_of_different_permutations_that_keep_their_distance(n, generator, least, seed):
    chosen = permutation_set(n, generator, least, tiles=5, seed=seed)
    assert chosen.shape == (n, 5)
    assert chosen.dtype == np.uint8
    assert (np.sort(chosen, axis=1) == np.arange(5)).all()
    distances = [(a != b).sum() for a, b in itertools.combinations(chosen, 2)]
    assert min(distances) >= least
    assert statistics(chosen) == (pytest.approx(np.mean(distances)), min(distances))
    assert (chosen == permutation_set(n, generator, least, tiles=5, seed=seed)).all()


def test_each_next_permutation_is_the_farthest_on_average():
    chosen = permutation_set(8, tiles=4, seed=3)
    for k in range(1, len(chosen)):
        left = [np.array(p) for p in itertools.permutations(range(4)) if not (chosen[:k] == p).all(1).any()]
        best = max(np.mean([(p != q).sum() for q in chosen[:k]]) for p in left)
        assert np.mean([(chosen[k] != q).sum() for q in chosen[:k]]) == pytest.approx(best)


def test_the_seed_draws_the_first_and_the_identity_is_no_constant_member():
    firsts = {tuple(permutation_set(2, seed=seed)[0]) for seed in range(8)}
    assert len(firsts) == 8
    assert tuple(range(9)) not in firsts


@pytest.mark.parametrize("tiles", [1, 3, 5])
def test_all_permutations_come_in_lexicographic_order(tiles):
    assert all_permutations(tiles).tolist() == [list(p) for p in itertools.permutations(range(tiles))]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"n": 25, "tiles": 4}, "there are 24 permutations of 4 tiles, not 25"),
        ({"n": 10, "min_distance": 9}, "finds only 9 permutations"),
        ({"n": 2, "min_distance": 10}, "min_distance 10 is not in 2..9"),
        ({"n": 2, "tiles": 16}, "too many"),
    ],
)
def test_impossible_sets_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        permutation_set(**arguments)
