"""Files that an annotation names: found below the dataset's folder, never outside of it."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from inkbench.benchmark.data.filenames import one_name, suffix_of
from inkbench.benchmark.errors import UsageError, brief

LONGEST_NAME, LONGEST_PATH = 255, 1024


def below(folder: Path, name: str, where: str) -> Path:
    """Return ``folder/name``, which need not exist. Raises UsageError, naming ``where``, for no name of a file below.

    Backslashes are taken for slashes: annotations are made on Windows too.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    why = None
    if not path.name:
        why = "is not a file name"
    elif path.is_absolute() or ".." in path.parts:
        why = "points outside the dataset's folder; give a path below it"
    elif any(ord(sign) < 32 or 0xD800 <= ord(sign) < 0xE000 for sign in name):
        why = "contains characters that no file name has"
    elif len(str(path).encode()) > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in path.parts):
        why = "is longer than a file name can be"
    if why:
        raise UsageError(f"{where}: {brief(name)} {why}")
    return folder / path


class Finder:
    """Finds the files that annotations name, also where both spell a name otherwise; lists each folder once.

    A name is first taken to the letter. Then é may be one sign or two (macOS), a backslash a slash, a suffix of the
    other case, and blanks at the ends none.
    """

    def __init__(self) -> None:
        self._spelled: dict[Path, dict[str, str]] = {}

    def find(self, folder: Path, name: str, where: str) -> Path:
        """Return ``folder/name`` as it lies there, or as written where nothing does.

        Raises UsageError like ``below``.
        """
        path = below(folder, name, where)
        literal = folder / name
        if "\\" in name and literal.is_file():
            return literal
        if path.is_file():
            return path
        found = self._look(folder, path)
        if found is None and name != name.strip() and name.strip():
            found = self._look(folder, below(folder, name.strip(), where))
        return found or path

    def _look(self, folder: Path, path: Path) -> Path | None:
        for part in path.relative_to(folder).parts:
            names = self._names(folder)
            spelled = names.get(one_name(part)) or names.get(_loose(part))
            if spelled is None:
                return None
            folder = folder / spelled
        return folder if folder.is_file() else None

    def _names(self, folder: Path) -> dict[str, str]:
        """Return the entries of a folder by the spellings that they may be asked for."""
        if folder not in self._spelled:
            try:
                names = sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208 (names alone, a million)
            except OSError:
                names = []
            self._spelled[folder] = {
                **{_loose(name): name for name in names},
                **{one_name(name): name for name in names},
            }
        return self._spelled[folder]


def _loose(name: str) -> str:
    """Return a name in one spelling, its suffix in small letters."""
    suffix = suffix_of(name)
    return one_name(name[: len(name) - len(suffix)] + suffix)
