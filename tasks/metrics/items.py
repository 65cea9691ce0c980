"""Items: what an aggregate needs, so that resampling reuses it and opens no model.

Items are a dictionary of arrays. An array whose name has no dot has one entry per item along its first axis.
Arrays named ``group.field`` are ragged: ``group.item`` says which item each of the group's rows belongs to.

What makes and reads them is a ``Scorer``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Items = Mapping[str, np.ndarray]
Resampler = Callable[[np.ndarray], float]


def count(items: Items) -> int:
    """Count the items."""
    return next(len(values) for name, values in items.items() if "." not in name)


def concatenate(parts: Sequence[Items]) -> dict[str, np.ndarray]:
    """Concatenate the arrays that items of several sets share; the rows of ragged groups follow their items."""
    starts = np.cumsum([0, *(count(part) for part in parts)])
    joined = {}
    for name in parts[0]:
        if not all(name in part for part in parts):
            continue  # a figure that one of them has not (of samples that a row does not draw)
        shifted = [
            part[name] + start if name.endswith(".item") else part[name]
            for part, start in zip(parts, starts, strict=False)
        ]
        joined[name] = np.concatenate(shifted)
    return joined


def take(items: Items, index: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
    """Return the items at the places ``index`` (k,), each once, with the rows of ragged groups that are theirs."""
    chosen = np.asarray(index, dtype=np.int64)
    place = np.full(count(items), -1)
    place[chosen] = np.arange(len(chosen))
    rows = {name.partition(".")[0]: place[items[name]] for name in items if name.endswith(".item")}
    taken = {}
    for name, values in items.items():
        of = rows.get(name.partition(".")[0]) if "." in name else None
        kept = chosen if of is None else np.flatnonzero(of >= 0)
        taken[name] = of[kept] if of is not None and name.endswith(".item") else values[kept]
    return taken


@dataclass(frozen=True, slots=True)
class WeightedMean:
    """The resampler of a mean over the items that have a value; statistics do many weights of it at once.

    ``values`` (N,) hold 0 where ``present`` (N,), 1.0 or 0.0, says that an item has none.
    """

    values: np.ndarray
    present: np.ndarray

    def __call__(self, weights: np.ndarray) -> float:
        """Return the mean under ``weights`` (N,); NaN where they leave no item that has a value."""
        total = float(self.present @ weights)
        return float(self.values @ weights) / total if total > 0 else float("nan")


def mean_resampler(items: Items, metric: str) -> Resampler:
    """Return the resampler of a metric that is the mean of ``items[metric]`` over all items."""
    values = np.asarray(items[metric], dtype=np.float64)
    return WeightedMean(values, np.ones_like(values))
