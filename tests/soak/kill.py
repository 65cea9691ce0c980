"""Kill a run many times at random moments and compare it with an undisturbed one.

Run by hand: ``python tests/soak/kill.py [--kills 20] [--seed 0]``. Every kill is -9 to the whole process group, in turn
during drawing, pretraining, transfer and at random; the same command then goes on. At the end figures, items,
predictions, curves and backbone bytes must equal those of a run that nobody touched.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent.parent)]
from conftest import start_cli
from interrupt import fingerprint, finished, kill_at

WORDS = (
    *("--method", "jigsaw,random", "--task", "detection", "--preset", "smoke", "--seeds", "2"),
    *("--set", "synth.pages=3", "--set", "pretrain.images=24000", "--set", "detection.steps=150"),
)


def plan_of(kills: int, seed: int) -> list[tuple[str, float]]:
    """Which stage to hit and how long after it began: 5 in drawing, then transfer and pretraining in turn."""
    moments = random.Random(seed)
    stages = ["drawing"] * 5 + ["pretraining", "transfer"] * kills
    longest = {"drawing": 4.0, "pretraining": 40.0, "transfer": 12.0}
    return [(stage, moments.uniform(0.05, longest[stage])) for stage in stages[:kills]]


def run_whole(results: Path) -> str:
    process = start_cli(*WORDS, "--results", results)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole, disturbed = Path(folder, "whole"), Path(folder, "disturbed")
        hit: Counter[str] = Counter()
        missed = 0
        there: dict[str, tuple[int, float]] = {}
        for stage, delay in plan_of(flags.kills, flags.seed):
            struck = kill_at(WORDS, disturbed, stage, delay)
            hit[stage] += struck
            missed += not struck
            now = finished(disturbed)
            assert there.items() <= now.items(), "a finished cell was run again or lost"
            there = now
            print(
                f"{stage} after {delay:.1f} s: {'killed' if struck else 'over before'}; {len(now)} cells done",
                flush=True,
            )
        tables = [run_whole(disturbed), run_whole(whole)]
        assert there.items() <= finished(disturbed).items(), "a finished cell was run again"
        assert tables[0] == tables[1], "the tables differ"
        assert fingerprint(disturbed) == fingerprint(whole), "figures or bytes differ"
        print(f"equal after {sum(hit.values())} kills ({dict(hit)}), {missed} came too late")
    return 0


if __name__ == "__main__":
    sys.exit(main())
