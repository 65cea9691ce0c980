"""Cached files that prove what they hold: each begins with a checksum over its key and its bytes, held at every read.

What does not match is told in one line, removed and made again by whoever asked; it is never used. Checksums are XXH3
(64 bits, https://xxhash.com): they find damage, not forgery.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from xxhash import xxh3_64, xxh3_64_intdigest

from inkbench.benchmark.progress import complain
from inkbench.benchmark.store.files import remove, write_result

HEAD = b"inkbench sealed 1\n"
DIGEST_BYTES = 8
SUFFIX = ".sealed"


class Damaged(ValueError):
    """A sealed file that is not what was written; says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class SealedFiles:
    """A folder of files by key, ``KEY.sealed``; what is damaged or cannot be written is told."""

    folder: Path

    def path(self, key: str) -> Path:
        """Return the path of a key's file."""
        return self.folder / f"{key}{SUFFIX}"

    def read(self, key: str) -> bytes | None:
        """Return what was written under ``key``; None where there is nothing, or what is there is damaged."""
        try:
            return read_sealed(self.path(key), key)
        except Damaged as damage:
            self.discard(key, str(damage))
            return None

    def write(self, key: str, data: bytes) -> None:
        """Write ``data`` under ``key``; where that fails it is told: a cache that is not written costs time alone."""
        try:
            write_sealed(self.path(key), key, data)
        except OSError as error:
            complain(f"{self.path(key)} not written ({error.strerror}); it is computed again when it is needed")

    def discard(self, key: str, reason: str) -> None:
        """Remove the file of a key, or what is in the place of the folder, and say why."""
        complain(f"{self.path(key)} is damaged ({reason}); it is made again")
        remove(self.path(key) if self.folder.is_dir() else self.folder)


def write_sealed(path: Path, key: str, data: bytes) -> None:
    """Write ``data`` behind its head: what the file is, and a checksum over key and data. Raises OSError."""
    write_result(path, HEAD, _digest(key, data), data)


def read_sealed(path: Path, key: str) -> bytes | None:
    """Return the data of a sealed file, or None where there is none.

    Raises Damaged where head, key and data do not belong together, or what lies there cannot be read.
    """
    start = len(HEAD) + DIGEST_BYTES
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if path.is_symlink():
            raise Damaged("a link that leads nowhere") from None
        return None
    except OSError as error:
        raise Damaged(error.strerror or str(error)) from None
    if not content:
        raise Damaged("empty")
    if not content.startswith(HEAD) or len(content) < start:
        raise Damaged("without the head of a sealed file")
    data = content[start:]
    if content[len(HEAD) : start] != _digest(key, data):
        raise Damaged("another checksum")
    return data


def sum_of(array: np.ndarray) -> int:
    """Return the checksum, 64 bits, of the bytes of a C-contiguous array."""
    return xxh3_64_intdigest(array.data)


def _digest(key: str, data: bytes) -> bytes:
    digest = xxh3_64(key.encode() + b"\n")
    digest.update(data)
    return digest.digest()
