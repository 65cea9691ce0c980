"""Fill the disk at random moments of a run, make room and run the same command again: equal numbers, nothing lost.

By hand, as root on Linux (every case mounts a disk in memory): ``python tests/chaos/disk.py --from 0 --to 40 --log
FILE``. A case is drawn by its number alone, so that cases can be spread over machines; each appends a line to FILE. In
half of them the disk is small from the start, in half it is filled while the run works, up to some bytes. Then the
command must end with status 0, 1 or 2 and no traceback; and, once there is room, with the numbers, bytes and tables of
a run that nobody disturbed, what had been finished before left as it was, and no half-written file.
"""

import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cases import Undisturbed, carry_out, ended, equal_at_last
from conftest import TINY
from interrupt import finished

WORDS = ("--method", "jigsaw", "--task", "detection", *TINY)
ROOM_MIB = 400
LEFT = (0, 4 << 10, 60 << 10, 900 << 10, 20 << 20, 70 << 20)
"""Bytes that stay free where the disk is filled; a cache of images asks for 64 MiB more than it needs."""


@dataclass(frozen=True)
class Case:
    """A disk that becomes full: of ``size`` MiB from the start, or after ``moment`` of a run but for ``left`` bytes."""

    drawn: bool
    size: float
    moment: float | None
    left: int

    @classmethod
    def of(cls, number: int) -> "Case":
        """The case of a number."""
        draw = random.Random(f"disk {number}")
        drawn, small = draw.random() < 0.5, draw.random() < 0.5
        size = draw.choice([draw.uniform(0.1, 12), draw.uniform(12, 64), draw.uniform(64, 140)])
        return cls(drawn, size if small else ROOM_MIB, None if small else draw.uniform(0, 1), draw.choice(LEFT))


@contextmanager
def disk(folder: Path, mib: float) -> Iterator[Path]:
    """A disk in memory for the block."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={round(mib * 1024)}k", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, left: int) -> Path:
    """Fill the disk of a folder but for ``left`` bytes, as far as what else is written to it leaves them."""
    filler = folder / "filler"
    with filler.open("wb") as file:
        for size in (1 << 20, 1 << 12):
            try:
                while shutil.disk_usage(folder).free >= left + size:
                    file.write(b"x" * size)
                    file.flush()
            except OSError:
                pass
    return filler


def disturb(whole: Undisturbed, number: int, folder: Path) -> str:
    """Carry out a case in an empty folder; what became of it, in words. Raises AssertionError."""
    case = Case.of(number)
    with disk(folder, case.size) as mounted:
        results = mounted / "results"
        if case.drawn:
            try:
                shutil.copytree(whole.results / "cache" / "synth", results / "cache" / "synth")
            except (OSError, shutil.Error):
                shutil.rmtree(results, ignore_errors=True)
        process = whole.start(results)
        if case.moment is not None:
            time.sleep(case.moment * whole.seconds)
            filler = fill(mounted, case.left)
        status, _, err = ended(process)
        assert status in (0, 1, 2), (status, err)
        assert not [line for line in err.splitlines() if line.startswith("Traceback")], err
        there = finished(results)
        if case.moment is not None:
            filler.unlink()
        subprocess.run(["mount", "-o", f"remount,size={ROOM_MIB}m", mounted], check=True)
        equal_at_last(whole, results, there)
        reason = next((line for line in err.splitlines() if "left" in line or "No space" in line), "")
        return f"{case}: status {status}, {len(there)} runs done, then equal; {reason[:160]}"


if __name__ == "__main__":
    raise SystemExit(carry_out(__doc__, WORDS, 40, disturb))
