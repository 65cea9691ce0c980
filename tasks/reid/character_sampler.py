"""Batches for metric learning: some series, of each some characters, of each some appearances (P x K sampling)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inkbench.benchmark.seeding import derive


class CharacterSampler:
    """The items of a step as a function of (seed, step): all different characters of a batch are known to differ.

    ``groups`` holds, for every series, the groups of its items in which all characters are known to differ; ``codes``
    (N,) the characters. A step takes ``series`` series in turn, every epoch in another order; of each one group, of
    that up to ``each`` appearances a character, characters in random order, until the series has its share of the
    batch. Where that does not fill the batch, further series do; a batch is smaller only where all are used up.
    """

    def __init__(self, groups: Sequence[Sequence[np.ndarray]], codes: np.ndarray, series: int, each: int) -> None:
        self.groups, self.codes, self.series, self.each = groups, codes, series, each

    def __call__(self, seed: int, step: int, batch: int) -> np.ndarray:
        """Return the indices of the step's items, at most ``batch``, each once."""
        rng = np.random.default_rng(derive(seed, "characters", step))
        share = -(-batch // self.series)
        chosen: list[int] = []
        for place in self._in_turn(seed, step, rng):
            chosen += self._of_series(self.groups[place], min(share, batch - len(chosen)), rng)
            if len(chosen) == batch:
                break
        return np.array(chosen, dtype=np.int64)

    def _in_turn(self, seed: int, step: int, rng: np.random.Generator) -> list[int]:
        """Return the series whose turn it is, then all others."""
        count = len(self.groups)
        turns = []
        for position in range(step * self.series, (step + 1) * self.series):
            order = np.random.default_rng(derive(seed, "series", position // count)).permutation(count)
            turns.append(int(order[position % count]))
        first = list(dict.fromkeys(turns))
        return first + [int(place) for place in rng.permutation(count) if place not in first]

    def _of_series(self, groups: Sequence[np.ndarray], most: int, rng: np.random.Generator) -> list[int]:
        items = groups[int(rng.integers(len(groups)))]
        codes = self.codes[items]
        chosen: list[int] = []
        for code in rng.permutation(np.unique(codes)):
            own = rng.permutation(items[codes == code])[: self.each]
            chosen += own[: most - len(chosen)].tolist()
        return chosen
