"""Zip files from strangers: every entry judged by name and size before it is read, nothing ever written to disk."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from inkbench.benchmark.errors import UsageError
from inkbench.submissions.findings import Report, few

MOST_ENTRIES = 20_000
MOST_ENTRY_BYTES = 256 * 2**20
MOST_BYTES = 8 * 2**30
MOST_RATIO = 1_000
"""A map of one value compresses about this well; a bomb does better, and is large."""
RATIO_COUNTS_FROM = 16 * 2**20
ENCRYPTED = 0x1


class Archive:
    """The entries of an open zip that are safe to read, by their names; findings on the others."""

    whole = "the zip"

    def __init__(self, file: zipfile.ZipFile, report: Report) -> None:
        self._file, self._report = file, report
        infos = [info for info in file.infolist() if not info.is_dir()]
        bombs = _bombs(infos, report)
        safe = [info for info in infos if self._is_safe(info)] if not bombs else []
        for name, times in Counter(_plain(info.filename) for info in safe).items():
            if times > 1:
                report.error(name, f"is a duplicate: {times} entries of this name", "keep one")
        self._entries = {_plain(info.filename): info for info in safe}
        if turned := [info.filename for info in safe if "\\" in info.filename]:
            text = "has a backslash, which is not a separator in a zip, and is read as one"
            report.tolerated(few(turned), text, "use '/' or no folder at all")

    @property
    def names(self) -> list[str]:
        """Names of the entries without ``./``, sorted."""
        return sorted(self._entries)

    def read(self, name: str) -> bytes:
        """Return the bytes of an entry. Raises ValueError where they are damaged or more than was declared."""
        info = self._entries[name]
        try:
            with self._file.open(info) as entry:
                data = entry.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as problem:
            raise ValueError(f"cannot be unpacked ({problem})") from None
        if len(data) != info.file_size:
            raise ValueError(f"does not unpack to the {info.file_size} bytes that it declares (a zip bomb?)")
        return data

    def _is_safe(self, info: zipfile.ZipInfo) -> bool:
        name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or name[1:2] == ":":
            told = ("absolute path (path traversal)", "use names without a folder")
        elif not parts or parts == (".",):
            told = ("has no name", "name every file")
        elif ".." in parts:
            told = ("path traversal: the name climbs out of its folder with '..'", "use plain names")
        elif stat.S_ISLNK(info.external_attr >> 16):
            told = ("is a symlink", "pack the file it points to")
        elif kind not in (0, stat.S_IFREG):
            told = ("is not a regular file", "pack plain files only")
        elif info.flag_bits & ENCRYPTED:
            told = ("is encrypted", "pack without a password")
        else:
            return True
        self._report.error(name, *told)
        return False


def _plain(name: str) -> str:
    """Return a name as it is unpacked: ``./a.png``, as tar-like tools write it, and ``a.png`` are one."""
    return PurePosixPath(name.replace("\\", "/")).as_posix()


@contextmanager
def opened(path: Path, report: Report) -> Iterator[Archive]:
    """Open and judge the archive at ``path``. Raises UsageError where it is not a zip or cannot be read."""
    try:
        file = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise UsageError(f"no file {path}") from None
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as problem:
        raise UsageError(f"{path} is not a zip that can be read ({problem}); pack it again") from None
    with file:
        yield Archive(file, report)


def _bombs(infos: list[zipfile.ZipInfo], report: Report) -> bool:
    """Return whether something makes the whole archive too large to be opened at all."""
    before = len(report.findings)
    if len(infos) > MOST_ENTRIES:
        report.error("the zip", f"has {len(infos)} entries, more than {MOST_ENTRIES}", "pack one file per image")
    total = sum(info.file_size for info in infos)
    if total > MOST_BYTES:
        report.error("the zip", f"zip bomb: unpacks to {total:,} bytes, more than {MOST_BYTES:,}", "pack less")
    for info in infos:
        if info.file_size > MOST_ENTRY_BYTES:
            report.error(info.filename, f"zip bomb: unpacks to {info.file_size:,} bytes", "pack smaller files")
        elif info.file_size > RATIO_COUNTS_FROM and info.file_size > MOST_RATIO * max(info.compress_size, 1):
            ratio = info.file_size // max(info.compress_size, 1)
            report.error(info.filename, f"zip bomb: unpacks to {ratio} times its size", "pack real predictions")
    return len(report.findings) > before
