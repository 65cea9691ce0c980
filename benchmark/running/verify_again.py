"""``verify --rescore``: a record beside what its stored predictions give against the truths of its data today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from inkbench.benchmark import registry
from inkbench.benchmark.config import PRESETS, BackboneSettings, PretrainSettings
from inkbench.benchmark.errors import RunError, UsageError, brief
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.records import data_used
from inkbench.benchmark.running.scored_again import SharedTests, Tested, score_again
from inkbench.benchmark.store.arrays import read_arrays
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.record_parts import Robustness
from inkbench.benchmark.store.store import Store

RELATIVE = 1e-6
"""The difference, as a share, that another machine's sums may make in an item, whose predictions are of 32 bits."""


class ScoredAgain:
    """Records of a folder beside their own predictions."""

    def __init__(self, store: Store, progress: Progress) -> None:
        self.store, self.tests = store, SharedTests(store, progress)

    def __call__(self, record: Record) -> Iterator[str]:
        """Yield what a record says otherwise than its predictions, its data and its settings give."""
        try:
            tested = self.tests.of(record)
            fields, items = score_again(self.store, record, tested)
            stored = read_arrays(self.store.items_path(record.id))
        except (UsageError, RunError, OSError, ValueError) as refusal:
            yield f"cannot be scored again: {refusal}"
            return
        yield from _of_data(record, tested)
        yield from _of_settings(record, tested)
        yield from _of_figures(record, fields)
        if record.robustness:
            yield from _of_robustness(record.robustness, fields["robustness"])
        yield from _of_items(stored, items)


def _of_data(record: Record, tested: Tested) -> Iterator[str]:
    """Yield what a record says of its data otherwise than they are."""
    proven = data_used(tested.data)
    for name in sorted(record.data.model_fields_set - {"accepted"}):
        if (said := getattr(record.data, name)) != (now := getattr(proven, name)) and said != "":
            yield f"says {name} of its data is {brief(said)}, which is {brief(now)}"


def _of_settings(record: Record, tested: Tested) -> Iterator[str]:
    """Yield a protocol's family that is another, and what is said to differ from the preset and does not."""
    if record.preset not in PRESETS:
        yield f"says the preset {brief(record.preset)}, which there is not"
        return
    changed = {f"{record.task}.{name}": value for name, value in tested.task.config.changed(record.preset).items()}
    kinds: dict[str, Any] = {"backbone": BackboneSettings, "pretrain": PretrainSettings}
    if record.method in registry.installed("methods") and "file" not in record.changed:
        method: Any = registry.load_named("methods", record.method)
        kinds[record.method] = method.Config
    owned = record.named_settings()
    known = {owner: kind for owner, kind in kinds.items() if owner in owned}
    for owner, kind in known.items():
        try:
            of = kind(**owned[owner]).changed(record.preset)
        except ValueError:
            continue  # of a version with other settings
        changed |= {f"{owner}.{name}": value for name, value in of.items()}
    owners = {record.task, *known}
    said = {key: value for key, value in record.changed.items() if key.partition(".")[0] in owners}
    for key in sorted(said.keys() | changed.keys()):
        if said.get(key, ...) != changed.get(key, ...):
            what = brief(said[key]) if key in said else "nothing"
            really = brief(changed[key]) if key in changed else "nothing"
            yield f"says {what} of {key} against preset {record.preset}, where its settings say {really}"


def _of_figures(record: Record, fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield the figures that are not what the predictions give; those of other definitions than today's are passed."""
    same = fields["id"] == record.id
    again = record.but(metrics=fields["metrics"]).metrics
    for name in dict.fromkeys((*record.metrics, *again)):
        said, now = record.metrics.get(name), again.get(name)
        if said is None:
            if same:
                yield f"lacks {name}, of which its predictions give {again[name].value:.9g}"
        elif now is None:
            yield f"has {name}, of which its predictions give nothing"
        elif said.version == now.version and (not _close(said.value, now.value) or said.n != now.n):
            yield f"has {name} {said.value:.9g}, its predictions give {now.value:.9g}"
    if same:
        yield from _of_remarks(record, fields)


def _of_robustness(said: Robustness, now: Robustness) -> Iterator[str]:
    """Yield the figures under damage that are not what the predictions under it give."""
    for name, under in said.under.items():
        figure, again = under.figure, now.under[name].figure
        if figure.version == again.version and (not _close(figure.value, again.value) or figure.n != again.n):
            yield f"has {figure.value:.9g} under {name}, its predictions there give {again.value:.9g}"
    if said.chance != now.chance:
        yield f"says that chance is {said.chance}, its task {now.chance}"


def _of_remarks(record: Record, fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is said of the figures and is not what the predictions give."""
    if fields["notes"] != record.notes:
        yield "has other notes on its figures than its predictions give"
    if fields.get("exclusions", record.exclusions).empty_truth != record.exclusions.empty_truth:
        yield "names other items without truth than there are"
    told = record.leaks.without if record.leaks else {}
    for name, value in (fields["leaks"].without if "leaks" in fields else {}).items():
        before = told.get(name)
        if (before is None) != (value is None) or not _close(before or 0.0, value or 0.0):
            yield f"has another {name} without suspects than its predictions give"


def _of_items(stored: Mapping[str, np.ndarray], items: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield the arrays of the items that are not what the predictions give."""
    for name, array in items.items():
        if name in stored and not _alike(stored[name], np.asarray(array)):
            yield f"its items have another {name} than its predictions give"


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    if one.dtype.kind == "f" and other.dtype.kind == "f":
        return bool(np.allclose(one, other, rtol=RELATIVE, atol=RELATIVE, equal_nan=True))
    return bool((one == other).all())


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= RELATIVE * max(abs(one), abs(other))
