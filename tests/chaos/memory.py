"""Give a run too little memory, then enough, and compare with a run that had enough from the start.

By hand, as root on Linux: ``python tests/chaos/memory.py --from 0 --to 20 --log FILE``. A case is a control group of
the kernel with a limit drawn by the case's number; what asks for more is killed. The command must then end with status
0, with 1 and a line that names memory, or be killed itself; and, without the limit, with the numbers, bytes and tables
of the undisturbed run, what had been finished before left as it was, and no half-written file.
"""

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cases import Undisturbed, carry_out, ended, equal_at_last
from conftest import TINY, start_cli
from interrupt import finished

WORDS = ("--method", "jigsaw", "--task", "detection,classification", *TINY)
LIMITS = ("memory/%s", "memory.limit_in_bytes"), ("%s", "memory.max")
"""Where the kernel takes a limit: control groups of the first and of the second version."""
GROUPS = Path("/sys/fs/cgroup")


@contextmanager
def limited(mib: float, python: Path) -> Iterator[Path]:
    """Write a stand-in for the interpreter at ``python`` that runs it in a group of that many MiB."""
    for place, limit in LIMITS:
        group = GROUPS / (place % f"inkbench-{time.monotonic_ns()}")
        if not group.parent.is_dir():
            continue
        group.mkdir()
        if (group / limit).is_file():
            break
        group.rmdir()
    else:
        raise SystemExit(f"no control groups of memory in {GROUPS}; mount them, and run this as root")
    (group / limit).write_text(str(round(mib * (1 << 20))))
    python.write_text(f'#!/bin/sh\necho $$ > {group}/cgroup.procs\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    try:
        yield python
    finally:
        while (group / "cgroup.procs").read_text():
            time.sleep(0.05)
        group.rmdir()


def disturb(whole: Undisturbed, number: int, folder: Path) -> str:
    """Carry out a case; how much memory there was and what came of it. Raises AssertionError."""
    mib, results = random.Random(f"memory {number}").uniform(450, 1300), folder / "results"
    with limited(mib, folder / "python") as python:
        status, _, err = ended(start_cli(*WORDS, "--results", results, python=python))
    assert status in (0, 1, -9), (mib, status, err)
    assert "Traceback" not in err, (mib, err)
    assert status != 1 or "out of memory" in err, (mib, err)
    there = finished(results)
    equal_at_last(whole, results, there)
    return f"{mib:.0f} MiB: status {status}, {len(there)} runs done, then equal; {err.strip().splitlines()[-1:]}"


if __name__ == "__main__":
    raise SystemExit(carry_out(__doc__, WORDS, 20, disturb))
