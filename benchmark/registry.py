"""Names of methods, tasks, datasets, metrics and tables -> what holds them; found by reading, loaded when used.

A class is an entry when its body says ``name = "..."``. Files of the rooms (``methods/NAME.py`` or
``methods/NAME/method.py``; ``tasks/NAME/task.py``) are found by themselves, what packages of others bring by entry
points (``entry_points``); listing imports none of them. A class of a single file is ``path/to/file.py:ClassName``;
those of a file that is plugged in (``--plugin``) are known by their names, as ours are. There is no room of metrics:
ours are those of the tasks' scorers. A table is a TOML file.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import inkbench
from inkbench.benchmark.entry_points import NAME, NAMED_SO, offered
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.former_name import former_name
from inkbench.benchmark.given import catalogue
from inkbench.benchmark.progress import complain
from inkbench.benchmark.sources import Entry, read_entries

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
TABLES = "tables"
"""The kind whose entries are TOML files and no classes (``leaderboards.declared`` reads them)."""
LONE = "inkbench_plugin_"
"""What the modules of lone files are called, before the beginning of their checksums."""
PLUGINS = "INKBENCH_PLUGINS"
"""Files that are plugged in, with the system's separator of paths between them; ``--plugin`` adds to it."""

_plugged: dict[str, dict[str, Entry]] = {kind: {} for kind in (*ROOMS, TABLES)}


def entries(kind: str) -> dict[str, Entry]:
    """All entries of a kind (``methods``, ``tasks``, ``datasets``, ``metrics``, ``tables``), by name."""
    return {**installed(kind), **_plugged[kind]}


def plug(path: Path) -> None:
    """Make the classes of a file, or a table, known by their names; imports a file of Python. Raises UsageError."""
    if path.suffix == ".toml":
        _plugged[TABLES][path.stem] = _table_of(path)
        return
    known = _read_file(path)
    if not known:
        raise UsageError(f'{path} has no class with a name: write name = "..." in the body of each')
    for entry in known.values():
        _plugged[kind_of(entry)][entry.name] = entry


def plug_in(paths: str) -> None:
    """Plug in the files of ``PLUGINS``. Raises UsageError."""
    for path in filter(None, paths.split(os.pathsep)):
        plug(Path(path))


def is_plugged(path: Path) -> bool:
    """Return whether this very file was plugged in, so that its code may run."""
    return any(entry.file == path.resolve() for kind in _plugged.values() for entry in kind.values())


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
    ours = _ours(kind)
    return {**ours, **offered(kind, ours).entries}


def left_out(kind: str) -> dict[str, str]:
    """Return the reasons, a line each, why entries of installed packages are left out, by name."""
    return offered(kind, _ours(kind)).left_out


def _ours(kind: str) -> dict[str, Entry]:
    if kind == TABLES:
        files = sorted((ROOT / "leaderboards" / "tables").glob("*.toml"))
        return {file.stem: Entry(file.stem, "", "", "", file=file) for file in files}
    found: dict[str, Entry] = {}
    for file in _sources(kind):
        module = ".".join(("inkbench", *file.relative_to(ROOT).with_suffix("").parts))
        found |= {entry.name: entry for entry in read_entries(file, module, "inkbench")}
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
    if kind == "methods" and text not in known and catalogue.is_row(text):
        return _given(text)
    if text not in known:
        if why := left_out(kind).get(text):
            raise UsageError(why)
        mend = " (name a file of your own with --plugin FILE.py)"
        near = [*known, *(catalogue.entries() if kind == "methods" else ())]
        raise UsageError(f"no {kind.removesuffix('s')} '{text}'{did_you_mean(text, near)}{mend}")
    return known[text]


def _given(name: str) -> Entry:
    """The entry of given weights: a name of the catalogue, or of what others hand out."""
    found = catalogue.find(name)
    summary = f"{found.family}: {found.supervision}, {found.data}"
    return Entry(found.name, "inkbench.methods.given", "row", summary, weights=name)


def load_named(kind: str, name: str) -> type:
    """The class behind a name that stands in a file, of those that are known: never a path. Raises UsageError."""
    if name not in entries(kind) and not (kind == "methods" and catalogue.is_row(name)):
        raise UsageError(
            f"{kind.removesuffix('s')} '{name}' is not one of inkbench's: name its file with --plugin FILE.py"
        )
    return load(kind, name)


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
    if (own := vars(found).get("name", entry.name)) != entry.name:
        raise UsageError(f"'{entry.name}' ({entry.origin}): {entry.attribute} calls itself '{own}'; use that name")
    return found


def usable(kind: str, wanted: Callable[[Entry], bool] = lambda entry: True) -> dict[str, type]:
    """The wanted classes of a kind by name; imports them. What a package brings and cannot be loaded is told.

    Raises UsageError for one of ours that cannot be loaded.
    """
    found = {}
    for name, entry in sorted(entries(kind).items()):
        if not wanted(entry):
            continue
        try:
            found[name] = load_entry(entry, kind)
        except UsageError as error:
            if entry.origin == "inkbench":
                raise
            _tell(f"left out: {error}")
    return found


@cache
def _tell(line: str) -> None:
    """Say a line on standard error, once."""
    complain(line)


def _bases() -> dict[str, type]:
    from inkbench.benchmark import api

    return {"methods": api.Method, "tasks": api.Task, "datasets": api.Dataset, "metrics": api.ItemMetric}


def _attribute(entry: Entry) -> object:
    if entry.origin != "inkbench":
        former_name()
    try:
        module = _import_file(entry) if entry.file else importlib.import_module(entry.module)
        found: object = vars(module)[entry.attribute]
        return found(entry.weights) if entry.weights else found  # type: ignore[operator]
    except UsageError:
        raise
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
    for entry in read_entries(path, path.stem, str(path)):
        for kind in ROOMS:
            if entry.name in installed(kind):
                origin = installed(kind)[entry.name].origin
                raise UsageError(f"{path}: '{entry.name}' is a name of {origin}; choose another")
        if not NAME.fullmatch(entry.name):
            raise UsageError(f"{path}: the name '{entry.name}' {NAMED_SO}")
        found[entry.attribute] = replace(entry, file=path.resolve(), checksum=checksum)
    return found


def _table_of(path: Path) -> Entry:
    """The entry of a table in a lone file. Raises UsageError."""
    if not path.is_file():
        raise UsageError(f"no plugin file {path}")
    if (other := installed(TABLES).get(path.stem)) is not None:
        raise UsageError(f"{path}: '{path.stem}' is a name of {other.origin}; choose another")
    return Entry(path.stem, "", "", "", str(path), path.resolve())


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
