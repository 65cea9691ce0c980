"""Resampling, paired tests and corrections against scipy, statsmodels and planted truths."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from inkbench.benchmark.scoring import statistics
from inkbench.tasks.metrics.items import WeightedMean, concatenate, mean_resampler


def mean_items(values):
    return {"score": np.asarray(values, dtype=np.float64)}


def joined(a, b):
    return [mean_resampler(concatenate([mean_items(a), mean_items(b)]), "score")]


def median_resampler(values):
    """A metric of a set that no per-item mean gives: the weighted median."""
    order = np.argsort(values)
    ranked = values[order]

    def median(weights):
        return float(ranked[np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])

    return median


def series_of(count, each):
    return np.repeat([f"s{k:02d}" for k in range(count)], each)


@pytest.mark.parametrize("total", [2, 3, 8, 12])
def test_exact_p_equals_scipy(total):
    """With one item a series, the test is scipy's paired permutation test of the mean."""
    generator = np.random.default_rng(total)
    a, b = generator.normal(0.4, 1, total), generator.normal(0, 1, total)
    ours = statistics.paired_test(joined(a, b), np.arange(total))
    theirs = scipy.stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    )
    assert ours.exact
    assert ours.flips == 2**total
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-12)
    assert ours.difference == pytest.approx(theirs.statistic, rel=1e-12)


def test_unequal_series_weigh_by_their_items():
    """Flipping a series flips all its items: scipy on the series' sums."""
    generator = np.random.default_rng(1)
    series = np.repeat(np.arange(7), [1, 9, 4, 30, 2, 5, 13])
    a, b = generator.normal(0.3, 1, len(series)), generator.normal(0, 1, len(series))
    sums = np.bincount(series, a - b)
    theirs = scipy.stats.permutation_test(
        (sums,),
        np.sum,
        permutation_type="samples",
        n_resamples=np.inf,
    )
    assert statistics.paired_test(joined(a, b), series).p == pytest.approx(theirs.pvalue, rel=1e-12)


def test_drawn_p_is_near_the_exact_one(monkeypatch):
    generator = np.random.default_rng(2)
    series = series_of(12, 10)
    a = generator.normal(0, 1, 120)
    b = a + np.repeat(generator.normal(0.25, 0.6, 12), 10)
    exact = statistics.paired_test(joined(a, b), series)
    monkeypatch.setattr(statistics, "EXACT_SERIES", 4)
    drawn = statistics.paired_test(joined(a, b), series)
    assert not drawn.exact
    assert drawn.flips == statistics.FLIPS_MEAN
    assert 0.001 < exact.p < 0.999
    error = 5 * np.sqrt(exact.p * (1 - exact.p) / drawn.flips)
    assert abs(drawn.p - exact.p) < error


@pytest.mark.parametrize("total", [7, 13])
def test_set_metrics_and_means_agree(total):
    """The slow path, given a mean it does not know to be one, finds the p of the fast one."""
    generator = np.random.default_rng(total)
    series = series_of(total, 6)
    a = generator.normal(0, 1, len(series))
    b = a + np.repeat(generator.normal(0.2, 0.5, total), 6)
    fast = joined(a, b)
    slow = [lambda weights: fast[0](weights)]
    expected, found = statistics.paired_test(fast, series), statistics.paired_test(slow, series)
    assert found.difference == pytest.approx(expected.difference)
    if total == 7:
        assert (found.p, found.exact) == (expected.p, True)
    else:
        assert abs(found.p - expected.p) < 5 * np.sqrt(expected.p / found.flips)
    assert statistics.replicates(slow[0], np.tile(series, 2), 40) == pytest.approx(
        statistics.replicates(fast[0], np.tile(series, 2), 40)
    )


@pytest.mark.seconds
def test_stopped_draws_keep_the_false_positive_rate():
    """Besag & Clifford: under no difference P(p <= alpha) is at most alpha, though drawing ends early."""
    generator = np.random.default_rng(3)
    series = np.arange(14)
    p = []
    for _ in range(150):
        a, b = generator.normal(0, 1, (2, 14))
        both = np.concatenate([a, b])
        p.append(statistics.paired_test([median_resampler(both)], series).p)
    assert np.mean(np.array(p) <= 0.1) <= 0.1 + 3 * np.sqrt(0.09 / 150)
    assert min(p) < 0.5 < max(p)


def test_a_planted_difference_of_a_set_metric_is_found():
    generator = np.random.default_rng(4)
    series = series_of(16, 8)
    a = generator.normal(0, 1, len(series))
    test = statistics.paired_test([median_resampler(np.concatenate([a + 1, a]))], series)
    assert test.difference == pytest.approx(1)
    assert test.p <= 0.01


def test_equal_methods_have_p_one():
    values = np.random.default_rng(5).normal(size=40)
    test = statistics.paired_test(joined(values, values), series_of(8, 5))
    assert (test.difference, test.p) == (0.0, 1.0)


def test_swapping_the_methods_changes_the_sign_only():
    generator = np.random.default_rng(6)
    a, b = generator.normal(size=(2, 60))
    one, other = (statistics.paired_test(joined(*pair), series_of(20, 3)) for pair in ((a, b), (b, a)))
    assert one.difference == pytest.approx(-other.difference)
    assert one.p == other.p


def clustered(generator, series, methods=2):
    """Scores of equal methods whose difference has a part that the items of a series share."""
    codes, total = statistics.series_codes(series)
    return generator.normal(size=(methods, total))[:, codes] * 0.7 + generator.normal(size=(methods, len(series)))


@pytest.mark.seconds
def test_false_positives_of_clustered_items():
    """Two equal methods: the test over series keeps its level, a test over items does not."""
    generator = np.random.default_rng(7)
    series = series_of(8, 24)
    trials, alpha = 600, 0.05
    over_series, over_items = [], []
    for _ in range(trials):
        a, b = clustered(generator, series)
        over_series.append(statistics.paired_test(joined(a, b), series).p)
        over_items.append(scipy.stats.ttest_rel(a, b).pvalue)
    assert np.mean(np.array(over_series) < alpha) < alpha + 3 * np.sqrt(alpha * (1 - alpha) / trials)
    assert np.mean(np.array(over_items) < alpha) > 0.3


@pytest.mark.parametrize("each", [1, 5], ids=["items", "clustered"])
@pytest.mark.parametrize("count", [10, 25, 100])
@pytest.mark.seconds
def test_false_positives_of_identical_methods(count, each, monkeypatch):
    """Two methods that draw their figures alike are called different no more often than alpha allows."""
    monkeypatch.setattr(statistics, "FLIPS_MEAN", 999)  # the level holds for any number of flips
    generator = np.random.default_rng([count, each])
    series, trials, alpha = series_of(count // each, each), 600, 0.05
    p = [statistics.paired_test(joined(*clustered(generator, series)), series).p for _ in range(trials)]
    assert np.mean(np.array(p) < alpha) < alpha + 3 * np.sqrt(alpha * (1 - alpha) / trials)


def test_a_planted_difference_is_found():
    generator = np.random.default_rng(8)
    series = series_of(16, 24)
    found = 0
    for _ in range(40):
        a, b = clustered(generator, series)
        found += statistics.paired_test(joined(a + 1.2, b), series).p < 0.05
    assert found >= 36


def test_seeds_are_averaged_pair_by_pair():
    generator = np.random.default_rng(9)
    series = series_of(9, 4)
    a, b = generator.normal(0.2, 1, (2, 3, len(series)))
    tests = [mean_resampler(concatenate([mean_items(x), mean_items(y)]), "score") for x, y in zip(a, b, strict=True)]
    together = statistics.paired_test(tests, series)
    averaged = statistics.paired_test(joined(a.mean(0), b.mean(0)), series)
    assert together.difference == pytest.approx(averaged.difference)
    assert together.p == averaged.p


def test_items_without_a_value_do_not_count():
    values = np.array([1.0, 0.0, 3.0, 2.0, 0.0, 1.0])
    present = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    test = statistics.paired_test([WeightedMean(values, present)], np.arange(3))
    assert test.difference == pytest.approx(2.0 - 1.5)


def test_one_series_allows_no_verdict():
    generator = np.random.default_rng(10)
    a = generator.normal(2, 1, 50)
    test = statistics.paired_test(joined(a + 5, a), np.zeros(50, dtype=int))
    assert test.p == 1.0
    assert statistics.few_series(1, 1)
    low, high = statistics.interval([mean_resampler(mean_items(a), "score")], np.zeros(50, dtype=int))
    assert low < a.mean() < high


def test_few_series():
    """Five series leave 2/32 at best, six 2/64; every further row asks for more."""
    assert statistics.few_series(1, 5)
    assert not statistics.few_series(1, 6)
    assert statistics.few_series(2, 6)
    assert not statistics.few_series(1000, 16)
    assert not statistics.few_series(1, 5000)


def test_interval_equals_scipy_where_each_item_is_its_own_series():
    values = np.random.default_rng(11).gamma(2, 1, 200)
    low, high = statistics.interval([mean_resampler(mean_items(values), "score")], np.arange(200), count=4000)
    theirs = scipy.stats.bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=0)
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.06 * width)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.06 * width)


@pytest.mark.seconds
def test_interval_of_clustered_items_covers_the_truth():
    """0 is in about 95 % of the intervals over series; an interval over items holds it far less often."""
    generator = np.random.default_rng(12)
    series = series_of(12, 10)
    inside = naive = 0
    for _ in range(150):
        (scores,) = clustered(generator, series, methods=1)
        resampler = mean_resampler(mean_items(scores), "score")
        low, high = statistics.interval([resampler], series, count=400)
        inside += low <= 0 <= high
        low, high = statistics.interval([resampler], np.arange(len(series)), count=400)
        naive += low <= 0 <= high
    assert inside >= 150 * 0.95 - 3 * np.sqrt(150 * 0.95 * 0.05) - 3
    assert naive < 150 * 0.75


def test_resamples_keep_their_size_and_repeat():
    series = np.repeat(["x", "y", "z"], [3, 1, 2])
    chunks = list(statistics.draw_weights(series, 600, seed=4))
    weights = np.concatenate(chunks)
    assert weights.shape == (600, 6)
    assert np.all(weights == np.round(weights))
    drawn = weights[:, 3]
    assert set(np.unique(drawn)) <= {0, 1, 2, 3}
    assert np.all(weights[:, :3].sum(axis=1) % 3 == 0)
    assert np.array_equal(weights, np.concatenate(list(statistics.draw_weights(series, 600, seed=4))))
    assert not np.array_equal(weights, np.concatenate(list(statistics.draw_weights(series, 600, seed=5))))


def test_seeds_widen_the_interval_and_one_seed_does_not():
    values = np.random.default_rng(13).normal(0, 0.1, 300)
    series = series_of(30, 10)
    one = mean_resampler(mean_items(values), "score")
    far = mean_resampler(mean_items(values + 1), "score")
    narrow = statistics.interval([one], series)
    same = statistics.interval([one, one, one], series)
    wide = statistics.interval([one, far], series)
    assert same == pytest.approx(narrow)
    assert wide[0] < 0.1
    assert wide[1] > 0.9


def test_undefined_replicates_are_left_out():
    present = np.array([1.0, 0.0, 0.0])
    replicates = statistics.replicates(WeightedMean(np.array([0.5, 0.0, 0.0]), present), np.arange(3), 200)
    assert np.isnan(replicates).any()
    assert statistics.percentiles(replicates) == (0.5, 0.5)
    assert np.isnan(statistics.percentiles(np.full(3, np.nan))).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
@pytest.mark.seconds
def test_holm_equals_statsmodels(p):
    assert statistics.holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-15)


def test_what_is_not_distinguishable_from_the_best():
    assert statistics.not_distinguishable([0.001, 0.03, 0.2]).tolist() == [False, True, True]
    assert statistics.not_distinguishable([]).tolist() == []
