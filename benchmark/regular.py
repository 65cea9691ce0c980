"""Regular files alone, opened without waiting: a pipe or a device that has the name of one is refused."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

MOST_BYTES = 2 * 2**30
"""Bytes of a file that is read whole; the largest of COCO's annotations has 0.45 GB."""


def opened(path: Path) -> BufferedReader:
    """Open a regular file to be read. Raises OSError, for a folder, a device and a pipe too."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "is not a regular file", str(path))
    return file


def read(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a regular file whole. Raises OSError, for one of more than ``most`` bytes too."""
    with opened(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"has more than {most:,} bytes", str(path))
    return data


def is_reached(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry of a folder is no link in a circle, whose kind cannot be asked for."""
    try:
        entry.is_dir()
    except OSError:
        return False
    return True
