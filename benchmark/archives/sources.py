"""Where members come from: a zip, a gzipped tar, a folder; each lists all before it gives the bytes of one."""

from __future__ import annotations

import gzip
import itertools
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from inkbench.benchmark import regular
from inkbench.benchmark.archives.members import Kind, Limits, Member
from inkbench.benchmark.errors import UsageError

CHUNK = 2**20
"""Bytes that are unpacked at a time, and the most that a header of a tar may have."""
ENCRYPTED = 0x1
LISTED = 512
"""Bytes of a zip's list that an entry may take on the average."""
_END, _END64 = b"PK\x05\x06", b"PK\x06\x06"
_TAIL = 2**16 + 22 + 20 + 56
_SAID_ELSEWHERE = 2**32 - 1
HEADERS = 2048
"""Bytes of headers and padding that a member of a tar may have on the average."""
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, gzip.BadGzipFile, tarfile.TarError, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError, LookupError, RecursionError),
)
"""What the readers of Python raise on damaged and on hostile archives."""


class Source(Protocol):
    """An archive that was opened."""

    packed: int

    @property
    def members(self) -> Sequence[Member]:
        """All that it holds, in its order."""

    def contents(self, wanted: Sequence[Member]) -> Iterator[tuple[Member, Iterator[bytes]]]:
        """Yield members with their bytes in pieces, which are taken before the next is asked for.

        Raises ValueError where they are damaged.
        """


class Zip:
    """The entries of a zip."""

    def __init__(self, file: zipfile.ZipFile, packed: int) -> None:
        self._file, self.packed = file, packed
        self._members = [_of_zip(info) for info in file.infolist()]
        self._infos = dict(zip(map(id, self._members), file.infolist(), strict=True))

    @property
    def members(self) -> Sequence[Member]:
        """All entries."""
        return self._members

    def contents(self, wanted: Sequence[Member]) -> Iterator[tuple[Member, Iterator[bytes]]]:
        """Yield entries with their bytes."""
        for member in wanted:
            yield member, self.pieces(member)

    def pieces(self, member: Member) -> Iterator[bytes]:
        """Yield the bytes of an entry. Raises ValueError where they are damaged or not as many as declared."""
        came = 0
        try:
            with self._file.open(self._infos[id(member)]) as entry:
                while piece := entry.read(CHUNK):
                    came += len(piece)
                    yield piece
        except (*DAMAGED, OSError) as problem:
            raise ValueError(f"cannot be unpacked ({problem})") from None
        if came != member.size:
            raise ValueError(f"does not unpack to the {member.size} bytes that it declares (a zip bomb?)")


def _of_zip(info: zipfile.ZipInfo) -> Member:
    mode = stat.S_IFMT(info.external_attr >> 16)
    kind = Kind.LINK if mode == stat.S_IFLNK else Kind.FILE if mode in (0, stat.S_IFREG) else Kind.OTHER
    if info.is_dir() and mode in (0, stat.S_IFDIR):
        kind = Kind.FOLDER
    return Member(info.filename, info.file_size, kind, info.compress_size, bool(info.flag_bits & ENCRYPTED))


@contextmanager
def opened_zip(path: Path | BinaryIO, limits: Limits, name: str = "") -> Iterator[Zip]:
    """Open a zip by its path, or by its bytes that are called ``name``.

    Raises UsageError where it is none, and for one with so long a list of entries that it is not read.
    """
    name = name or str(path)
    with ExitStack() as held:
        try:
            file = held.enter_context(regular.opened(path)) if isinstance(path, Path) else path
            if _list_bytes(file) > limits.entries * LISTED:
                raise UsageError(f"{name} lists more than {limits.entries:,} entries; pack fewer files")
            opened = held.enter_context(zipfile.ZipFile(file))
        except FileNotFoundError:
            raise UsageError(f"no file {name}") from None
        except (*DAMAGED, OSError) as problem:
            raise UsageError(f"{name} is not a zip that can be read ({problem}); pack it again") from None
        yield Zip(opened, file.seek(0, os.SEEK_END))


def _list_bytes(file: BinaryIO) -> int:
    """Return how long the list of a zip's entries says it is: all of it is read into memory when it is opened."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _TAIL, 0))
    tail, found = file.read(_TAIL) + bytes(64), [0]
    for sign, place, form in ((_END, 12, "<L"), (_END64, 40, "<Q")):
        at = tail.find(sign)
        while at >= 0:
            said = struct.unpack_from(form, tail, at + place)[0]
            found += [min(said, size)] if said != _SAID_ELSEWHERE else []
            at = tail.find(sign, at + 1)
    return max(found)


class Tree:
    """The files of a folder; what is a link, a pipe or a device there is one here."""

    packed = 0

    def __init__(self, root: Path) -> None:
        """Read the folder's names. Raises UsageError."""
        self._root = root
        try:
            self._members = [self._member(Path(top, name)) for top, folders, files in os.walk(root)
                             for name in sorted((*folders, *files))]  # fmt: skip
        except OSError as problem:
            raise UsageError(f"{root} cannot be read ({problem.strerror})") from None

    def _member(self, path: Path) -> Member:
        status = path.lstat()
        kinds = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.FOLDER, stat.S_IFLNK: Kind.LINK}
        kind = kinds.get(stat.S_IFMT(status.st_mode), Kind.OTHER)
        return Member(path.relative_to(self._root).as_posix(), status.st_size if kind is Kind.FILE else 0, kind)

    @property
    def members(self) -> Sequence[Member]:
        """All files and folders."""
        return self._members

    def contents(self, wanted: Sequence[Member]) -> Iterator[tuple[Member, Iterator[bytes]]]:
        """Yield files with their bytes."""
        for member in wanted:
            with regular.opened(self._root / member.name) as file:
                yield member, iter(partial(file.read, CHUNK), b"")


class Tar:
    """The members of a gzipped tar, which is read once for what it holds and once more for its bytes."""

    def __init__(self, path: Path, most: int, files: int) -> None:
        """Read the list of at most ``files`` files with ``most`` bytes, and of one more. Raises UsageError."""
        self._path, self._most = path, most + HEADERS * (files + 1)
        with self._opened() as tar:
            self._members = [_of_tar(info) for info in itertools.islice(tar, files + 1)]
        self.packed = path.stat().st_size

    @property
    def members(self) -> Sequence[Member]:
        """All members."""
        return self._members

    def contents(self, wanted: Sequence[Member]) -> Iterator[tuple[Member, Iterator[bytes]]]:
        """Yield members with their bytes, which are read in the order of the archive."""
        known = {id(member) for member in wanted}
        with self._opened() as tar:
            for member, info in zip(self._members, tar, strict=True):
                file = tar.extractfile(info) if id(member) in known else None
                if file is not None and _of_tar(info) == member:
                    yield member, iter(partial(file.read, CHUNK), b"")

    @contextmanager
    def _opened(self) -> Iterator[tarfile.TarFile]:
        try:
            with regular.opened(self._path) as raw, gzip.GzipFile(fileobj=raw) as file:
                forward: Any = _Forward(file, self._most, str(self._path))
                with tarfile.open(fileobj=forward, mode="r:") as tar:
                    yield tar
        except (*DAMAGED, OSError) as error:
            raise UsageError(
                f"{self._path} is not a complete gzipped tar ({error}); delete it and download it again"
            ) from None


def _of_tar(info: tarfile.TarInfo) -> Member:
    kind = Kind.FOLDER if info.isdir() else Kind.LINK if info.issym() or info.islnk() else Kind.OTHER
    if info.isreg() and not info.issparse():
        kind = Kind.FILE
    return Member(info.name, info.size, kind)


class _Forward:
    """A stream that is only read forwards, in small pieces and to an end: tarfile itself reads headers of any size."""

    def __init__(self, file: gzip.GzipFile, most: int, called: str) -> None:
        self._file, self._most, self._called, self._at = file, most, called, 0

    def read(self, size: int) -> bytes:
        """Read bytes. Raises tarfile.ReadError for more than a header has, UsageError past the most of all."""
        if not 0 <= size <= CHUNK:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        data = self._file.read(size)
        self._at += len(data)
        if self._at > self._most:
            raise UsageError(f"{self._called} unpacks to more than {self._most:,} bytes; it was not unpacked")
        return data

    def seek(self, place: int) -> None:
        """Go forwards. Raises tarfile.ReadError for going back."""
        if place < self._at:
            raise tarfile.ReadError("members that overlap")
        while self._at < place and self.read(min(CHUNK, place - self._at)):
            pass

    def tell(self) -> int:
        """Return the place."""
        return self._at
