"""The mapping from an item's id to the name of a file, and back.

The stem of an item's file is its id with ``__`` for every ``/``: ``3/12_0`` becomes ``3__12_0.png`` in a flat folder.
Folders below the folder work too: ``3/12_0.png``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from unicodedata import normalize

from inkbench.benchmark.errors import UsageError


def flat(item: str) -> str:
    """Return the stem of an item's file. Raises UsageError for an id that no file can be named by."""
    parts = item.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in item or not item.isprintable() or item[1:2] == ":":
        raise UsageError(f"item {item!r} cannot be the name of a file; rename its image")
    return "__".join(parts)


class Names:
    """The items of a reference by the names that their files may have."""

    def __init__(self, ids: Sequence[str]) -> None:
        """Index the items. Raises UsageError where two would have one file, be it where case does not count."""
        self.ids = list(ids)
        self._known: dict[str, str] = {}
        self._lower: dict[str, str] = {}
        for item in ids:
            stem = one_form(flat(item))
            other = self._lower.setdefault(stem.lower(), item)
            if other != item:
                raise UsageError(f"items {other} and {item} would both be {stem} in a flat folder; rename one")
            self._known[stem] = self._known[one_form(item)] = item
            self._lower.setdefault(one_form(item).lower(), item)

    def find(self, name: str) -> str | None:
        """Return the item that a file, with its folders and suffix, is of; of several meant the nearest path."""
        return next((self._known[way] for way in _ways(name) if way in self._known), None)

    def near(self, name: str) -> str | None:
        """Return the item whose name differs from the file's in case alone."""
        return next((self._lower[way.lower()] for way in _ways(name) if way.lower() in self._lower), None)


def _ways(name: str) -> list[str]:
    """Return the possible meanings of a file's name, without its suffix or with it, with fewer and fewer folders."""
    parts = PurePosixPath(one_form(name)).parts
    paths = ["/".join(parts[start:]) for start in range(len(parts))]
    return [way for path in paths for way in (stem(path), path)]


def one_form(name: str) -> str:
    """Return a name in the form (NFC) by which names are compared: macOS writes é as two signs, others as one."""
    return normalize("NFC", name)


def stem(name: str) -> str:
    """Return a name without its suffix, folders kept."""
    return name.removesuffix(PurePosixPath(name).suffix)
