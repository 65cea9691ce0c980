"""``--data ID|[NAME=]PATH``: from what a user types to a dataset, or one line that says what was expected."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.config import SERIES_FROM, settings_of
from inkbench.benchmark.contracts.dataset import Dataset
from inkbench.benchmark.data.own import SAYS, check_name, folder_name, read_own
from inkbench.benchmark.data.survey import survey
from inkbench.benchmark.data.terms import require_accepted
from inkbench.benchmark.data.units import by_regex
from inkbench.benchmark.errors import UsageError, brief, did_you_mean

HOME = "INKBENCH_DATA"
Sets = Sequence[tuple[str, str]]


def open_dataset(text: str, preset: str, sets: Sets, results: Path) -> Dataset:
    """The dataset that ``text`` means: a name of the registry, ``[NAME=]PATH`` of a folder, or ``[NAME=]LAYOUT:PATH``.

    The layout may be a class of a file: ``plugin.py:Class:PATH``.
    A name (or ``plugin.py:Class``) is looked for in ``$INKBENCH_DATA/<name>``; one that is drawn by the program
    lies in ``<results>/cache/<name>/<fingerprint>``. Other data are a person's own: called NAME, or as their
    ``dataset.toml`` says, or like their folder. ``sets`` are the pairs of ``--set``, those of others are
    passed over. Nothing is read or drawn yet. Raises UsageError.
    """
    called, where = _called(text)
    name, colon, path = where.partition(":")
    if name.endswith(".py") and ":" in path:
        cls, _, path = path.partition(":")
        dataset = _as_own(_in_folder(_class(f"{name}:{cls}"), _folder(path), preset, sets), called)
        require_accepted(dataset)
    elif not called and (text in registry.names("datasets") or name.endswith(".py")):
        dataset = _by_name(text, results, preset, sets)
    elif colon and name in registry.names("datasets"):
        dataset = _as_own(_in_folder(_class(name), _folder(path), preset, sets), called)
        require_accepted(dataset)
    else:
        if colon and re.fullmatch(r"[a-z0-9_-]+", name) and path[:2] != "//" and not Path(where).exists():
            registry.find("datasets", name)  # a layout that nobody knows is refused with the mend
        dataset = _as_own(_recognised(where, preset, sets), called)
    _require_utf8(dataset.root)
    dataset.checksums = results / "cache" / "checksums"
    dataset.unpacked = results / "cache" / dataset.reader
    dataset.series_from = _series_from(dataset, sets)
    return dataset


def _require_utf8(root: Path) -> None:
    """Refuse a place whose name no record can hold, though it was reached by one that can."""
    try:
        str(root.resolve()).encode()
    except UnicodeEncodeError:
        where = brief(os.fsencode(root.resolve()))
        raise UsageError(f"{where} is not UTF-8; rename the folder, or work from one whose path is") from None


def code_of(text: str) -> Path | None:
    """The file of a person's own whose class reads the data that ``text`` means; None where none does."""
    name = _called(text)[1].partition(":")[0]
    return Path(name) if name.endswith(".py") else None


def _called(text: str) -> tuple[str, str]:
    """NAME and the rest of ``NAME=...``; no name where there is none, or where a folder is called so with its ``=``."""
    name, equals, rest = text.partition("=")
    if not equals or os.sep in name or ":" in name or Path(text).expanduser().exists():
        return "", text
    check_name(name, f"--data {text}")
    if not rest or (rest in registry.names("datasets") and not Path(rest).is_dir()):
        raise UsageError(f"--data {text}: naming a folder of your own takes NAME=PATH or NAME=LAYOUT:PATH")
    return name, rest


def _as_own(dataset: Dataset, called: str) -> Dataset:
    """Data that no name of the registry was asked for: they have a name of their own."""
    dataset.name = called or read_own(dataset.root).get("name") or folder_name(dataset.root, dataset.reader)
    dataset.own = True
    return dataset


def _series_from(dataset: Dataset, sets: Sets) -> str | None:
    """The expression that finds series: that of the command, else of ``dataset.toml``; none where the layout knows."""
    asked = dict(sets).get(SERIES_FROM)
    said = read_own(dataset.root).get("series") if dataset.root.is_dir() else None
    for regex in (asked, said):
        if regex is not None:
            by_regex((), regex)
    if said and not dataset.guesses:
        raise UsageError(f"{dataset.root / SAYS}: {dataset.reader} defines the series itself; leave out 'series'")
    return (asked or said) if dataset.guesses else None


def heeds_series_from(dataset: Dataset, sets: Sets) -> None:
    """Raise UsageError where ``--series-from`` is asked of data whose layout knows its series."""
    if SERIES_FROM in dict(sets) and not dataset.guesses:
        raise UsageError(f"--series-from: {dataset.reader} defines the series itself; leave it out")


def _class(name: str) -> type[Dataset]:
    return registry.load("datasets", name)


def _make(cls: type[Dataset], root: Path, preset: str, sets: Sets) -> Dataset:
    return cls(root, cls.Config.resolve(cls.name, preset, settings_of(cls.name, sets)))


def _by_name(name: str, results: Path, preset: str, sets: Sets) -> Dataset:
    cls = _class(name)
    name = cls.name
    if cls.drawn:
        drawn = results / "cache" / name
        return _make(cls, drawn / _make(cls, drawn, preset, sets).fingerprint(), preset, sets)
    home = os.environ.get(HOME)
    root = Path(home).expanduser() / name if home else None
    if root is None or not root.is_dir():
        looked = f"{root} is not a folder" if root else f"{HOME} is not set"
        source = f"; download it from {cls.homepage}" if cls.homepage else ""
        raise UsageError(f"dataset '{name}' was not found ({looked}); give its folder with --data PATH{source}")
    dataset = _in_folder(cls, root, preset, sets)
    require_accepted(dataset)
    return dataset


def _folder(text: str) -> Path:
    root = Path(text).expanduser()
    if not root.exists():
        raise UsageError(f"no folder {root}")
    if not root.is_dir():
        raise UsageError(f"{root} is a file; --data takes the folder of a dataset")
    return root


def _in_folder(cls: type[Dataset], root: Path, preset: str, sets: Sets) -> Dataset:
    if not cls.accepts(root):
        raise UsageError(f"{root} does not have the layout {cls.name}; expected: {cls.layout}")
    return _make(cls, root, preset, sets)


def _recognised(text: str, preset: str, sets: Sets) -> Dataset:
    names = registry.names("datasets")
    if not Path(text).expanduser().exists() and os.sep not in text:
        raise UsageError(f"no dataset or folder '{text}'{did_you_mean(text, names)}")
    root = _folder(text)
    classes: list[Any] = list(registry.usable("datasets").values())
    found = [cls for cls in classes if cls.recognises(root)]
    if all(cls.specific == 0 for cls in found):
        found = [cls for cls in classes if cls.may_be(root)] or found
    best = [cls for cls in found if cls.specific == max(other.specific for other in found)]
    if not best:
        layouts = " | ".join(f"{cls.name}: {cls.layout}" for cls in classes)
        passed_over = "".join(f"{line}; " for line in survey(root, None))
        raise UsageError(f"{root} has no known layout; {passed_over}expected one of: {layouts}")
    if len(best) > 1:
        several = " and ".join(cls.name for cls in best)
        raise UsageError(f"{root} looks like {several}; choose one with --data {best[0].name}:{root}")
    return _make(best[0], root, preset, sets)
