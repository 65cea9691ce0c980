"""The leak check of an experiment: suspect test items, and every metric without them beside the plain one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inkbench.benchmark.api import Item
from inkbench.benchmark.data.leaks.compare import compare, told
from inkbench.benchmark.planning.experiment import Plan
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.store import Store
from inkbench.tasks.metrics.scorer import Scorer


def check(
    pretraining: Sequence[Item], plan: Plan, test: list[Item], store: Store, progress: Progress
) -> tuple[dict[str, Any], np.ndarray]:
    """Check for leaks from the pretraining images: a record's entry, and which test items are suspect, bool (N,)."""
    cache = store.root / "cache" / "hashes"
    leaks = compare(test, plan.data, pretraining, plan.pretrain_data, cache, progress)
    return told(leaks, test, pretraining), leaks.suspect


def without(
    scorer: Scorer, items: Mapping[str, np.ndarray], suspect: np.ndarray, plain: Mapping[str, Mapping[str, Any]]
) -> dict[str, float | None]:
    """Score every metric over the items that are not suspect; None where it has no value then.

    ``plain`` are the metrics of a record; without suspects they are the answer. In retrieval a suspect item is left
    out as a query and stays in the gallery.
    """
    if not suspect.any():
        return {name: entry["value"] for name, entry in plain.items()}
    if suspect.all():
        return dict.fromkeys(plain)
    left = scorer.aggregate(items, weights=(~suspect).astype(np.float64))
    return {name: float(left[name]) if np.isfinite(left.get(name, np.nan)) else None for name in plain}
