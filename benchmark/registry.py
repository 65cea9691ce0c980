"""Names of methods, tasks, datasets and metrics -> the classes that hold them; found by reading, loaded when used.

A class is an entry when its body says ``name = "..."``. Files of the rooms (``methods/NAME.py`` or
``methods/NAME/method.py``; ``tasks/NAME/task.py``) are found by themselves, packages of others by the entry points
``inkbench.methods``, ``inkbench.tasks``, ``inkbench.datasets`` and ``inkbench.metrics``; listing imports none of them.
A class of a single file is ``path/to/file.py:ClassName``; those of a file that is plugged in (``--plugin``) are known
by their names, as ours are. There is no room of metrics: ours are those of the tasks' scorers.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import re
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import inkbench
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.former_name import former_name

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds the packages: the clone's, or that of the installed ``inkbench``."""
HOME = Path(inkbench.__file__).resolve().parent.parent
"""The folder from which ``inkbench`` is imported."""
ROOMS = {
    "methods": ("methods",),
    "tasks": ("tasks",),
    "datasets": ("benchmark/data/layouts", "benchmark/data/synth"),
    "metrics": (),
}
OF_FOLDER = {"methods": "method.py", "tasks": "task.py"}
"""The file with the class where a method or a task is a folder of its own."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name: ``module`` and ``attribute`` to load it by, a one-line summary, the checksum of a lone file."""

    name: str
    module: str
    attribute: str
    summary: str
    origin: str = "inkbench"
    file: Path | None = None
    checksum: str = ""


LONE = "inkbench_plugin_"
"""What the modules of lone files are called, before the beginning of their checksums."""
PLUGINS = "INKBENCH_PLUGINS"
"""Files that are plugged in, with the system's separator of paths between them; ``--plugin`` adds to it."""

_plugged: dict[str, dict[str, Entry]] = {kind: {} for kind in ROOMS}


def entries(kind: str) -> dict[str, Entry]:
    """All entries of a kind (``methods``, ``tasks``, ``datasets``, ``metrics``), by name."""
    return {**installed(kind), **_plugged[kind]}


def plug(path: Path) -> None:
    """Make the classes of a file known by their names; imports it. Raises UsageError."""
    known = _read_file(path)
    if not known:
        raise UsageError(f'{path} has no class with a name: write name = "..." in the body of each')
    for entry in known.values():
        _plugged[kind_of(entry)][entry.name] = entry


def plug_in(paths: str) -> None:
    """Plug in the files of ``PLUGINS``. Raises UsageError."""
    for path in filter(None, paths.split(os.pathsep)):
        plug(Path(path))


def kind_of(entry: Entry) -> str:
    """Import an entry and return its kind. Raises UsageError."""
    found = _attribute(entry)
    for kind, base in _bases().items():
        if isinstance(found, type) and issubclass(found, base):
            return kind
    raise UsageError(
        f"'{entry.name}' ({entry.origin}): {entry.attribute} is not a Method, Task, Dataset or "
        "ItemMetric of benchmark.api"
    )


@cache
def installed(kind: str) -> dict[str, Entry]:
    """The entries of ours and of installed packages, by name."""
    found: dict[str, Entry] = {}
    for file in _sources(kind):
        module = ".".join(("inkbench", *file.relative_to(ROOT).with_suffix("").parts))
        found |= {entry.name: entry for entry in _read(file, module, "inkbench")}
    for point in importlib.metadata.entry_points(group=f"inkbench.{kind}"):
        module, _, attribute = point.value.partition(":")
        source = importlib.util.find_spec(module)
        origin = point.dist.name if point.dist else point.name
        summary = ""
        if source and source.origin:
            known = {entry.attribute: entry for entry in _read(Path(source.origin), module, origin)}
            summary = known[attribute].summary if attribute in known else ""
        found[point.name] = Entry(point.name, module, attribute, summary, origin)
    return found


def _sources(kind: str) -> list[Path]:
    """The files of ours that may hold a class of a kind: ``NAME.py``, or the one of the folder ``NAME``."""
    found = []
    for room in (ROOT / part for part in ROOMS[kind]):
        folders = room.glob(f"*/{OF_FOLDER[kind]}") if kind in OF_FOLDER else ()
        found += sorted(
            [*room.glob("*.py"), *folders], key=lambda file: file.relative_to(room).with_suffix("").parts[0]
        )
    return found


def names(kind: str) -> list[str]:
    """The known names of a kind, sorted."""
    return sorted(entries(kind))


def find(kind: str, text: str) -> Entry:
    """The entry that ``text`` (a name or ``path.py:ClassName``) means. Raises UsageError."""
    path, colon, attribute = text.rpartition(":")
    if colon and path.endswith(".py"):
        return _from_file(Path(path), attribute)
    if text.endswith(".py"):
        raise UsageError(f"'{text}': name a class, as in {text}:ClassName")
    known = entries(kind)
    if text not in known:
        mend = " (name a file of your own with --plugin FILE.py)"
        raise UsageError(f"no {kind.removesuffix('s')} '{text}'{did_you_mean(text, known)}{mend}")
    return known[text]


def load(kind: str, text: str) -> type:
    """The class behind a name; imports its module. Raises UsageError."""
    return load_entry(find(kind, text), kind)


def load_entry(entry: Entry, kind: str) -> type:
    """The class of an entry. Raises UsageError where its module cannot be imported or lacks such a class."""
    found, base = _attribute(entry), _bases()[kind]
    if not (isinstance(found, type) and issubclass(found, base)):
        raise UsageError(
            f"'{entry.name}' ({entry.origin}): {entry.attribute} is not a {base.__name__} of benchmark.api"
        )
    return found


def _bases() -> dict[str, type]:
    from inkbench.benchmark import api

    return {"methods": api.Method, "tasks": api.Task, "datasets": api.Dataset, "metrics": api.ItemMetric}


def _attribute(entry: Entry) -> object:
    if entry.origin != "inkbench":
        former_name()
    try:
        module = _import_file(entry) if entry.file else importlib.import_module(entry.module)
        return vars(module)[entry.attribute]
    except (Exception, SystemExit) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"'{entry.name}' ({entry.origin}, {entry.module}) cannot be loaded: {why}") from error


def _from_file(path: Path, attribute: str) -> Entry:
    known = _read_file(path)
    if attribute not in known:
        raise UsageError(f"{path} has no class '{attribute}' with a name{did_you_mean(attribute, known)}")
    return known[attribute]


def _read_file(path: Path) -> dict[str, Entry]:
    """The entries of a lone file by the names of their classes. Raises UsageError."""
    if not path.is_file():
        raise UsageError(f"no plugin file {path}")
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    found = {}
    for entry in _read(path, path.stem, str(path)):
        for kind in ROOMS:
            if entry.name in installed(kind):
                origin = installed(kind)[entry.name].origin
                raise UsageError(f"{path}: '{entry.name}' is a name of {origin}; choose another")
        if not re.fullmatch(r"[a-z0-9_-]+", entry.name):
            raise UsageError(
                f"{path}: the name '{entry.name}' may contain only lower-case letters, digits, '_' and '-'"
            )
        found[entry.attribute] = replace(entry, file=path.resolve(), checksum=checksum)
    return found


def file_of(kind: type) -> str:
    """The beginning of the sha256 of the lone file that a class comes from; empty for any other class."""
    return kind.__module__.removeprefix(LONE) if kind.__module__.startswith(LONE) else ""


def _import_file(entry: Entry) -> object:
    name = LONE + entry.checksum[:16]
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, entry.file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{entry.file} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _read(file: Path, module: str, origin: str) -> list[Entry]:
    """The entries that a source file declares. Raises UsageError where it is no Python."""
    try:
        tree = ast.parse(file.read_text())
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{file} is not valid Python: {error}") from None
    classes = [(node, _declared_name(node)) for node in tree.body if isinstance(node, ast.ClassDef)]
    named = [(node, name) for node, name in classes if name]
    found = []
    for node, name in named:
        text = ast.get_docstring(tree) if len(named) == 1 else ast.get_docstring(node)
        summary = (text or ast.get_docstring(node) or "").strip().split("\n")[0]
        found.append(Entry(name, module, node.name, summary, origin))
    return found


def _declared_name(node: ast.ClassDef) -> str:
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        if any(isinstance(target, ast.Name) and target.id == "name" for target in targets):
            value = statement.value  # type: ignore[attr-defined]
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value
    return ""
