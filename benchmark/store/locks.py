"""Claims by ``flock``: freed by the kernel on any death, so that nothing has to be cleaned up after a kill."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inkbench.benchmark.progress import Progress


@contextmanager
def claim(path: Path, wait: bool = False, shared: bool = False) -> Iterator[bool]:
    """Hold the lock file ``path`` for the block; gives False at once where another holds it (unless ``wait``).

    Those who hold it ``shared`` keep out only who wants it alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


@contextmanager
def machine_slot(device: str, progress: Progress) -> Iterator[None]:
    """Hold this machine's slot of a device (``cpu``, ``cuda:0``), waiting for other runs of the same user.

    Two computations at full threads on the same cores are several times slower each than one after the other.
    The lock file lies in the system's temporary folder, because runs with different results folders share it too.
    """
    path = Path(tempfile.gettempdir()) / f"inkbench-slots-{os.getuid()}" / device.replace(":", "-")
    with claim(path) as mine:
        if mine:
            yield
            return
    progress.say(f"waiting for another run of inkbench on {device}")
    with claim(path, wait=True):
        yield
