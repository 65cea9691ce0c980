"""How long a declared table takes from 10,000 records: without and with the index, all formats.

Run: ``python -m pytest tests/speed/test_tables.py -s``. Imports excluded, pair statistics cached, median of 5.
"""

import json
import statistics
import time

import numpy as np
import pytest

from inkbench.benchmark import registry
from inkbench.benchmark.store import index as index_of_records
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build, render
from inkbench.leaderboards.columns.usual import COLUMNS
from inkbench.leaderboards.declared import load
from inkbench.leaderboards.declared.spec import FLAGS
from inkbench.leaderboards.significance import item_statistics
from inkbench.tasks.metrics.items import mean_resampler

RECORDS = 10_000
ROUNDS = 5
SERIES, EACH = 16, 12


def metrics_of(part, scorer):
    """Entries of every metric that the table shows, and of its primary one."""
    shown = [column.key for column in part.columns if column.key not in COLUMNS]
    names = dict.fromkeys((scorer.primary.name, *(metric.name for metric in scorer.metrics), *shown))
    return {name: {"value": 0.5, "unit": "", "direction": "max", "n": 192, "version": 1} for name in names}


def record_of(number, method, part, settings, changed):
    """A record as a run writes it, with the settings of a declared row."""
    scorer = registry.load("tasks", part.task).scorer
    bare = method.startswith("trivial:")
    whole = {"task": registry.load("tasks", part.task).Config().model_dump(mode="json"), "backbone": {"mean": None}}
    if not bare:
        whole["method"] = registry.load("methods", method).Config().model_dump(mode="json")
        whole["pretrain"] = {"images": 40_000, "batch": 64}
    for key, value in settings.items():
        owner, _, name = key.partition(".")
        if key not in FLAGS:
            whole[{method: "method", part.task: "task"}.get(owner, owner)][name] = value
    data = {"id": part.data or "synth", "fingerprint": "f" * 20, "version": 3, "settings": {}, "simulated": True}
    return {
        "schema": 1, "id": f"{number:020x}", "status": "done", "method": method,
        "task": part.task, "protocol": part.protocol if "@" in part.protocol else f"{part.protocol}@1",
        "family": "finetune" if "finetune" in part.protocol else "frozen", "data": data,
        "pretrain_data": None if bare else data, "pretraining": "p" * 20, "seed": 0, "preset": "quick",
        "backbone": None if bare else {"name": "test_resnet", "side": 128}, "precision": "32", "changed": changed,
        "settings": whole, "supervision": "none", "given": False, "transductive": False, "facts": {},
        "pretext": None if bare else {"accuracy": {"value": 0.4, "trivial": 0.04, "n": 200, "learnt": True}},
        "primary": scorer.primary.name, "images_seen": 40_000, "metrics": metrics_of(part, scorer),
        "trials": [{"factor": 1.0}],
        "phases": {"train": {"wall_s": 12.0, "device_s": 12.0, "peak_mib": 300.0}}, "curve": [[0, 1.0]] * 9,
        "provenance": {"packages": {"torch": "2.15.0", "timm": "1.0.31"}, "device": "cpu", "world": 1, "threads": 2},
        "request": {"typed": ["--method", method] * 4, "resolved": {"tasks": [part.task]}},
        "items": {"file": f"{number:020x}.items.npz", "sha256": f"{number:064x}"},
    }  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """10,000 records: the rows of all declared tables with control and trivial baselines, and ablations beside."""
    store, made = Store(tmp_path_factory.mktemp("many")), []
    for name in load.names():
        for part in load.load(name).parts():
            task = registry.load("tasks", part.task)
            for trivial in task.trivial:
                made.append(record_of(len(made), f"trivial:{trivial}", part, {}, {}))
            made.append(record_of(len(made), "random", part, {}, {}))
            for row in load.load(name).rows:
                if row.method:
                    told = {key: value for key, value in row.settings.items() if key not in ("method", "preset")}
                    made.append(record_of(len(made), row.method, part, row.settings, told))
    part = load.load("noroozi-5").parts()[0]
    while len(made) < RECORDS:
        changed = {"jigsaw.permutations": 1000 + len(made)}
        made.append(record_of(len(made), "jigsaw", part, changed, changed))
    for one in made:
        path = store.record_path(one["id"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(one, indent=1))
    return store


def warm(store, name, monkeypatch):
    """Compute the statistics of a table's rows once, from items drawn here."""

    def items(self, record):
        generator = np.random.default_rng(int(record["id"], 16))
        series = np.repeat(np.arange(SERIES), EACH)
        return {"id": np.arange(len(series)).astype(str), "series": series, "score": generator.normal(size=len(series))}

    monkeypatch.setattr(item_statistics.ItemStatistics, "_items", items)
    monkeypatch.setattr(item_statistics, "_resampler", lambda record, items, metric: mean_resampler(items, "score"))
    build.declared_tables(store, load.load(name))
    monkeypatch.undo()


def rendered(store, name):
    made = build.declared_tables(store, load.load(name))
    assert made
    return [renderer(table) for table in made for renderer in render.RENDERERS.values()]


@pytest.mark.parametrize("name", load.names())
def test_a_table_from_ten_thousand_records(name, store, monkeypatch, benchmark):
    warm(store, name, monkeypatch)
    index = store.root / "cache" / f"{index_of_records.KEY}.sealed"
    taken = {"first": [], "again": []}
    for _ in range(ROUNDS):
        index.unlink(missing_ok=True)
        for when in taken:
            began = time.perf_counter()
            rendered(store, name)
            taken[when].append(time.perf_counter() - began)
    first, again = (statistics.median(taken[when]) for when in taken)
    benchmark.extra_info.update(
        table=name, first_s=round(first, 3), again_s=round(again, 3), ratio=round(first / again, 1)
    )
    benchmark.pedantic(rendered, (store, name), rounds=1)
    print(
        f"\n{name}: {first:.2f} s from {RECORDS:,} records ({min(taken['first']):.2f} to {max(taken['first']):.2f}), "
        f"{again:.2f} s from the index ({min(taken['again']):.2f} to {max(taken['again']):.2f}), n = {ROUNDS}"
    )
    assert first / again > 2
