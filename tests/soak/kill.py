"""Kill a run many times at random moments and compare it with an undisturbed one.

Run by hand: ``python tests/soak/kill.py [--kills 20] [--seed 0]``. Every kill is -9 to the whole process group, at a
random moment of drawing, pretraining or transfer; the same command then goes on. When a folder is complete its figures,
items, predictions, curves and backbone bytes must equal those of a run that nobody touched, and a new folder begins,
until enough kills have struck.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from conftest import start_cli
from interrupt import fingerprint, finished, kill_at

WORDS = (
    *("--method", "jigsaw", "--task", "detection", "--preset", "smoke", "--set", "synth.pages=3"),
    *("--set", "pretrain.images=24000", "--set", "detection.steps=500"),
)
LONGEST_S = {"drawing": 4.0, "pretraining": 26.0, "transfer": 26.0}
LEAST = {"drawing": 3, "pretraining": 5, "transfer": 5}


def run_whole(results: Path) -> str:
    process = start_cli(*WORDS, "--results", results)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def disturb(results: Path, moments: random.Random, struck: Counter[str], kills: int) -> None:
    """Kill and go on in one folder until it is complete or enough kills have struck; finished runs must stay."""
    there: dict[str, tuple[int, float]] = {}
    for stage in ["drawing", "drawing", *["pretraining", "transfer"] * kills]:
        if len(there) == 3 or (sum(struck.values()) >= kills and all(struck[s] >= n for s, n in LEAST.items())):
            return
        delay = moments.uniform(0.05, LONGEST_S[stage])
        hit = kill_at(WORDS, results, stage, delay)
        struck[stage] += hit
        now = finished(results)
        assert there.items() <= now.items(), "a finished run was run again or lost"
        there = now
        print(f"{stage} after {delay:4.1f} s: {'killed' if hit else 'over before'}; {len(now)} runs done", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    moments, struck, folders = random.Random(flags.seed), Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "whole")
        table = run_whole(whole)
        while sum(struck.values()) < flags.kills or any(struck[stage] < least for stage, least in LEAST.items()):
            disturbed = Path(folder, str(folders))
            disturb(disturbed, moments, struck, flags.kills)
            done = finished(disturbed)
            assert run_whole(disturbed) == table, "the tables differ"
            assert done.items() <= finished(disturbed).items(), "a finished run was run again"
            assert fingerprint(disturbed) == fingerprint(whole), "figures or bytes differ"
            folders += 1
            print(f"folder {folders}: equal to the undisturbed run", flush=True)
        print(f"{sum(struck.values())} kills ({dict(struck)}) over {folders} folders: every byte equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
