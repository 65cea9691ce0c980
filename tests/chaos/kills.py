"""Kill a run at random moments, go on, and compare with a run that nobody disturbed.

By hand: ``python tests/chaos/kills.py --from 0 --to 60 --log FILE``. A case is a folder, in most the comics are drawn
already: the command is killed up to twenty times, each time with its whole group, soon after it has begun to work;
then it goes on to its end, and ``report`` is killed once. Figures, items, predictions, curves, backbones and tables
must equal those of the undisturbed run, what was finished must have stayed as it was, and no half-written file may be
left. Checkpoints are written every 0.1 s.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from functools import cache
from pathlib import Path

from cases import Undisturbed, carry_out, ended, equal_at_last
from conftest import start_cli
from interrupt import fingerprint, finished, stage

KILLS = 20
"""The most of a case."""
IMAGES = 16_384
WITH_CHECKPOINT = 0.7
"""The share of kills that wait until the command has written a checkpoint of its own."""


def words(images: int) -> tuple[str, ...]:
    """The command that is killed, with so many images of pretraining."""
    return (
        *("--method", "jigsaw", "--task", "detection,classification", "--preset", "smoke", "--set", "synth.pages=2"),
        *("--set", f"pretrain.images={images}", "--set", "pretrain.held_out=32", "--set", "detection.steps=40"),
        *("--set", "detection.side=64", "--set", "classification.steps=200"),
    )


def kill(process: subprocess.Popen) -> bool:
    """Kill a command's whole group; whether it was still running."""
    running = process.poll() is None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return running


def disturb(whole: Undisturbed, number: int, folder: Path) -> str:
    """Carry out a case; at which stages it was killed, and how often a checkpoint lay there. Raises AssertionError."""
    draw, results = random.Random(f"kill {number}"), folder / "results"
    starting = repeated(whole)
    if draw.random() < 0.6:
        shutil.copytree(whole.results / "cache" / "synth", results / "cache" / "synth")
    struck: Counter[str] = Counter()
    checkpoints, there = 0, finished(results)
    for _ in range(KILLS):
        process = whole.start(results)
        if draw.random() < WITH_CHECKPOINT:
            wait_for_checkpoint(process, results)
            time.sleep(draw.uniform(0, 0.5))
        else:
            time.sleep(draw.uniform(0.5, 1.1) * starting + draw.uniform(0, 0.6) * (whole.seconds - starting) / KILLS)
        at, kept = stage(results), list(results.glob("checkpoints/*.pt"))
        if not kill(process):
            break  # all is done
        struck[at] += 1
        checkpoints += bool(kept)
        now = finished(results)
        assert there.items() <= now.items(), "a finished run was run again or lost"
        there = now
    equal_at_last(whole, results, there)
    struck["report"] += killed_report(whole, results, draw.uniform(0.1, 3))
    return f"{struck.total()} kills {dict(struck)}, {checkpoints} of them with a checkpoint"


def wait_for_checkpoint(process: subprocess.Popen, results: Path) -> None:
    """Wait until a checkpoint is newer than the process, or it has ended."""
    began = time.time()
    while process.poll() is None:
        for path in results.glob("checkpoints/*.pt"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime >= began:
                    return
        time.sleep(0.02)


@cache
def repeated(whole: Undisturbed) -> float:
    """Seconds that the command takes where all is done."""
    began = time.monotonic()
    assert whole.ended(whole.results)[0] == 0
    return time.monotonic() - began


def killed_report(whole: Undisturbed, results: Path, after: float) -> bool:
    """Kill the report after some seconds and write it anew; whether it was still at work."""
    before = fingerprint(results)
    process = start_cli("report", "--results", results, python=whole.server.python)
    time.sleep(after)
    running = kill(process)
    status, _, err = ended(start_cli("report", "--results", results, python=whole.server.python))
    assert status == 0, err
    assert "Traceback" not in err, err
    assert (results / "report" / "index.html").read_text().rstrip().endswith("</html>")
    assert fingerprint(results) == before, "the report changed records"
    assert not list(results.rglob("*.tmp")), list(results.rglob("*.tmp"))
    return running


if __name__ == "__main__":
    os.environ["PRELOADED_CHECKPOINT_S"] = "0.1"
    raise SystemExit(carry_out(__doc__, words(IMAGES), 60, disturb))
