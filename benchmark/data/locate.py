"""``--data ID|PATH``: from what a user types to a dataset, or one line that says what was expected."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from benchmark import registry
from benchmark.data.dataset import Dataset
from benchmark.data.survey import survey
from benchmark.data.terms import require_accepted
from benchmark.errors import Refusal, did_you_mean
from benchmark.request import settings_of

HOME = "INKBENCH_DATA"
Sets = Sequence[tuple[str, str]]


def open_dataset(text: str, preset: str, sets: Sets, results: Path) -> Dataset:
    """The dataset that ``text`` means: a name of the registry, the path of a folder, or ``NAME:PATH``.

    A name (or ``plugin.py:Class``) is looked for in ``$INKBENCH_DATA/<name>``; one that is drawn by the program
    lies in ``<results>/cache/<name>/<fingerprint>``. ``sets`` are the pairs of ``--set``, those of others are
    passed over. Nothing is read or drawn yet. Raises Refusal.
    """
    name, colon, path = text.partition(":")
    if text in registry.names("datasets") or name.endswith(".py"):
        dataset = _by_name(text, results, preset, sets)
    elif colon and name in registry.names("datasets"):
        dataset = _in_folder(_class(name), _folder(path), preset, sets)
        require_accepted(dataset)
    else:
        dataset = _recognised(text, preset, sets)
    dataset.checksums = results / "cache" / "checksums"
    dataset.unpacked = results / "cache" / dataset.name
    return dataset


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
        looked = f"{root} is no folder" if root else f"{HOME} is not set"
        source = f"; get it from {cls.homepage}" if cls.homepage else ""
        raise Refusal(f"dataset '{name}' is not here ({looked}); say where it lies with --data PATH{source}")
    dataset = _in_folder(cls, root, preset, sets)
    require_accepted(dataset)
    return dataset


def _folder(text: str) -> Path:
    root = Path(text).expanduser()
    if not root.exists():
        raise Refusal(f"no folder {root}")
    if not root.is_dir():
        raise Refusal(f"{root} is a file; --data takes the folder of a dataset")
    return root


def _in_folder(cls: type[Dataset], root: Path, preset: str, sets: Sets) -> Dataset:
    if not cls.accepts(root):
        raise Refusal(f"{root} is not laid out as {cls.name}; expected: {cls.layout}")
    return _make(cls, root, preset, sets)


def _recognised(text: str, preset: str, sets: Sets) -> Dataset:
    names = registry.names("datasets")
    if not Path(text).expanduser().exists() and os.sep not in text:
        raise Refusal(f"no dataset and no folder '{text}'{did_you_mean(text, names)}")
    root = _folder(text)
    classes = [_class(name) for name in names]
    found = [cls for cls in classes if cls.recognises(root)]
    if all(cls.specific == 0 for cls in found):
        found = [cls for cls in classes if cls.may_be(root)] or found
    best = [cls for cls in found if cls.specific == max(other.specific for other in found)]
    if not best:
        layouts = " | ".join(f"{cls.name}: {cls.layout}" for cls in classes)
        passed_over = "".join(f"{line}; " for line in survey(root, None))
        raise Refusal(f"{root} holds no layout that is known; {passed_over}expected one of: {layouts}")
    if len(best) > 1:
        several = " and ".join(cls.name for cls in best)
        raise Refusal(f"{root} looks like {several}; say which with --data {best[0].name}:{root}")
    return _make(best[0], root, preset, sets)
