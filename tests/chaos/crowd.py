"""Let eight processes and thirty side commands work on one results folder, of one user or of two, and compare.

By hand: ``python tests/chaos/crowd.py --from 0 --to 4 --log FILE``. All are real processes, started at moments that the
case's number draws, each with some of the methods and tasks of the undisturbed run. Odd cases share the folder between
two users of one group; they need root, and an interpreter and a clone that others may read. Every run must end with
status 0, every side command without a traceback and with 0, or with 1 or 2 and a reason; and the whole command then
finds all done, with the numbers, bytes and tables of the undisturbed run.
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cases import Undisturbed, carry_out, ended, equal_at_last
from conftest import start_cli
from interrupt import finished

METHODS = ("random", "jigsaw", "context_prediction")
TASKS = {"detection": ("detection.steps=4", "detection.side=64"), "classification": ("classification.steps=20",)}
"""Tasks with the settings that make them short."""
BUDGET = ("--preset", "smoke", "--set", "pretrain.images=256", "--set", "pretrain.held_out=32")


def asked(methods: Sequence[str], tasks: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a run."""
    sets = [part for task in tasks for one in TASKS[task] for part in ("--set", one)]
    return ("--method", ",".join(methods), "--task", ",".join(tasks), *BUDGET, *sets)


WORDS = asked(METHODS, tuple(TASKS))
SIDE = (
    *(("list", "runs"), ("list", "runs", "--csv"), ("table", "overall-synth-smoke"), ("report",), ("verify",)),
    *(
        ("rescore",),
        ("compare", "jigsaw", "random"),
        ("export", "jigsaw"),
        ("describe", "jigsaw"),
        (*WORDS, "--dry-run"),
    ),
)
"""Commands beside the runs, each of which reads the results folder or writes beside what the runs write."""
PROCESSES, SIDES = 8, 30
USERS = (65533, 65534)
"""Two users, who share the second one's group."""


def whose(number: int) -> dict[str, object]:
    """Return the options of a process of the user whose turn it is."""
    return {"user": USERS[number % 2], "group": USERS[1], "umask": 0o002, "env": os.environ | {"HOME": "/nonexistent"}}


def shared_by_two(results: Path) -> bool:
    """Make a folder that both users may write to; whether they can at all."""
    results.mkdir()
    os.chown(results, USERS[0], USERS[1])
    results.chmod(0o2775)
    for above in results.parents[:2]:
        above.chmod(0o755)
    probe = subprocess.run([sys.executable, "-c", "import torch"], cwd="/", check=False, **whose(0))  # type: ignore[call-overload]
    return bool(probe.returncode == 0)


def judged(words: tuple[str, ...], status: int, out: str, err: str) -> str:
    """Return a command and its status. Raises AssertionError where it did not end as it should."""
    assert "Traceback" not in err, (words, err)
    if words not in SIDE:
        assert status == 0, (words, status, err)
        return "run 0"
    assert status in (0, 1, 2), (words, status, err)
    assert status == 0 or err.strip() or out.strip(), (words, status)
    return f"{words[0].lstrip('-')} {status}"


def disturb(whole: Undisturbed, number: int, folder: Path) -> str:
    """Carry out a case; the statuses of the side commands. Raises AssertionError."""
    draw, results, two = random.Random(f"crowd {number}"), folder / "results", number % 2 == 1
    assert not two or shared_by_two(results), f"{USERS[0]} cannot run {sys.executable}; move it and the clone"
    starts: list[tuple[float, tuple[str, ...]]] = [(draw.uniform(0, 120), draw.choice(SIDE)) for _ in range(SIDES)]
    for _ in range(PROCESSES):
        some = [draw.sample(names, draw.randint(1, len(names))) for names in (METHODS, tuple(TASKS))]
        starts.append((draw.uniform(0, 8), asked(*some)))
    began, running, said = time.monotonic(), [], Counter()
    try:
        for index, (moment, words) in enumerate(sorted(starts)):
            time.sleep(max(began + moment - time.monotonic(), 0))
            running.append((words, start_cli(*words, "--results", results, **(whose(index) if two else {}))))
        for words, process in running:
            said[judged(words, *ended(process))] += 1
    finally:
        for _, process in running:
            process.kill()
    there = finished(results)
    equal_at_last(whole, results, there)
    return f"{'two users' if two else 'one user'}: {len(there)} runs done; side commands {dict(sorted(said.items()))}"


if __name__ == "__main__":
    raise SystemExit(carry_out(__doc__, WORDS, 4, disturb))
