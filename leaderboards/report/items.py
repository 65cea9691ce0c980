"""Figures of single items, or of series where a metric is of a set: what the comparison of two runs shows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inkbench.benchmark.scorers import scorer_of
from inkbench.benchmark.store.arrays import read_arrays
from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.sealed import SealedFiles
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.groups import CONTROL
from inkbench.leaderboards.report.gather import Gathered
from inkbench.tasks.metrics.items import Items, Resampler, WeightedMean

MOST_CELLS = 40
"""Rows of a table whose first run can be compared: the first ones, in its order."""
MOST_ITEMS = 2_000
MOST_METRICS = 6
VERSION = 1


@dataclass
class Metric:
    """A metric of several runs: of ``units`` (items or series), a value each, None where one has none."""

    name: str
    direction: str
    by_series: bool
    values: dict[str, list[float | None]] = field(default_factory=dict)


@dataclass
class TestSet:
    """Runs that were measured on the very same items."""

    key: str
    title: str
    items: list[str]
    series: list[str]
    runs: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    cut_items: int = 0

    @property
    def all_series(self) -> list[str]:
        """The names of the series, sorted."""
        return sorted(set(self.series))


def test_sets(store: Store, found: Gathered) -> list[TestSet]:
    """Return the runs of all tables by what they were measured on; sets of one run are left out."""
    sets: dict[str, TestSet] = {}
    for shown in found.tables:
        rows = [row for block in shown.table.blocks for row in block.rows if row.status == "done" and row.records]
        for row in rows[:MOST_CELLS]:
            record = found.records[row.records[0]]
            _add(store, sets, record, f"{shown.table.title}, {record.protocol}, {record.preset}", row.label)
    return [one for one in sets.values() if len(one.runs) > 1]


def _add(store: Store, sets: dict[str, TestSet], record: Record, title: str, label: str) -> None:
    run = record.id
    items = _items(store, record)
    if items is None:
        return
    ids = [str(name) for name in items["id"]]
    series = [str(name) for name in items.get("series", items["id"])]
    key = key_of([record.task, record.data.fingerprint, ids])
    kept = np.unique(np.linspace(0, len(ids) - 1, min(MOST_ITEMS, len(ids))).astype(int))
    if key not in sets:
        names = ([ids[k] for k in kept], [series[k] for k in kept])
        sets[key] = TestSet(key, title, *names, cut_items=len(ids) - len(kept))
    test = sets[key]
    if run in test.runs:
        return
    backbone = record.backbone.name if record.backbone else ""
    test.runs[run] = ", ".join(part for part in (label, record.protocol, backbone, f"seed {record.seed}") if part)
    for name, entry in _values(store, record, items).items():
        metric = test.metrics.setdefault(name, Metric(name, record.metrics[name].direction, bool(entry["by_series"])))
        values = entry["values"]
        metric.values[run] = values if metric.by_series else [values[k] for k in kept]


def _items(store: Store, record: Record) -> Items | None:
    """Return the per-item arrays of a record; None where they are not the ones that it was made with."""
    if record.items is None or not store.complete(record):
        return None
    items = read_arrays(store.items_path(record.id))
    return items if "id" in items else None


def _values(store: Store, record: Record, items: Items) -> dict[str, dict[str, Any]]:
    """Return by metric, the primary one first: a value for every item, or for every series; kept under the cache."""
    scorer = scorer_of(record.task)
    told = [record.primary, *(name for name in record.metrics if name != record.primary)]
    names = [name for name in told if scorer.defines(name)]  # of a plugin that is not here its figure is shown alone
    versions = [[name, record.metrics[name].version] for name in names]
    key = key_of(["items of a report", VERSION, record.items.sha256 if record.items else "", record.task, versions])
    kept = SealedFiles(store.root / "cache" / "statistics")
    if (data := kept.read(key)) is not None:
        known: dict[str, dict[str, Any]] = json.loads(data)
        return known
    series = np.asarray(items["series"] if "series" in items else items["id"])
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        if len(found) == MOST_METRICS:
            break
        resampler = scorer.resampler(items, name)
        if isinstance(resampler, WeightedMean):
            found[name] = {"by_series": False, "values": _of_items(resampler)}
        elif name == record.primary:
            found[name] = {"by_series": True, "values": _of_series(resampler, series)}
    kept.write(key, json.dumps(found).encode())
    return found


def _of_items(mean: WeightedMean) -> list[float | None]:
    there = mean.present > 0
    values = np.divide(mean.values, mean.present, out=np.full(len(there), np.nan), where=there)
    return _plain(values)


def _of_series(resampler: Resampler, series: np.ndarray) -> list[float | None]:
    """Compute the metric of a set on each series alone, in the order of their names."""
    return _plain(np.array([resampler((series == name).astype(np.float64)) for name in np.unique(series)]))


def _plain(values: np.ndarray) -> list[float | None]:
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]


def telling(test: TestSet, found: Mapping[str, Record], most: int) -> list[str]:
    """Choose the items to draw: those where a run differs most from the control, both ways, then others.

    For a metric of a set, the first items of every series.
    """
    metric = next(iter(test.metrics.values()), None)
    if metric is None or metric.by_series:
        first = dict(zip(reversed(test.series), reversed(test.items), strict=True))
        return [first[name] for name in test.all_series][:most]
    control = next((run for run in test.runs if found[run].method == CONTROL), next(iter(test.runs)))
    others = [run for run in test.runs if run != control and found[run].backbone is not None]
    wanted: dict[str, None] = {}
    ranked = [_ranked(metric.values[run], metric.values[control]) for run in others if run in metric.values]
    for place in range(len(test.items)):
        for order in ranked:
            if place < len(order):
                wanted[test.items[order[place]]] = None
        if len(wanted) >= most or not ranked:
            break
    return list(wanted)[:most]


def _ranked(one: Sequence[float | None], other: Sequence[float | None]) -> list[int]:
    """Rank places by how much two runs differ there: the largest gain, the largest loss, and so on in turn."""
    known = [(a - b, k) for k, (a, b) in enumerate(zip(one, other, strict=True)) if a is not None and b is not None]
    up = [k for _, k in sorted(known, reverse=True)]
    return [place for both in zip(up, reversed(up), strict=True) for place in both][: len(up)]
