"""What installed packages bring: entry points of the groups ``inkbench.KIND``, read without importing any of them.

That of a class is ``NAME = package.module:Class``; that of a table ``NAME = package``, in whose folder NAME.toml lies.
"""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.sources import Entry, read_entries

NAME = re.compile(r"[a-z0-9_-]+")
"""The names that plugins may have: they are typed, and parts of settings and files."""
NAMED_SO = "may contain only lower-case letters, digits, '_' and '-'"


@dataclass
class Offered:
    """The entries that packages offer of a kind, and for each that cannot be had the line that says why, by name."""

    entries: dict[str, Entry] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def offered(kind: str, ours: Mapping[str, Entry]) -> Offered:
    """Return what packages offer of a kind beside ``ours``; of two with one name the package that sorts first."""
    found = Offered()
    points = importlib.metadata.entry_points(group=f"inkbench.{kind}")
    for point in sorted(points, key=lambda point: (point.name, _origin(point))):
        origin = _origin(point)
        try:
            if other := ours.get(point.name) or found.entries.get(point.name):
                raise UsageError(f"'{point.name}' is a name of {other.origin}")
            found.entries[point.name] = _table(point, origin) if kind == "tables" else _class(point, origin)
        except UsageError as why:
            line = f"'{point.name}' of {origin} (entry point of inkbench.{kind}) is left out: {why}"
            found.left_out.setdefault(point.name, line)
    return found


def _origin(point: importlib.metadata.EntryPoint) -> str:
    return point.dist.name if point.dist else point.name


def _class(point: importlib.metadata.EntryPoint, origin: str) -> Entry:
    """Return the entry of a class. Raises UsageError for what can be seen to be wrong."""
    module, colon, attribute = point.value.partition(":")
    if not NAME.fullmatch(point.name):
        raise UsageError(f"the name {NAMED_SO}")
    if not colon:
        raise UsageError(f"'{point.value}' names no class; write module:Class")
    spec = _found(module)
    if not spec.origin or not spec.origin.endswith(".py"):
        return Entry(point.name, module, attribute, "", origin)
    read = {entry.attribute: entry for entry in read_entries(Path(spec.origin), module, origin)}
    if attribute not in read:  # imported there from elsewhere, or by another name: known when it is loaded
        return Entry(point.name, module, attribute, "", origin)
    if read[attribute].name != point.name:
        raise UsageError(f"{attribute} calls itself '{read[attribute].name}'; call the entry point so")
    return read[attribute]


def _table(point: importlib.metadata.EntryPoint, origin: str) -> Entry:
    """Return the entry of a table. Raises UsageError where its file is not there."""
    folders = _found(point.value).submodule_search_locations
    if not folders:
        raise UsageError(f"'{point.value}' is no package; name the one in whose folder {point.name}.toml lies")
    file = Path(folders[0]) / f"{point.name}.toml"
    if not file.is_file():
        raise UsageError(f"no file {file}")
    return Entry(point.name, "", "", "", origin, file)


def _found(module: str) -> importlib.machinery.ModuleSpec:
    """Find a module, importing neither it nor the packages that it lies in. Raises UsageError."""
    name, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(name)
        for part in rest:
            folders = spec.submodule_search_locations if spec else None
            name = f"{name}.{part}"
            spec = importlib.machinery.PathFinder.find_spec(name, folders) if folders else None
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise UsageError(f"there is no module {module}")
    return spec
