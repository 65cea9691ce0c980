"""What an archive says that it holds, and whether that may be unpacked: judged by names, kinds and sizes alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

LONGEST_PART, LONGEST_NAME = 255, 1_024
"""Bytes of a file's name, and of a name with its folders: what every file system takes."""
GIB, MIB = 2**30, 2**20


class Kind(StrEnum):
    """What an entry is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"
    """A device, a pipe, a socket, a file with holes."""


@dataclass(frozen=True, slots=True)
class Member:
    """One entry as its archive declares it; ``packed`` are its bytes there, None where that is not said."""

    name: str
    size: int
    kind: Kind = Kind.FILE
    packed: int | None = None
    encrypted: bool = False

    @property
    def place(self) -> str:
        """The name as it is unpacked: ``./a.png``, as tar-like tools write it, and ``a.png`` are one."""
        return PurePosixPath(self.name.replace("\\", "/")).as_posix()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold: entries, bytes of one, bytes in all.

    An entry above ``ratio_from`` bytes may be ``ratio`` times its packed size, the whole above ``whole_from`` bytes
    ``whole_ratio`` times the archive's.
    """

    entries: int = 20_000
    entry_bytes: int = 256 * MIB
    total_bytes: int = 8 * GIB
    ratio: int = 1_000
    ratio_from: int = 16 * MIB
    whole_ratio: int = 200
    whole_from: int = 256 * MIB


SUBMISSION = Limits()
"""A map of one value compresses about a thousandfold; predictions in all far less."""
BUNDLE = Limits(entry_bytes=4 * GIB)
"""A bundle's truths lie in one file."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why something may not be unpacked, and the mend; ``name`` is empty where it is the whole archive."""

    name: str
    message: str
    mend: str


def judged(members: Sequence[Member], limits: Limits, packed: int) -> tuple[list[Member], list[Fault]]:
    """Return the files that may be unpacked, and what is wrong with the others: of what is too large none may.

    ``packed`` are the bytes of the whole archive, 0 where they say nothing (a folder).
    """
    faults = list(_bombs(members, limits, packed))
    if faults:
        return [], faults
    safe = []
    for member in members:
        told = _wrong(member)
        if told:
            faults.append(Fault(member.name, *told))
        elif member.kind is Kind.FILE:
            safe.append(member)
    return safe, faults + list(clashes([member.place for member in safe]))


def _bombs(members: Sequence[Member], limits: Limits, packed: int) -> Iterator[Fault]:
    if len(members) > limits.entries:
        yield Fault("", f"has {len(members)} entries, more than {limits.entries}", "pack one file per image")
        return
    total = sum(member.size for member in members)
    if total > limits.total_bytes:
        yield Fault("", f"is a zip bomb: unpacks to {total:,} bytes, more than {limits.total_bytes:,}", "pack less")
    elif packed and total > limits.whole_from and total > limits.whole_ratio * packed:
        told = f"is a zip bomb: unpacks to {total:,} bytes, {total // packed} times its size"
        yield Fault("", told, "pack real predictions")
    for member in members:
        if member.size > limits.entry_bytes:
            yield Fault(member.name, f"is a zip bomb: unpacks to {member.size:,} bytes", "pack smaller files")
        elif member.packed is not None and member.size > max(limits.ratio_from, limits.ratio * max(member.packed, 1)):
            ratio = member.size // max(member.packed, 1)
            yield Fault(member.name, f"is a zip bomb: unpacks to {ratio} times its size", "pack real predictions")


def _wrong(member: Member) -> tuple[str, str] | None:
    """Return what is wrong with one entry, and the mend."""
    name, parts = member.name, PurePosixPath(member.place).parts
    if name.startswith(("/", "\\")) or name[1:2] == ":":
        return "is an absolute path (path traversal)", "use names without a folder"
    if ".." in parts:
        return "is path traversal: the name climbs out of its folder with '..'", "use plain names"
    if member.kind is Kind.LINK:
        return "is a symlink", "pack the file it points to"
    if member.kind is Kind.OTHER:
        return "is not a regular file", "pack plain files only"
    if member.kind is Kind.FILE and parts in ((), (".",)):
        return "has no name", "name every file"
    lengths = [len(part.encode("utf-8", "surrogateescape")) for part in parts]
    if "\0" in name or max(lengths, default=0) > LONGEST_PART or sum(lengths) + len(lengths) > LONGEST_NAME:
        return "has a name that no file can have", f"use names of at most {LONGEST_PART} bytes"
    if member.encrypted:
        return "is encrypted", "pack without a password"
    return None


def clashes(places: Sequence[str]) -> Iterator[Fault]:
    """Yield places that several files have, and files that are the folder of others."""
    for place, times in Counter(places).items():
        if times > 1:
            yield Fault(place, f"is a duplicate: {times} entries of this name", "keep one")
    folders = {str(folder) for place in places for folder in PurePosixPath(place).parents}
    for place in sorted(folders.intersection(places)):
        yield Fault(place, "is both a file and a folder", "keep one")
