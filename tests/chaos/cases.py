"""What the scripts of this folder share: cases drawn by number, a line in a log for each, a run to compare with."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from conftest import start_cli
from interrupt import fingerprint, finished
from preloaded import Server


@dataclass(frozen=True)
class Undisturbed:
    """A command that nobody disturbed: its words, its folder, its tables, how long it took, and what starts it."""

    server: Server
    words: tuple[str, ...]
    results: Path
    tables: str
    seconds: float

    def start(self, results: Path) -> subprocess.Popen:
        """Start the command on a folder."""
        return start_cli(*self.words, "--results", results, python=self.server.python)

    def ended(self, results: Path) -> tuple[int, str, str]:
        """Carry the command out on a folder; gives status, standard output and standard error."""
        return ended(self.start(results))


def undisturbed(server: Server, words: tuple[str, ...], results: Path) -> Undisturbed:
    """Carry a command out on an empty folder, which must do."""
    began = time.monotonic()
    status, out, err = ended(start_cli(*words, "--results", results, python=server.python))
    assert status == 0, err
    return Undisturbed(server, words, results, out, time.monotonic() - began)


def ended(process: subprocess.Popen) -> tuple[int, str, str]:
    """Status, standard output and standard error of a command."""
    out, err = process.communicate(timeout=900)
    return process.returncode, out, err


def equal_at_last(whole: Undisturbed, results: Path, there: dict[str, tuple[int, float]]) -> None:
    """Carry a command out to its end: all is equal, and what was finished (``there``) was left as it was."""
    status, out, err = whole.ended(results)
    assert status == 0, err
    assert "Traceback" not in err, err
    assert there.items() <= finished(results).items(), "a finished run was run again"
    assert fingerprint(results) == fingerprint(whole.results), "figures or bytes differ"
    assert out == whole.tables, "the tables differ"
    left = [path.name for path in results.rglob("*.tmp")]
    assert left == [], left


def carry_out(what: str, words: tuple[str, ...], count: int, disturb: Callable[[Undisturbed, int, Path], str]) -> int:
    """Carry out the cases that the command line asks for; 1 where one went wrong, which is an AssertionError.

    Each case has an empty folder of its own and appends what ``disturb`` says of it to the log, so that cases can be
    spread over machines and gone on with.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="K")
    parser.add_argument("--to", dest="last", type=int, default=count, metavar="N")
    parser.add_argument("--log", type=Path, required=True, metavar="FILE", help="a line is appended for each case")
    flags = parser.parse_args()
    server, wrong = Server(), 0
    try:
        with tempfile.TemporaryDirectory() as place:
            whole = undisturbed(server, words, Path(place, "whole"))
            for number in range(flags.first, flags.last):
                with tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as folder:
                    try:
                        said = f"ok {disturb(whole, number, Path(folder))}"
                    except AssertionError as error:
                        said, wrong = f"WRONG {' '.join(str(error).split())}", wrong + 1
                with flags.log.open("a") as log:
                    print(f"{number}: {said}", file=log)
    finally:
        server.close()
    return int(wrong > 0)
