"""What a source file offers, found by reading it: classes whose body says ``name = "..."``; nothing is imported."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from inkbench.benchmark.errors import UsageError


@dataclass(frozen=True, slots=True)
class Entry:
    """One name: ``module`` and ``attribute`` to load it by, a one-line summary, the checksum of a lone file.

    ``task`` is the task that a metric names in its body, ``needs`` what a method names as literals; None where it says
    nothing. Of a table there is its ``file`` alone.
    """

    name: str
    module: str
    attribute: str
    summary: str
    origin: str = "inkbench"
    file: Path | None = None
    checksum: str = ""
    task: str = ""
    needs: frozenset[str] | None = None
    weights: str = ""
    """The word for given weights that ``attribute`` makes the class from."""


def read_entries(file: Path, module: str, origin: str) -> list[Entry]:
    """Return the entries that a source file declares. Raises UsageError where it is no Python."""
    try:
        tree = ast.parse(file.read_text())
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{file} is not valid Python: {error}") from None
    classes = [(node, _literal(node, "name")) for node in tree.body if isinstance(node, ast.ClassDef)]
    named = [(node, name) for node, name in classes if name]
    found = []
    for node, name in named:
        text = ast.get_docstring(tree) if len(named) == 1 else ast.get_docstring(node)
        summary = (text or ast.get_docstring(node) or "").strip().split("\n")[0]
        needs = _value(node, "needs")
        found.append(
            Entry(
                name,
                module,
                node.name,
                summary,
                origin,
                task=_literal(node, "task"),
                needs=None if needs is None else _texts(needs),
            )
        )
    return found


def _literal(node: ast.ClassDef, wanted: str) -> str:
    """Return the text that a class's body gives an attribute; empty where it gives none."""
    value = _value(node, wanted)
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _value(node: ast.ClassDef, wanted: str) -> ast.expr | None:
    """Return what a class's body gives an attribute; None where it does not name it."""
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        if any(isinstance(target, ast.Name) and target.id == wanted for target in targets):
            return statement.value  # type: ignore[attr-defined, no-any-return]
    return None


def _texts(value: ast.expr) -> frozenset[str]:
    """Return all texts in an expression: ``frozenset({"panels"})``."""
    parts = [part.value for part in ast.walk(value) if isinstance(part, ast.Constant)]
    return frozenset(part for part in parts if isinstance(part, str))
