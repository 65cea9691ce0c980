"""A folder that is made once, whole or not at all, by one of several processes that want it; and room for it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

from inkbench.benchmark.errors import RunError
from inkbench.benchmark.progress import complain
from inkbench.benchmark.store.files import remove, sweep, temporary_path
from inkbench.benchmark.store.locks import claim

SPARE_BYTES = 64 * 2**20
T = TypeVar("T")


def once(path: Path, read: Callable[[], T | None], make: Callable[[], None]) -> T:
    """Return what ``read`` finds at ``path``, after ``make`` has made it where that is None.

    Two processes make it once, or where nothing can be locked each for itself; what the dead left is removed.
    """
    found = read()
    if found is not None:
        return found
    lock = path.parent / f".{path.name}.lock"
    with claim(lock) as mine:
        if mine:
            return _read_or_make(path, read, make)
    complain("waiting for another process that prepares the same images")
    with claim(lock, wait=True):
        return _read_or_make(path, read, make)


def _read_or_make(path: Path, read: Callable[[], T | None], make: Callable[[], None]) -> T:
    made = read()
    if made is None:
        sweep(path.parent)
        remove(path)
        make()
        made = read()
    if made is None:
        raise RunError(f"image cache {path} was written and has disappeared; does something clean up {path.parent}?")
    return made


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a folder of another name to write into, which becomes ``path`` at the block's end; removed on failure."""
    temporary = temporary_path(path.parent)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for file in temporary.iterdir():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        try:
            temporary.replace(path)
        except OSError:
            if not path.is_dir():  # else another process has made it, where nothing can be locked
                raise
            shutil.rmtree(temporary, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def reserve(file: Path, need: int) -> None:
    """Make ``file`` of ``need`` bytes that the disk really has: writing to a mapped file on a full disk kills."""
    require_room(file.parent, need)
    try:
        with file.open("wb") as handle:
            os.posix_fallocate(handle.fileno(), 0, need)
    except OSError as error:
        no_room(file.parent, need, error)


def require_room(folder: Path, need: int) -> None:
    """Raise RunError where the disk of a cache has less than ``need`` bytes and some to spare."""
    if shutil.disk_usage(folder).free < need + SPARE_BYTES:
        no_room(folder, need, OSError(errno.ENOSPC, "disk full"))


def no_room(folder: Path, need: int, error: OSError) -> NoReturn:
    """Raise RunError: what is needed of the disk, what it has, how to mend it."""
    free = shutil.disk_usage(folder).free
    raise RunError(
        f"{need / 2**20:.0f} MiB of images do not fit into {folder.parent} besides {SPARE_BYTES >> 20} MiB that stay "
        f"free: it has {free / 2**20:.0f} MiB left ({error.strerror}); make room or give another folder with "
        "--results DIR"
    ) from None
