"""The scorer behind a record, by its task's name; nothing of it needs torch."""

from __future__ import annotations

from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.errors import Refusal
from inkbench.tasks.metrics.scorer import Scorer


def scorer_of(task: str) -> Scorer:
    """Return the scorer of the task of that name. Raises Refusal where there is no such task."""
    if task not in registry.entries("tasks"):
        raise Refusal(f"task '{task}' is none of inkbench's: name the file that it lies in with --plugin FILE.py")
    kind: Any = registry.load("tasks", task)
    scorer: Scorer = kind.scorer
    return scorer
