"""Which room a module lies in, and which rooms it may import: only those of a lower line.

``python tests/layers.py`` prints rooms, arrows and circles, and every arrow that points back up.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("benchmark", "leaderboards", "methods", "submissions", "tasks")

ORDER: tuple[tuple[str, ...], ...] = (
    ("cli",),
    ("audit", "submissions"),
    ("running", "methods", "tasks"),
    ("planning", "pretext", "formats"),
    ("training", "leaderboards"),
    ("data",),
    ("drawing",),
    ("networks",),
    ("store",),
    ("scoring",),
    ("registry",),
    ("contracts", "given"),
    ("archives", "config"),
    ("augment", "losses", "metrics", "errors", "progress", "seeding"),
    ("escaping", "regular", "stopping", "streams"),
)
"""From what is typed down to what knows nothing of inkbench."""

ELSEWHERE = {
    "benchmark.api": "contracts",
    "benchmark.entry_points": "registry",
    "benchmark.former_name": "registry",
    "benchmark.scorers": "registry",
    "benchmark.sources": "registry",
    "benchmark.judges": "data",
    "submissions.findings": "formats",
    "submissions.formats": "formats",
    "tasks.metrics": "metrics",
}
"""Modules and folders that lie in another room than their folder."""


def room_of(module: str) -> str:
    """The room of a module, named without ``inkbench.``: its folder, below ``benchmark`` where it lies there.

    Raises KeyError for one that has none.
    """
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if room := ELSEWHERE.get(".".join(parts[:length])):
            return room
    room = parts[1] if parts[0] == "benchmark" else parts[0]
    if not any(room in line for line in ORDER):
        raise KeyError(f"{module} lies in no room: add it to ORDER or ELSEWHERE of tests/layers.py")
    return room


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module of ours by its name without ``inkbench.``; packages that hold nothing but a docstring left out."""
    found = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if parts[-1] != "__init__" or len(ast.parse(path.read_text()).body) > 1:
                found[name] = path
    return found


def imports(path: Path, known: Iterable[str]) -> set[str]:
    """The modules of ours that a file imports, anywhere in it; what is imported for types alone is left out."""
    names = set(known)
    found = set()
    for node in _runtime(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            wanted = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for full in wanted:
            name = full.removeprefix("inkbench.")
            if name != full:
                while name and name not in names:
                    name = name.rpartition(".")[0]
                found |= {name} - {""}
    return found


def _runtime(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a file, without those under ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _runtime(node)


def arrows(root: Path = ROOT) -> set[tuple[str, str]]:
    """Every import of a module of ours by another in another room."""
    files = modules(root)
    return {
        (name, other)
        for name, path in files.items()
        for other in imports(path, files)
        if room_of(name) != room_of(other)
    }


def backward(found: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """The imports that do not point to a lower line."""
    line = {room: k for k, rooms in enumerate(ORDER) for room in rooms}
    return {(a, b) for a, b in found if line[room_of(a)] >= line[room_of(b)]}


def knots(found: Iterable[tuple[str, str]]) -> list[set[str]]:
    """Rooms that import each other in a circle."""
    goes = {room: set() for rooms in ORDER for room in rooms}
    for a, b in found:
        goes[room_of(a)].add(room_of(b))
    reach = {room: _reached(room, goes) for room in goes}
    groups = {frozenset(b for b in reach[a] if a in reach[b]) for a in goes if a in reach[a]}
    return [set(group) for group in groups]


def _reached(room: str, goes: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    rest = [room]
    while rest:
        rest += goes[rest.pop()] - seen
        seen |= set(rest)
    return seen


if __name__ == "__main__":
    every = arrows()
    between = {(room_of(a), room_of(b)) for a, b in every}
    print(f"{sum(map(len, ORDER))} rooms, {len(between)} arrows, {len(every)} imports between rooms")
    print(f"circles: {[sorted(knot) for knot in knots(every)]}")
    for a, b in sorted(backward(every)):
        print(f'    ("{a}", "{b}"),  # {room_of(a)} -> {room_of(b)}')
