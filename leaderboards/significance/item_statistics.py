"""Statistics of the records' items: intervals and paired tests, each computed once and kept under results/cache."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inkbench.benchmark.scorers import scorer_of
from inkbench.benchmark.scoring import statistics
from inkbench.benchmark.store.arrays import read_arrays
from inkbench.benchmark.store.files import checksum, key_of
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.sealed import SealedFiles
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.groups import Group
from inkbench.tasks.metrics.items import Items, Resampler, concatenate


@dataclass(frozen=True, slots=True)
class Facts:
    """One record's items: how many, of how many series, a hash of who they are, the metric's replicates (B,)."""

    items: int
    series: int
    who: str
    replicates: np.ndarray


@dataclass(frozen=True, slots=True)
class Pair:
    """Row a against row b over their common seeds: a - b with its interval, the two-sided p, the number of series."""

    difference: float
    low: float
    high: float
    p: float
    flips: int
    exact: bool
    series: int
    seeds: int


class ItemStatistics:
    """Statistics of one metric over the items of a store."""

    def __init__(self, store: Store, metric: str) -> None:
        self.store, self.metric = store, metric
        self.kept = SealedFiles(store.root / "cache" / "statistics")
        self.problems: dict[str, str] = {}
        self._facts: dict[str, Facts | None] = {}
        self._loaded: dict[str, Items] = {}

    def facts(self, record: Record) -> Facts | None:
        """Return the items' arrays of a record; None where they are missing or are not those of the record."""
        run = record.id
        if run not in self._facts:
            self._facts[run] = self._find_facts(record)
        return self._facts[run]

    def interval(self, row: Group) -> tuple[float, float] | None:
        """Return the 95 % interval of a row's mean over seeds; None where items are missing."""
        facts = [self.facts(record) for record in row.done]
        present = [fact for fact in facts if fact is not None]
        if not present or len(present) < len(facts) or len({fact.who for fact in present}) > 1:
            return None
        low, high = statistics.percentiles(statistics.over_seeds(np.stack([fact.replicates for fact in present])))
        return (low, high) if np.isfinite([low, high]).all() else None

    def pair(self, a: Group, b: Group) -> Pair | None:
        """Compare row a with row b; None where they share no seed, or were not measured on the same items."""
        matched = _matched_seeds(a, b)
        facts = [(self.facts(one), self.facts(other)) for one, other in matched]
        known = [(one, other) for one, other in facts if one is not None and other is not None]
        if not known or len(known) < len(facts) or len({fact.who for both in known for fact in both}) > 1:
            return None
        test = self._test(matched)
        replicates = [statistics.over_seeds(np.stack([both[side].replicates for both in known])) for side in range(2)]
        low, high = statistics.percentiles(replicates[0] - replicates[1])
        figures = (test.difference, low, high, test.p)
        if not np.isfinite(figures).all():
            return None
        return Pair(*figures, test.flips, test.exact, known[0][0].series, len(matched))

    def _find_facts(self, record: Record) -> Facts | None:
        key = self._key("facts", [_sha(record)], record)
        if not _sha(record):
            self.problems[record.id] = "its record names no per-item file"
            return None
        if (known := self.kept.read(key)) is not None:
            told = json.loads(known)
            return Facts(told["items"], told["series"], told["who"], np.array(told["replicates"], dtype=np.float64))
        items = self._items(record)
        if items is None:
            return None
        series = _series(items)
        values = statistics.replicates(_resampler(record, items, self.metric), series)
        who = key_of([items["id"].tolist(), series.tolist()])
        facts = Facts(len(series), statistics.series_codes(series)[1], who, values)
        plain = [float(value) if np.isfinite(value) else None for value in values]
        told = {"items": facts.items, "series": facts.series, "who": who, "replicates": plain}
        self.kept.write(key, json.dumps(told).encode())
        return facts

    def _test(self, matched: Sequence[tuple[Record, Record]]) -> statistics.Test:
        """Return the paired test, computed in one direction only, so that (a, b) and (b, a) share it."""
        forward, backward = ([_sha(pair[side]) for pair in matched] for side in (0, 1))
        if backward < forward:
            test = self._test([(b, a) for a, b in matched])
            return statistics.Test(-test.difference, test.p, test.flips, test.exact)
        key = self._key("pair", [forward, backward], matched[0][0])
        if (known := self.kept.read(key)) is not None:
            return statistics.Test(**json.loads(known))
        joined = []
        for pair in matched:
            loaded = [self._items(record) for record in pair]
            if loaded[0] is None or loaded[1] is None:
                return statistics.Test(float("nan"), float("nan"), 0, False)
            joined.append(_resampler(pair[0], concatenate([loaded[0], loaded[1]]), self.metric))
            series = _series(loaded[0])
        test = statistics.paired_test(joined, series)
        if np.isfinite([test.difference, test.p]).all():
            told = {name: getattr(test, name) for name in ("difference", "p", "flips", "exact")}
            self.kept.write(key, json.dumps(told).encode())
        return test

    def _items(self, record: Record) -> Items | None:
        run = record.id
        if run not in self._loaded:
            path = self.store.items_path(run)
            if not path.is_file():
                self.problems[run] = f"its per-item file {path.name} is missing"
                return None
            if checksum(path.read_bytes()) != _sha(record):
                self.problems[run] = f"its per-item file {path.name} is not the one it was made with"
                return None
            self._loaded[run] = read_arrays(path)
        return self._loaded[run]

    def _key(self, kind: str, items: Sequence[Any], record: Record) -> str:
        version = record.metrics[self.metric].version
        return key_of([kind, list(items), record.task, self.metric, version, statistics.VERSION])


def _matched_seeds(a: Group, b: Group) -> list[tuple[Record, Record]]:
    """Return records of equal seeds; what has no backbone has no seed and meets every one."""
    if a.bare or b.bare:
        return [(x, y) for x in a.done for y in b.done] if len(a.done) == 1 or len(b.done) == 1 else []
    return [(a.seeds[seed], b.seeds[seed]) for seed in sorted(a.seeds.keys() & b.seeds.keys())]


def _resampler(record: Record, items: Items, metric: str) -> Resampler:
    return scorer_of(record.task).resampler(items, metric)


def _series(items: Items) -> np.ndarray:
    """Return the series of each item; where a dataset has none, each item is its own."""
    return np.asarray(items["series"] if "series" in items else items["id"])


def _sha(record: Record) -> str:
    return record.items.sha256 if record.items else ""
