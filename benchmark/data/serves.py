"""The methods and tasks that a dataset serves, found without importing torch."""

from __future__ import annotations

from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.api import Method

OPTIONS = {"detection": "detection.classes", "classification": "classification.labels", "reid": "reid.crops"}
"""Settings by which a task asks for something else of a dataset."""


def lacks(offers: frozenset[str]) -> dict[str, dict[str, list[str]]]:
    """Return what these offers lack for each task and method with default settings; nothing where it can run."""
    tasks = {name: _task_needs(name, kind) for name, kind in registry.usable("tasks").items()}
    read = {name: entry.needs for name, entry in sorted(registry.entries("methods").items())}  # importing needs torch
    methods = {name: Method.needs if needs is None else needs for name, needs in read.items()}
    return {
        kind: {name: sorted(needs - offers) for name, needs in found.items()}
        for kind, found in (("tasks", tasks), ("methods", methods))
    }


def lines(offers: frozenset[str]) -> list[str]:
    """Return lines for people: which methods and tasks can run, and what the others lack."""
    told = []
    for kind, found in lacks(offers).items():
        able = [name for name, missing in found.items() if not missing]
        told.append(f"{kind + ':':11}{', '.join(able) or 'none'}")
        for name, missing in found.items():
            if missing:
                hint = f"; see {OPTIONS[name]}" if name in OPTIONS and len(missing) < 3 else ""
                told.append(f"           not {name}: it needs {', '.join(missing)}{hint}")
    return told


def _task_needs(name: str, kind: Any) -> frozenset[str]:
    """Return the needs of a task with its default settings; tasks import no torch until they make a head."""
    needs: frozenset[str] = kind(kind.Config.resolve(name, "quick", {})).needs()
    return needs
