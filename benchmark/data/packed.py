"""The pack of a dataset: its many small image files in one LMDB file, read where it holds a file as it is now.

Two tables share the keys: ``files`` holds the bytes, unchanged, ``stamps`` size, modification time, inode and CRC-32. A
file whose stamp is another, or whose bytes have another CRC, is read from the folder, so pixels never depend on a pack.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from inkbench.benchmark.data.fingerprint import root_key
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.locks import claim

if TYPE_CHECKING:
    import lmdb

FILES, STAMPS = b"files", b"stamps"
LONGEST_KEY = 511
"""Bytes; what LMDB takes."""
MEND = "delete it, and pack again with data pack"
INSTALL = "packs need the package lmdb; install it with: pip install -e '.[packed]'"
Read = Callable[[Path], bytes | None]


class Stamp(NamedTuple):
    """Identity of a file when it was packed: bytes, nanoseconds, inode, CRC-32 of the bytes."""

    size: int
    mtime_ns: int
    inode: int
    crc: int

    @classmethod
    def of(cls, stat: os.stat_result, data: bytes) -> Stamp:
        """Return the stamp of a file's bytes."""
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ino, zlib.crc32(data))

    @classmethod
    def unpack(cls, stored: bytes) -> Stamp:
        """Read a stored stamp. Raises struct.error for what is none."""
        return cls(*_STAMP.unpack(stored))

    def pack(self) -> bytes:
        """Return the stamp as it is stored."""
        return _STAMP.pack(*self)

    def is_of(self, stat: os.stat_result) -> bool:
        """Return whether a file is still the one that was packed."""
        return self[:3] == (stat.st_size, stat.st_mtime_ns, stat.st_ino)


_STAMP = struct.Struct("<QqQI")


@dataclass(frozen=True, slots=True)
class Pack:
    """Pack of the dataset at ``root`` in a results folder, whether or not there is one."""

    root: Path
    file: Path

    @classmethod
    def of(cls, root: Path, results: Path) -> Pack:
        """Return the pack of a dataset's folder."""
        return cls(root, results / "cache" / "packed" / f"{root_key(root)}.lmdb")

    @property
    def lock(self) -> Path:
        """The lock file: held alone by who writes the pack, shared by those who read it."""
        return self.file.with_name(f".{self.file.stem}.lock")

    def key(self, path: Path) -> bytes:
        """Return the path below the root (of files unpacked elsewhere, the path); a very long one ends in a hash."""
        name = str(path).removeprefix(f"{self.root}{os.sep}").encode("utf-8", "surrogateescape")
        if len(name) <= LONGEST_KEY:
            return name
        digest = hashlib.sha256(name).digest()
        return name[: LONGEST_KEY - len(digest)] + digest

    def told(self) -> str:
        """Return what ``data info`` says of the pack."""
        if not self.file.is_file():
            return "-"
        return f"{self.file}, {self.file.stat().st_size / 2**20:.0f} MiB (may be removed at any time)"


def library() -> None:
    """Raise UsageError where LMDB is not installed."""
    try:
        import lmdb  # noqa: F401
    except ImportError:
        raise UsageError(INSTALL) from None


def is_cut(environment: lmdb.Environment, file: Path) -> bool:
    """Return whether a pack is shorter than its head says: reading a mapped file past its end kills the process."""
    return (environment.info()["last_pgno"] + 1) * environment.stat()["psize"] > file.stat().st_size


@contextmanager
def reading(pack: Pack | None, progress: Progress) -> Iterator[Read]:
    """Give a function that reads a file's bytes from the pack, for any thread; None where it lacks this version.

    A pack that cannot be read is told in one line, and everything is then read from the folder.
    """
    if pack is None or not pack.file.is_file():
        yield _nothing
        return
    with claim(pack.lock, shared=True) as mine:
        reader = _Reader(pack) if mine else None
        try:
            yield reader.read if reader else _nothing
        finally:
            fault = reader.close() if reader else "another process is writing it"
            if fault:
                progress.say(f"{pack.file} ignored, reading files from {pack.root}: {fault}")


def _nothing(path: Path) -> None:
    del path


class _Reader:
    """An open pack; the first fault is kept, and nothing is read from the pack after it."""

    def __init__(self, pack: Pack) -> None:
        self.pack, self.fault = pack, ""
        self.environment: lmdb.Environment | None = None
        try:
            import lmdb

            self.error: type[Exception] = lmdb.Error
        except ImportError:
            self.fault = INSTALL
            return
        try:
            # no locks of LMDB's own: the pack's lock keeps writers away, also on folders that may not be written
            self.environment = lmdb.open(str(pack.file), subdir=False, readonly=True, lock=False, max_dbs=2)
            if is_cut(self.environment, pack.file):
                self.fault = f"it is truncated; {MEND}"
                return
            self.files, self.stamps = (self.environment.open_db(name, create=False) for name in (FILES, STAMPS))
        except lmdb.Error as error:
            self.fault = f"{error}; {MEND}"

    def read(self, path: Path) -> bytes | None:
        """Return the bytes of a file as packed, where they are still its bytes."""
        if self.fault or self.environment is None:
            return None
        try:
            stat = path.stat()
        except OSError:
            return None  # whoever reads the file itself says what is wrong with it
        key = self.pack.key(path)
        try:
            with self.environment.begin() as transaction:
                stamped = transaction.get(key, db=self.stamps)
                stamp = Stamp.unpack(stamped) if stamped else None
                data = transaction.get(key, db=self.files) if stamp and stamp.is_of(stat) else None
        except (self.error, struct.error) as error:
            self.fault = f"{error}; {MEND}"
            return None
        if data is None or stamp is None:
            return None
        if zlib.crc32(data) != stamp.crc:
            self.fault = f"{path.name} differs there; {MEND}"
            return None
        return data

    def close(self) -> str:
        """Close the pack; gives what was wrong with it, or nothing."""
        if self.environment is not None:
            self.environment.close()
        return self.fault
