"""Resampling and paired tests where items of one series are not independent: seeds, series, items.

Everything works through a scorer's ``resampler(items, metric)``: a function of item multiplicities. So metrics of
a set (AP, AMI, FID) are treated exactly as means are. What the rules are and why: ``docs/statistics.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inkbench.benchmark.seeding import derive
from inkbench.tasks.metrics.items import Resampler, WeightedMean

VERSION = 1
"""Raised when a figure of this file would come out differently; cached figures of another version are not used."""
ALPHA = 0.05
RESAMPLES = 1_000
EXACT_SERIES = 16
"""Means: all 2^S sign flips up to so many series."""
FLIPS_MEAN = 9_999
FLIPS_SET = 999
"""Metrics of a set are recomputed at every flip, so fewer are drawn (all of them where 2^S / 2 is no more)."""
EXCEEDANCES = 20
"""Drawing ends here for metrics of a set: the p-value of Besag & Clifford (1991) stays valid when stopped so."""
CHUNK = 250


@dataclass(frozen=True, slots=True)
class Test:
    """A paired test of ``a - b``: its two-sided p, over how many flips, and whether those were all there are."""

    difference: float
    p: float
    flips: int
    exact: bool


def series_codes(series: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the series of each item (N,) as numbers 0 to S-1 in order of their names, and S."""
    names, codes = np.unique(np.asarray(series), return_inverse=True)
    return codes, len(names)


def draw_weights(series: np.ndarray, count: int = RESAMPLES, seed: int = 0) -> Iterator[np.ndarray]:
    """Draw ``count`` resamples as item multiplicities, in chunks (c, N): series, then items, with replacement.

    A series drawn k times has its items drawn k times over. With one series only its items are resampled. Equal
    items give equal draws, whatever their scores, so that replicates of two methods are paired.
    """
    codes, total = series_codes(series)
    members = [np.flatnonzero(codes == code) for code in range(total)]
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        generator = np.random.default_rng(derive(seed, "resample", start))
        drawn = generator.multinomial(total, np.full(total, 1 / total), size=size)
        weights = np.zeros((size, len(codes)))
        for code, places in enumerate(members):
            within = len(places)
            times = drawn[:, code]
            if within == 1:
                weights[:, places[0]] = times
            else:
                weights[:, places] = generator.multinomial(times * within, np.full(within, 1 / within))
        yield weights


def replicates(resampler: Resampler, series: np.ndarray, count: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Compute the metric on ``count`` resamples of series and items, (count,); NaN where it is undefined."""
    return np.concatenate([_evaluate(resampler, weights) for weights in draw_weights(series, count, seed)])


def over_seeds(per_seed: np.ndarray, seed: int = 0) -> np.ndarray:
    """Average replicates (B,) over seeds, from those of each seed (K, B) on the same series and items.

    Seeds are resampled with replacement; the drawn ones share their series and items, which is what they do in
    truth. With K = 1 nothing is resampled over seeds: the figure speaks of these weights only.
    """
    kinds, count = per_seed.shape
    if kinds == 1:
        only: np.ndarray = per_seed[0]
        return only
    generator = np.random.default_rng(derive(seed, "resample seeds", kinds))
    drawn = generator.multinomial(kinds, np.full(kinds, 1 / kinds), size=count).T
    means: np.ndarray = (per_seed * drawn).sum(axis=0) / kinds
    return means


def percentiles(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Compute the percentile interval of replicates (B,), those that are undefined left out; NaN where all are."""
    defined = values[np.isfinite(values)]
    if not defined.size:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def interval(
    resamplers: Sequence[Resampler], series: np.ndarray, count: int = RESAMPLES, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Compute the percentile interval of a metric's mean over seeds; ``resamplers`` has one per seed, on equal items.

    ``series`` (N,) names the series of each item. Source: Davison & Hinkley (1997), section 3.8, both levels with
    replacement, which errs on the wide side.
    """
    per_seed = np.stack([replicates(resampler, series, count, seed) for resampler in resamplers])
    return percentiles(over_seeds(per_seed, seed), level)


def paired_test(joined: Sequence[Resampler], series: np.ndarray, seed: int = 0) -> Test:
    """Test the difference of two methods by sign-flip permutation over series, two-sided.

    ``joined`` holds, per seed, the resampler over the items of method a followed by those of b (``concatenate``);
    ``series`` (N,) the series of the N items of one method, in the same order for both. A flip swaps the two
    methods' predictions of whole series, in all seeds at once, and recomputes both metrics. All flips where they
    are few, else drawn ones with the observed counted among them: p = (1 + exceedances) / (1 + flips).
    """
    codes, total = series_codes(series)
    slow = not all(isinstance(resampler, WeightedMean) for resampler in joined)
    difference = _swapped_differences(joined, codes, total)
    observed = float(difference(np.zeros((1, total), dtype=bool))[0])
    bar = abs(observed) - 1e-12 * max(1.0, abs(observed))
    if (2 ** (total - 1) <= FLIPS_SET) if slow else (total <= EXACT_SERIES):
        return _exact_test(difference, total, observed, bar)
    return _drawn_test(difference, total, observed, bar, slow, seed)


def _exact_test(difference: Callable[[np.ndarray], np.ndarray], total: int, observed: float, bar: float) -> Test:
    """Test with all flips: half of the 2^S are enough, since swapping the other series gives the same |difference|."""
    half = 2 ** (total - 1)
    numbers = np.arange(half)[:, None]
    exceeding = 0
    for start in range(0, half, 4096):
        flips = (numbers[start : start + 4096] >> np.arange(total)) & 1
        exceeding += _exceeding(difference(flips.astype(bool)), bar)
    return Test(observed, exceeding / half, 2 * half, True)


def _drawn_test(
    difference: Callable[[np.ndarray], np.ndarray], total: int, observed: float, bar: float, slow: bool, seed: int
) -> Test:
    generator = np.random.default_rng(derive(seed, "flips", total))
    most, step = (FLIPS_SET, 1) if slow else (FLIPS_MEAN, CHUNK)
    done = exceeding = 0
    while done < most:
        flips = generator.random((min(step, most - done), total)) < 0.5
        done += len(flips)
        exceeding += _exceeding(difference(flips), bar)
        if slow and exceeding == EXCEEDANCES:
            return Test(observed, exceeding / done, done, False)
    return Test(observed, (1 + exceeding) / (1 + done), done, False)


def _exceeding(differences: np.ndarray, bar: float) -> int:
    """Count the flips as far from zero as the observation; an undefined one counts, which errs on the safe side."""
    return int((~(np.abs(differences) < bar)).sum())


def _swapped_differences(
    joined: Sequence[Resampler], codes: np.ndarray, total: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of flips (F, S) bool to a - b after the swap, mean over seeds, (F,)."""
    parts = [
        _mean_differences(resampler, codes, total)
        if isinstance(resampler, WeightedMean)
        else _set_differences(resampler, codes)
        for resampler in joined
    ]
    return lambda flips: np.mean([part(flips) for part in parts], axis=0)


def _mean_differences(mean: WeightedMean, codes: np.ndarray, total: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return such a function for a mean: sums per series are enough, whatever the number of items."""
    size = len(codes)
    value_a, value_b = (np.bincount(codes, part, total) for part in (mean.values[:size], mean.values[size:]))
    count_a, count_b = (np.bincount(codes, part, total) for part in (mean.present[:size], mean.present[size:]))

    def difference(flips: np.ndarray) -> np.ndarray:
        swap = flips.astype(np.float64)
        keep = 1 - swap
        a = _ratio(keep @ value_a + swap @ value_b, keep @ count_a + swap @ count_b)
        differences: np.ndarray = a - _ratio(swap @ value_a + keep @ value_b, swap @ count_a + keep @ count_b)
        return differences

    return difference


def _set_differences(resampler: Resampler, codes: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    def difference(flips: np.ndarray) -> np.ndarray:
        swaps = flips[:, codes].astype(np.float64)
        return np.array(
            [
                resampler(np.concatenate([1 - swap, swap])) - resampler(np.concatenate([swap, 1 - swap]))
                for swap in swaps
            ]
        )

    return difference


def _evaluate(resampler: Resampler, weights: np.ndarray) -> np.ndarray:
    """Evaluate a resampler on many weights (B, N) -> (B,)."""
    if not isinstance(resampler, WeightedMean):
        return np.array([resampler(row) for row in weights])
    return _ratio(weights @ resampler.values, weights @ resampler.present)


def _ratio(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    ratios: np.ndarray = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return ratios


def holm(p: Sequence[float]) -> np.ndarray:
    """Adjust p-values for their number by Holm (1979), in the order given."""
    raw = np.asarray(p, dtype=np.float64)
    order = np.argsort(raw, kind="stable")
    stepped = raw[order] * np.arange(len(raw), 0, -1)
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def few_series(tests: int, series: int, alpha: float = ALPHA) -> bool:
    """Return whether no mark is possible: ``series`` flips' smallest p, times the number of tests, exceeds alpha."""
    return tests * 2.0 ** (1 - min(series, 1000)) > alpha


def not_distinguishable(p_to_best: Sequence[float], alpha: float = ALPHA) -> np.ndarray:
    """Return which of the rows tested against the best are not distinguishable from it, by Holm over those tests."""
    return holm(p_to_best) >= alpha
