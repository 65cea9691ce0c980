"""The methods and tasks that a dataset serves, found without importing torch."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.api import Method

OPTIONS = {"detection": "detection.classes", "classification": "classification.labels", "reid": "reid.crops"}
"""Settings by which a task asks for something else of a dataset."""


def lacks(offers: frozenset[str]) -> dict[str, dict[str, list[str]]]:
    """Return what these offers lack for each task and method with default settings; nothing where it can run."""
    tasks = {name: _task_needs(name) for name in registry.names("tasks")}
    methods = {name: _method_needs(name) for name in registry.names("methods")}
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


def _task_needs(name: str) -> frozenset[str]:
    """Return the needs of a task with its default settings; tasks import no torch until they make a head."""
    kind: Any = registry.load("tasks", name)
    needs: frozenset[str] = kind(kind.Config.resolve(name, "quick", {})).needs()
    return needs


def _method_needs(name: str) -> frozenset[str]:
    """Return the literal ``needs`` in a method's source, which imports torch; else the contract's default."""
    entry = registry.entries("methods")[name]
    source = entry.file or Path(str(getattr(importlib.util.find_spec(entry.module), "origin", "")))
    tree = ast.parse(source.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == entry.attribute:
            for statement in node.body:
                if isinstance(statement, ast.Assign) and any(_is_needs(target) for target in statement.targets):
                    return frozenset(
                        part.value
                        for part in ast.walk(statement.value)
                        if isinstance(part, ast.Constant) and isinstance(part.value, str)
                    )
    return Method.needs


def _is_needs(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "needs"
