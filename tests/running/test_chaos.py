"""A short form of the chaos that is run by hand: drawn cases of the scripts that need no more than a test may."""

import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).resolve().parent.parent / "chaos"


@pytest.mark.slow
@pytest.mark.parametrize(("script", "cases"), [("kills", 1), ("damages", 4)])
def test_a_few_drawn_cases_end_as_if_nothing_had_been(script, cases, tmp_path):
    log = tmp_path / "log.txt"
    done = subprocess.run(
        [sys.executable, CHAOS / f"{script}.py", "--from", "0", "--to", str(cases), "--log", log],
        capture_output=True,
        text=True,
        check=False,
    )
    told = log.read_text() if log.exists() else done.stderr
    assert done.returncode == 0, told
    assert [line.split(": ")[1][:2] for line in told.splitlines()] == ["ok"] * cases
