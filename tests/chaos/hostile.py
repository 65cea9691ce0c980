"""Give the program everything hostile, one case after the other, and look at what it does meanwhile.

Run by hand: ``python tests/chaos/hostile.py [--from 0] [--to N] [--log FILE]``. A line a case is appended to the log:
number, name, outcome, seconds, the most memory so far. The status is 1 where a case raised anything but a refusal,
took more than a minute, wrote outside of its scratch folder, started a program or made a connection.
"""

import argparse
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

import hostile_cases
from watch import peak_mib

from inkbench.submissions import score

MOST_SECONDS = 300


def attempt(hostile: hostile_cases.Hostile, number: int) -> tuple[str, bool]:
    """The outcome of a case in a line, and whether it is a good one."""
    _, case = hostile_cases.CASES[number]
    before = len(hostile.watch.found)
    with tempfile.TemporaryDirectory(prefix="hostile-") as scratch:
        folder = Path(scratch)
        (folder / "tmp").mkdir()
        (folder / "case").mkdir()
        tempfile.tempdir = str(folder / "tmp")
        signal.alarm(MOST_SECONDS)
        try:
            with hostile.watch.on(folder):
                outcome, good = case(hostile, folder / "case"), True
        except Exception as error:
            outcome, good = f"RAISED {type(error).__name__}: {error}", False
        finally:
            signal.alarm(0)
            tempfile.tempdir = None
    if seen := hostile.watch.found[before:]:
        outcome, good = f"DID {'; '.join(seen[:3])}", False
    return ascii(outcome[:300]), good


def late(number: int, frame: object) -> None:
    del number, frame
    raise TimeoutError(f"more than {MOST_SECONDS} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--to", type=int, default=len(hostile_cases.CASES))
    parser.add_argument("--log", type=Path)
    flags = parser.parse_args()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, late)
    score.run = hostile_cases.run_here  # our own program, looked at from within
    counts, wrong = Counter(), []
    with tempfile.TemporaryDirectory(prefix="hostile-home-") as home:
        hostile = hostile_cases.Hostile(Path(home))
        for number in range(flags.first, min(flags.to, len(hostile_cases.CASES))):
            name, started = hostile_cases.CASES[number][0], time.monotonic()
            outcome, good = attempt(hostile, number)
            counts[" ".join(name.split()[: 2 if name.startswith("fuzzed") else 1])] += 1
            line = f"{number}\t{name}\t{outcome}\t{time.monotonic() - started:.2f} s\t{peak_mib():.0f} MiB"
            wrong += [] if good else [line]
            if flags.log:
                with flags.log.open("a") as log:
                    log.write(f"{line}\n")
            if not good:
                print(line, flush=True)
    seen = hostile.watch.counts
    events = ", ".join(f"{seen[kind]} {told}" for kind, told in (("write", "writes outside"),
                       ("process", "programs started"), ("socket", "connections")))  # fmt: skip
    print(f"{dict(counts)}: {len(wrong)} wrong; {events}; at most {peak_mib():.0f} MiB")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
