"""Zip files from strangers: every entry judged by name and size before it is read, nothing ever written to disk."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from benchmark.errors import Refusal
from submissions.findings import Finding, error, few, tolerated

MOST_ENTRIES = 20_000
MOST_ENTRY_BYTES = 256 * 2**20
MOST_BYTES = 8 * 2**30
MOST_RATIO = 1_000
"""A map of one value compresses about this well; a bomb does better, and is large."""
RATIO_COUNTS_FROM = 16 * 2**20
ENCRYPTED = 0x1
CODE = ("metadata", "metadata.yaml")
PACKED_AT_ROOT = "zip the files themselves, not the folder that holds them"


class Archive:
    """The entries of an open zip that are safe to read, by their name at the root; ``findings`` on the others."""

    def __init__(self, file: zipfile.ZipFile, strict: bool) -> None:
        self._file = file
        self.findings: list[Finding] = []
        infos = [info for info in file.infolist() if not info.is_dir()]
        self.findings += _bombs(infos)
        safe = [info for info in infos if self._is_safe(info)] if not self.findings else []
        kept = [info for info in safe if not _is_junk(info.filename)]
        if len(kept) < len(safe):
            junk = few(info.filename for info in safe if _is_junk(info.filename))
            self.findings.append(
                tolerated(strict, junk, "is what a system left behind, no prediction", "leave it out of the zip")
            )
        self._entries = self._at_root(kept, strict)

    @property
    def names(self) -> list[str]:
        """Names of the entries, sorted."""
        return sorted(self._entries)

    def read(self, name: str) -> bytes:
        """The bytes of an entry. Raises ValueError where they are damaged or more than was declared."""
        info = self._entries[name]
        try:
            with self._file.open(info) as entry:
                data = entry.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as problem:
            raise ValueError(f"cannot be unpacked ({problem})") from None
        if len(data) != info.file_size:
            raise ValueError(f"unpacks to another size than the {info.file_size} bytes it declares (a zip bomb?)")
        return data

    def _is_safe(self, info: zipfile.ZipInfo) -> bool:
        name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
        parts = PurePosixPath(name.replace("\\", "/")).parts
        found = None
        if name.startswith(("/", "\\")) or name[1:2] == ":":
            found = error(name, "absolute path (path traversal)", "use names without a folder")
        elif ".." in parts:
            found = error(name, "path traversal: the name climbs out of its folder with '..'", "use plain names")
        elif "\\" in name:
            found = error(name, "has a backslash, which is no separator in a zip", "use '/' or no folder at all")
        elif stat.S_ISLNK(info.external_attr >> 16):
            found = error(name, "is a symlink", "pack the file it points to")
        elif kind not in (0, stat.S_IFREG):
            found = error(name, "is no regular file", "pack plain files only")
        elif info.flag_bits & ENCRYPTED:
            found = error(name, "is encrypted", "pack without a password")
        if found:
            self.findings.append(found)
        return found is None

    def _at_root(self, infos: list[zipfile.ZipInfo], strict: bool) -> dict[str, zipfile.ZipInfo]:
        """Entries by their name without one enclosing folder; duplicates, deeper folders and code are errors."""
        tops = {PurePosixPath(info.filename).parts[0] for info in infos}
        nested = bool(infos) and len(tops) == 1 and all("/" in info.filename for info in infos)
        if nested:
            folder = f"{tops.pop()}/"
            self.findings.append(
                tolerated(strict, folder, "everything lies in an enclosing folder, not at the root", PACKED_AT_ROOT)
            )
        names = [info.filename.partition("/")[2] if nested else info.filename for info in infos]
        for name, times in Counter(names).items():
            if times > 1:
                self.findings.append(error(name, f"is a duplicate: {times} entries of this name", "keep one"))
            if "/" in name:
                self.findings.append(error(name, "lies in a folder", PACKED_AT_ROOT))
            if name in CODE:
                self.findings.append(error(name, "would be run as code by a server", "leave it out"))
        return {name: info for name, info in zip(names, infos, strict=True) if "/" not in name and name not in CODE}


@contextmanager
def opened(path: Path, strict: bool) -> Iterator[Archive]:
    """The archive at ``path``, judged. Raises Refusal where it is no zip or cannot be read."""
    try:
        file = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise Refusal(f"no file {path}") from None
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as problem:
        raise Refusal(f"{path} is no zip that can be read ({problem}); pack it again") from None
    with file:
        yield Archive(file, strict)


def _is_junk(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini") or parts[-1].startswith("._")


def _bombs(infos: list[zipfile.ZipInfo]) -> list[Finding]:
    """What makes the whole archive too large to be opened at all."""
    found = []
    if len(infos) > MOST_ENTRIES:
        found.append(error("the zip", f"has {len(infos)} entries, more than {MOST_ENTRIES}", "pack one map an image"))
    total = sum(info.file_size for info in infos)
    if total > MOST_BYTES:
        found.append(error("the zip", f"zip bomb: unpacks to {total:,} bytes, more than {MOST_BYTES:,}", "pack less"))
    for info in infos:
        if info.file_size > MOST_ENTRY_BYTES:
            found.append(error(info.filename, f"zip bomb: unpacks to {info.file_size:,} bytes", "pack smaller maps"))
        elif info.file_size > RATIO_COUNTS_FROM and info.file_size > MOST_RATIO * max(info.compress_size, 1):
            ratio = info.file_size // max(info.compress_size, 1)
            found.append(error(info.filename, f"zip bomb: unpacks to {ratio} times its size", "pack real maps"))
    return found
