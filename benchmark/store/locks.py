"""Claims by ``flock``: freed by the kernel on any death, so that nothing has to be cleaned up after a kill."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inkbench.benchmark.progress import complain

HELD = (errno.EAGAIN, errno.EACCES)
"""What ``flock`` says of a lock that another holds; all else says that there are no locks here."""
_told: set[Path] = set()


@contextmanager
def claim(path: Path, wait: bool = False, shared: bool = False) -> Iterator[bool]:
    """Hold the lock file ``path`` for the block; gives False at once where another holds it (unless ``wait``).

    Those who hold it ``shared`` keep out only who wants it alone. A lock file of another user needs to be readable
    alone. Where a folder cannot hold locks that is told once and True is given: work may then be done twice.
    """
    try:
        handle = _opened(path)
    except OSError as error:
        _tell(path, error)
        yield True
        return
    try:
        held = _lock(handle, path, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        yield held
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    """Open a lock file, made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError as refused:
        if not path.exists():
            raise refused from None
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # a lock needs no right to write


def _lock(handle: int, path: Path, how: int) -> bool:
    try:
        fcntl.flock(handle, how)
    except OSError as error:
        if error.errno in HELD:
            return False
        _tell(path, error)
    return True


def _tell(path: Path, error: OSError) -> None:
    """Say once of a folder that nothing in it can be locked."""
    if path.parent not in _told:
        _told.add(path.parent)
        why = error.strerror or str(error)
        complain(f"{path.parent} cannot hold locks ({why}); what several processes want may be done twice")


@contextmanager
def machine_slot(device: str) -> Iterator[None]:
    """Hold this machine's slot of a device (``cpu``, ``cuda:0``), waiting for other runs of the same user.

    Two computations at full threads on the same cores are several times slower each than one after the other.
    The lock file lies outside the results folder, because runs with different results folders share it too. That
    somebody is waited for is always told: a run that says nothing looks as if it hung.
    """
    path = _slots() / device.replace(":", "-")
    with claim(path) as mine:
        if mine:
            yield
            return
    complain(f"waiting for another run of inkbench on {device} ({path})")
    with claim(path, wait=True):
        yield


def _slots() -> Path:
    """Return the user's folder of slots: in the temporary folder, or at home where a stranger has taken its name."""
    shared = Path(tempfile.gettempdir()) / f"inkbench-slots-{os.getuid()}"
    try:
        shared.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = shared.lstat()
    except OSError:
        found = None
    if found and stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
        return shared
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "inkbench" / "slots"
