"""Names of methods, tasks and datasets -> the classes that hold them; found by reading sources, loaded when used.

A class is an entry when its body says ``name = "..."``. Files of the rooms are found by themselves, packages of
others by the entry points ``inkbench.methods``, ``inkbench.tasks`` and ``inkbench.datasets``, a single file as
``path/to/file.py:ClassName``. Listing imports none of them.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.metadata
import importlib.util
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import inkbench
from inkbench.benchmark.errors import Refusal, did_you_mean
from inkbench.benchmark.named import former_name

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds the packages: the clone's, or that of the installed ``inkbench``."""
HOME = Path(inkbench.__file__).resolve().parent.parent
"""The folder from which ``inkbench`` is imported."""
ROOMS = {
    "methods": ("methods",),
    "tasks": ("tasks",),
    "datasets": ("benchmark/data/layouts", "benchmark/data/synth"),
}


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


@cache
def entries(kind: str) -> dict[str, Entry]:
    """All entries of ``methods``, ``tasks`` or ``datasets``, by name."""
    found: dict[str, Entry] = {}
    for room in ROOMS[kind]:
        for file in sorted((ROOT / room).glob("*.py")):
            for entry in _read(file, f"inkbench.{room.replace('/', '.')}.{file.stem}", "inkbench"):
                found[entry.name] = entry
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


def names(kind: str) -> list[str]:
    """The known names of a kind, sorted."""
    return sorted(entries(kind))


def find(kind: str, text: str) -> Entry:
    """The entry that ``text`` (a name or ``path.py:ClassName``) means. Raises Refusal."""
    path, colon, attribute = text.rpartition(":")
    if colon and path.endswith(".py"):
        return _from_file(kind, Path(path), attribute)
    if text.endswith(".py"):
        raise Refusal(f"'{text}': say which class, as in {text}:ClassName")
    known = entries(kind)
    if text not in known:
        raise Refusal(f"no {kind.removesuffix('s')} '{text}'{did_you_mean(text, known)}")
    return known[text]


def load(kind: str, text: str) -> type:
    """The class behind a name; imports its module. Raises Refusal."""
    return load_entry(find(kind, text), kind)


def load_entry(entry: Entry, kind: str) -> type:
    """The class of an entry. Raises Refusal where its module cannot be imported or lacks such a class."""
    from inkbench.benchmark import api

    if entry.origin != "inkbench":
        former_name()
    try:
        module = _import_file(entry) if entry.file else importlib.import_module(entry.module)
        found = getattr(module, entry.attribute)
    except (Exception, SystemExit) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise Refusal(f"'{entry.name}' ({entry.origin}, {entry.module}) cannot be loaded: {why}") from error
    base = {"methods": api.Method, "tasks": api.Task, "datasets": api.Dataset}[kind]
    if not (isinstance(found, type) and issubclass(found, base)):
        raise Refusal(f"'{entry.name}' ({entry.origin}): {entry.attribute} is no {base.__name__} of benchmark.api")
    return found


def _from_file(kind: str, path: Path, attribute: str) -> Entry:
    if not path.is_file():
        raise Refusal(f"no plugin file {path}")
    known = {entry.attribute: entry for entry in _read(path, path.stem, str(path))}
    if attribute not in known:
        raise Refusal(f"{path} has no class '{attribute}' with a name{did_you_mean(attribute, known)}")
    entry = known[attribute]
    if entry.name in entries(kind):
        raise Refusal(f"{path}: '{entry.name}' is a name of {entries(kind)[entry.name].origin}; give yours another")
    if not re.fullmatch(r"[a-z0-9_-]+", entry.name):
        raise Refusal(f"{path}: the name '{entry.name}' may hold small letters, digits, '_' and '-' only")
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    return Entry(entry.name, entry.module, attribute, entry.summary, str(path), path.resolve(), checksum)


def _import_file(entry: Entry) -> object:
    name = f"inkbench_plugin_{entry.checksum[:16]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, entry.file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{entry.file} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _read(file: Path, module: str, origin: str) -> list[Entry]:
    """The entries that a source file declares. Raises Refusal where it is no Python."""
    try:
        tree = ast.parse(file.read_text())
    except (SyntaxError, ValueError) as error:
        raise Refusal(f"{file} is no valid Python: {error}") from None
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
