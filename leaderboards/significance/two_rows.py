"""Two rows against each other: their paired difference, its interval and p, and all that they differ in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.believed import believed, left_out
from inkbench.leaderboards.columns.column import figure, p_text
from inkbench.leaderboards.groups import Group, environment, plain, row_of
from inkbench.leaderboards.significance.item_statistics import ItemStatistics


def versus(store: Store, first: str, second: str, metric: str | None = None) -> str:
    """Compare the rows of two runs, by the beginnings of their ids, over the seeds that both have, as text.

    Raises UsageError where one is not done, they were not measured on the same items, or one lacks the metric.
    """
    store.sweep()
    found = [store.find(prefix) for prefix in (first, second)]
    for record in found:
        if record.status != "done":
            raise UsageError(f"{record.id[:10]} is {record.status}; only finished runs can be compared")
    one, other = found
    for what, same in (("tasks", one.task == other.task), ("test data", one.data == other.data)):
        if not same:
            raise UsageError(f"Cannot compare: the two runs used different {what}")
    metric = metric or one.primary
    everything = list(store.records())
    one, other = found = [_scored_by(metric, record, everything) for record in found]
    for record in found:
        if metric not in record.metrics:
            known = list(record.metrics)
            raise UsageError(f"{record.id[:10]} has no metric '{metric}'{did_you_mean(metric, known)}")
    rows = [row_of(record, everything) for record in found]
    seeds = [record for row in rows for record in row.done]
    if len(believed(store, seeds)) < len(seeds):
        raise UsageError(f"they cannot be compared: {'; '.join(left_out(store))}")
    item_statistics = ItemStatistics(store, metric)
    pair = item_statistics.pair(*rows)
    if pair is None:
        problems = (
            "; ".join(item_statistics.problems.values()) or "they share no seed, or were not measured on the same items"
        )
        raise UsageError(f"they cannot be compared: {problems}")
    lines = [f"{metric} on {one.task} {one.protocol}, data {one.data.id}: {_counted(pair)}"]
    lines += [_told(row, metric, item_statistics) for row in rows]
    lines.append(
        f"difference: {figure(pair.difference, signed=True)} [{figure(pair.low, signed=True)}, "
        f"{figure(pair.high, signed=True)}], p {p_text(pair.p)} (two-sided sign flips over series, this pair alone)"
    )
    lines.append(f"differing settings: {', '.join(_differences(one, other)) or 'none recorded'}")
    return "\n".join(lines)


def _scored_by(metric: str, record: Record, everything: Sequence[Record]) -> Record:
    """Return the record, or one of the same predictions that has the metric where this one has not."""
    same = [other for other in everything if other.work == record.work and metric in other.metrics]
    return record if metric in record.metrics or not same else same[0]


def _told(row: Group, metric: str, item_statistics: ItemStatistics) -> str:
    interval, value = item_statistics.interval(row), row.value(metric)
    assert value is not None
    between = f" [{figure(interval[0])}, {figure(interval[1])}]" if interval else ""
    return f"{row.label()}: {figure(value)}{between}"


def _counted(pair: Any) -> str:
    return f"{pair.series} series, {pair.seeds} seed{'' if pair.seeds == 1 else 's'} of both"


def _differences(one: Record, other: Record) -> Iterator[str]:
    """Yield settings and circumstances whose values differ, as ``name (value, value)``; not two methods' own."""
    same = one.method == other.method
    sides = []
    for record in (one, other):
        told = {name: value for name, value in record.settings.owners().items() if same or name != "method"}
        sides.append({**_flat(told), **_circumstances(record)})
    for name in dict.fromkeys((*sides[0], *sides[1])):
        values = [side.get(name, "none") for side in sides]
        if values[0] != values[1] and name != "seed":
            yield f"{name} ({plain(values[0])}, {plain(values[1])})"


def _circumstances(record: Record) -> dict[str, Any]:
    pretrained_on = record.pretrain_data.id if record.pretrain_data else "none"
    given = {
        "split": record.settings.split or "none",
        "method": record.method,
        "pretrain-data": pretrained_on,
        "weights": record.weights or "none",
    }
    return {**given, "backbone": record.backbone.name if record.backbone else "none", **environment(record)}


def _flat(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{owner}.{name}": value for owner, values in settings.items() for name, value in values.items()}
