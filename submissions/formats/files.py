"""Named bytes: what a folder, a file and a zip have in common, and how all are brought to one root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from inkbench.benchmark.errors import UsageError
from inkbench.submissions.findings import Report, few

CODE = ("metadata", "metadata.yaml")
LEFT_BEHIND = (".DS_Store", "Thumbs.db", "desktop.ini")
AT_ROOT = "zip the files themselves, not the folder that holds them"


class Files(Protocol):
    """Files by name, ``/`` between folders; ``whole`` is what all of them are called in a finding."""

    whole: str

    @property
    def names(self) -> Sequence[str]:
        """All names, sorted."""

    def read(self, name: str) -> bytes:
        """Read the bytes of a file. Raises ValueError, saying why, where they cannot be had."""


class Folder:
    """The files of a folder and of the folders in it, or one file alone."""

    def __init__(self, root: Path, whole: str = "") -> None:
        """Take a path; findings call all of it ``whole``, else its path. Raises UsageError where there is neither."""
        self.whole = whole or str(root)
        if root.is_dir():
            self._base = root
            self.names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        elif root.is_file():
            self._base, self.names = root.parent, [root.name]
        else:
            raise UsageError(f"no file or folder {root}")

    def read(self, name: str) -> bytes:
        """Read the bytes of a file."""
        try:
            return (self._base / name).read_bytes()
        except OSError as problem:
            raise ValueError(f"cannot be read ({problem.strerror})") from None


class Rooted:
    """Files without what a system left behind and, where ``flat``, without an enclosing folder.

    ``flat``: as a server takes them, all at the root; files in folders and files that a server would run are errors.
    """

    def __init__(self, files: Files, report: Report, flat: bool) -> None:
        self._files, self.whole = files, files.whole
        kept = [name for name in files.names if not _is_junk(name)]
        if len(kept) < len(files.names):
            junk = few(name for name in files.names if _is_junk(name))
            report.tolerated(junk, "is a file of the operating system, not a prediction", "leave it out of the zip")
        self._names = _flattened(kept, report) if flat else {name: name for name in kept}

    @property
    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._names)

    def read(self, name: str) -> bytes:
        """Read the bytes of a file. Raises ValueError."""
        return self._files.read(self._names[name])


def _is_junk(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or parts[-1] in LEFT_BEHIND or parts[-1].startswith("._")


def _flattened(names: Sequence[str], report: Report) -> dict[str, str]:
    """Return names at the root, without one enclosing folder, mapped to the original ones."""
    tops = {PurePosixPath(name).parts[0] for name in names}
    nested = len(tops) == 1 and all("/" in name for name in names)
    if nested:
        report.tolerated(f"{tops.pop()}/", "everything is in an enclosing folder, not at the root", AT_ROOT)
    found = {}
    for name in names:
        short = name.partition("/")[2] if nested else name
        if "/" in short:
            report.error(short, "is in a folder", AT_ROOT)
        elif short in CODE:
            report.error(short, "could be run as code by a server", "leave it out")
        else:
            found[short] = name
    return found
