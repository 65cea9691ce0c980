"""Kill a run at random moments, go on, and compare with a run that nobody disturbed.

By hand: ``python tests/chaos/kills.py --from 0 --to 30 --log FILE``. A case is a folder: the command is killed ten
times, each time with its whole group at a random moment of what is left of it; then it goes on to its end. Figures,
items, predictions, curves, backbones and tables must equal those of the undisturbed run, what was finished must have
stayed as it was, and no half-written file may be left. Checkpoints are written every 0.3 s.
"""

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from cases import Undisturbed, carry_out, equal_at_last
from interrupt import finished, stage

KILLS = 10
WORDS = (
    *("--method", "jigsaw,context_prediction", "--task", "detection,classification", "--preset", "smoke"),
    *("--set", "synth.pages=2", "--set", "pretrain.images=4096", "--set", "pretrain.held_out=32"),
    *("--set", "detection.steps=60", "--set", "detection.side=64", "--set", "classification.steps=200"),
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
    struck: Counter[str] = Counter()
    checkpoints, there = 0, finished(results)
    longest = whole.seconds
    while sum(struck.values()) < KILLS:
        process = whole.start(results)
        began = time.monotonic()
        time.sleep(draw.uniform(0.2, max(longest, 0.5)))
        at = stage(results)
        if not kill(process):
            longest = (time.monotonic() - began) / 2
            if longest < 0.2:
                break
            continue
        struck[at] += 1
        checkpoints += bool(list(results.glob("checkpoints/*")))
        now = finished(results)
        assert there.items() <= now.items(), "a finished run was run again or lost"
        there = now
        longest = max(whole.seconds * (1 - len(there) / 8), 1.0)
    equal_at_last(whole, results, there)
    return f"{sum(struck.values())} kills {dict(struck)}, {checkpoints} of them with a checkpoint"


if __name__ == "__main__":
    os.environ["PRELOADED_CHECKPOINT_S"] = "0.3"
    raise SystemExit(carry_out(__doc__, WORDS, 30, disturb))
