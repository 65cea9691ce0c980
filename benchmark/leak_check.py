"""The leak check of a cell: suspect test items, and every metric without them beside the plain one."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmark.api import Dataset, Item, Split
from benchmark.data.leaks.compare import compare, told
from benchmark.planned import Plan, Pretraining
from benchmark.progress import Progress
from benchmark.store import Store


def check(
    work: Pretraining, plan: Plan, splits: tuple[Split, ...], test: list[Item], store: Store, progress: Progress
) -> tuple[dict[str, Any], np.ndarray]:
    """What a record says of leaks, and which test items are suspect, bool (N,)."""
    pretraining = pretrained_on(plan.pretrain_data, work, splits)
    cache = store.root / "cache" / "hashes"
    leaks = compare(test, plan.data, pretraining, plan.pretrain_data, cache, progress)
    return told(leaks, test, pretraining), leaks.suspect


def pretrained_on(data: Dataset, work: Pretraining, splits: tuple[Split, ...]) -> list[Item]:
    """Every image that a pretraining reads, once, whichever of its views shows it."""
    found: dict[tuple[object, ...], Item] = {}
    for kind in dict.fromkeys(view.kind for view in work.method.views().values()):
        for split in splits:
            for item in data.items(kind, split):
                for part in item.parts.values() if item.parts else (item,):
                    found.setdefault((part.path, part.crop, part.hole), part)
    return list(found.values())


def without(
    scorer: str, items: Mapping[str, np.ndarray], suspect: np.ndarray, plain: Mapping[str, Mapping[str, Any]]
) -> dict[str, float | None]:
    """Every metric over the items that are not suspect; None where it has no value then.

    ``plain`` are the metrics of a record; without suspects they are the answer. In retrieval a suspect item is left
    out as a query and stays in the gallery.
    """
    if not suspect.any():
        return {name: entry["value"] for name, entry in plain.items()}
    if suspect.all():
        return dict.fromkeys(plain)
    left = importlib.import_module(scorer).aggregate(items, weights=(~suspect).astype(np.float64))
    return {name: float(left[name]) if np.isfinite(left.get(name, np.nan)) else None for name in plain}
