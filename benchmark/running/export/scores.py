"""The figures of exported weights: their rows for people, and the hub's ``model-index`` for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.errors import UsageError, plural
from inkbench.benchmark.escaping import markdown_cell
from inkbench.benchmark.running.export.exported import Exported, slug
from inkbench.benchmark.store.identity import plugged_metrics
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.believed import believed
from inkbench.leaderboards.groups import Group, row_of
from inkbench.leaderboards.significance.item_statistics import ItemStatistics

HEADER = (
    "| task | protocol | data | metric | value | n | version | seeds | 95 % interval |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Score:
    """A metric of one row: the mean over the seeds of its finished runs."""

    record: Record
    metric: str
    value: float
    seeds: tuple[int, ...]
    interval: str
    """In words, with what was resampled; or why there is none."""

    def line(self) -> str:
        """Return the row of the card's table."""
        figure = self.record.metrics[self.metric]
        told = map(markdown_cell, (self.record.task, self.record.protocol, self.record.data.id, self.metric))
        seeds = ", ".join(map(str, self.seeds))
        return (
            f"| {' | '.join(told)} | {self.value:z.4f} | {figure.n:,} | {figure.version} | {seeds} "
            f"| {markdown_cell(self.interval)} |"
        )

    def result(self) -> dict[str, Any]:
        """Return the entry of ``model-index``."""
        record, figure = self.record, self.record.metrics[self.metric]
        arguments = {
            "version": figure.version,
            "n": figure.n,
            "direction": "higher is better" if figure.direction == "max" else "lower is better",
            "seeds": list(self.seeds),
            "interval": self.interval,
        }
        return {
            "task": {"type": _pipeline(record.task), "name": f"{record.task}, {record.protocol}"},
            "dataset": {
                "type": slug(record.data.id),
                "name": f"{record.data.id}{kind_of(record.data.simulated, record.data.photographs)}",
                "split": record.settings.split or "test",
                "args": {"fingerprint": record.data.fingerprint},
            },
            "metrics": [
                {
                    "type": self.metric,
                    "name": f"{self.metric}, version {figure.version}",
                    "value": self.value,
                    "args": arguments,
                }
            ],
        }


def kind_of(simulated: bool, photographs: bool) -> str:
    """Return what sort of pictures data are, in brackets, where they are no drawn comics."""
    return " (simulated comics)" if simulated else " (photographs, no comics)" if photographs else ""


def scores(store: Store, exported: Exported) -> list[Score]:
    """Return the primary and plugged metrics of every row of runs that used these weights."""
    records = believed(store, exported.records)
    rows = {tuple(one.id for one in row.done): row for row in (row_of(record, records) for record in records)}
    found: dict[tuple[Any, ...], Score] = {}  # one set of predictions may be scored by several sets of metrics
    for row in rows.values():
        for name in (row.any.primary, *plugged_metrics(row.any.identity)):
            if (value := row.value(name)) is not None:
                seeds = tuple(record.seed for record in row.done)
                key = (tuple(record.made for record in row.done), name)
                found.setdefault(key, Score(row.any, name, value, seeds, _interval(store, row, name)))
    return list(found.values())


def model_index(name: str, found: Sequence[Score]) -> list[dict[str, Any]]:
    """Return the hub's ``model-index`` of all scores; nothing where there is none."""
    return [{"name": name, "results": [score.result() for score in found]}] if found else []


def _interval(store: Store, row: Group, metric: str) -> str:
    statistics = ItemStatistics(store, metric)
    try:
        interval = statistics.interval(row)
        facts = statistics.facts(row.done[0])
    except UsageError as why:  # of a task that is not known here
        return f"none: {why}"
    if interval is None or facts is None:
        return f"none: {next(iter(statistics.problems.values()), 'the seeds were not tested on the same items')}"
    over = f"{plural(len(row.done), 'seed')}, " if len(row.done) > 1 else ""
    over += f"{plural(facts.series, 'series')} and their items"
    told = f"{interval[0]:z.4f} to {interval[1]:z.4f}, resampled over {over}"
    return told if len(row.done) > 1 else f"{told}; one seed, so it speaks of these weights and this head only"


def _pipeline(task: str) -> str:
    """Return the hub's word for a task; that of features for one that is not known here."""
    try:
        found: Any = registry.load("tasks", task)
    except UsageError:
        return "image-feature-extraction"
    return str(found.pipeline)
