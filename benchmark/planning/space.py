"""The disk check: room for the images that a plan prepares, and the right to record, before anything is drawn."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from inkbench.benchmark.api import Task, View
from inkbench.benchmark.contracts.dataset import SPLITS, Dataset, Item, Split
from inkbench.benchmark.data.cache import cache_key
from inkbench.benchmark.data.damage.catalogue import all_damages
from inkbench.benchmark.data.damage.items import with_damage
from inkbench.benchmark.data.once import SPARE_BYTES
from inkbench.benchmark.data.strips import expected_bytes
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.planning.experiment import Plan
from inkbench.benchmark.planning.pool import is_pool
from inkbench.benchmark.store.store import Store, require_writable

Kept = tuple[Dataset, Sequence[Item], View, bool]
"""Items of a dataset as a view shows them, as squares or (True) as strips."""


def require_space(plan: Plan, results: Path, robustness: bool = False) -> None:
    """Raise UsageError where the images that the plan prepares, and that no earlier run did, do not fit on the disk.

    Nothing is said of data that a program has yet to draw, and of a pool: how much of it is read is found at work,
    where room is asked for again. With ``robustness`` the test images are also kept under every damage.
    """
    here = next(folder for folder in (results, *results.resolve().parents) if folder.is_dir())
    free = shutil.disk_usage(here).free
    kept = list(_kept(plan))
    kept += [damaged for one in _tested(plan) for damaged in _damaged(one)] if robustness else []
    if sum(map(_bytes, kept)) + SPARE_BYTES <= free:
        return
    need = sum(_bytes(one) for one in kept if not _there(one, results))
    if need + SPARE_BYTES > free:
        raise UsageError(
            f"the images of this run need about {need / 2**20:,.0f} MiB in {results} besides {SPARE_BYTES >> 20} MiB "
            f"that stay free, and its disk has {free / 2**20:,.0f} MiB left; free some space, give another folder with "
            "--results DIR, or lower the sides"
        )


def require_folders(plan: Plan, store: Store) -> None:
    """Raise UsageError where a folder of another user takes nothing of what is to be recorded and is not yet."""
    for experiment in plan.experiments:
        folders = {store.record_path(name).parent for name in (experiment.id, experiment.work)}
        folders.add(store.root / "runs" / experiment.id)
        if experiment.pretraining:
            folders.add(store.root / "backbones" / experiment.pretraining.key)
        try:
            require_writable(sorted(folders))
        except UsageError:
            record = store.known(experiment.id)
            if record is None or record.status == "failed":
                raise


def _kept(plan: Plan) -> Iterator[Kept]:
    """Yield what is prepared, each once."""
    seen = set()
    for owner, kept in _asked(plan):
        if owner not in seen:
            seen.add(owner)
            yield kept


def _asked(plan: Plan) -> Iterator[tuple[object, Kept]]:
    data, source = plan.data, plan.pretrain_data
    for experiment in plan.experiments:
        if experiment.declined:
            continue
        for split in SPLITS:
            yield from _of_task(data, experiment.task, split)
    for work in plan.pretrainings():
        if _undrawn(source) or is_pool(data, source):
            continue
        for view in work.method.views().values():
            strips = view.fit == "crop" and work.settings.window != "centre"
            yield (view, "train", strips), (source, source.items(view.kind, "train"), view, strips)
            yield (view, "val"), (source, source.items(view.kind, "val"), view, False)


def _of_task(data: Dataset, task: Task, split: Split) -> Iterator[tuple[object, Kept]]:
    """Yield the images of a split as a task's views show them; none that a program has yet to draw."""
    for name, view in () if _undrawn(data) else task.views().items():
        items = task.items(data, split)
        if any(item.parts for item in items):
            items = [item.parts[name] for item in items if name in item.parts]
        yield (task.name, str(task.config), name, split), (data, items, view, False)


def _tested(plan: Plan) -> Iterator[Kept]:
    """Yield the test images of frozen runs, each once."""
    seen = set()
    for experiment in plan.experiments:
        if experiment.family == "frozen" and experiment.backbone and not experiment.declined:
            for owner, kept in _of_task(plan.data, experiment.task, "test"):
                if owner not in seen:
                    seen.add(owner)
                    yield kept


def _damaged(kept: Kept) -> Iterator[Kept]:
    data, items, view, strips = kept
    for damage in all_damages():
        yield data, [with_damage(item, damage) for item in items], view, strips


def _undrawn(data: Dataset) -> bool:
    """Return whether a program has yet to draw it, or to go on with what it was stopped at."""
    return data.drawn and not data.recognises(data.root)


def _bytes(kept: Kept) -> int:
    _, items, view, strips = kept
    return expected_bytes(items, view) if strips else 3 * view.side**2 * len(items)


def _there(kept: Kept, results: Path) -> bool:
    data, items, view, strips = kept
    return (results / "cache" / "images" / cache_key(items, view, data.fingerprint(), strips=strips)).is_dir()
