"""A short form of the chaos that is run by hand: drawn cases of the scripts that need no more than a test may."""

import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).resolve().parent.parent / "chaos"
KILLS = """
import os, sys
import kills
from cases import carry_out
os.environ["PRELOADED_CHECKPOINT_S"] = "0.1"
kills.KILLS = 3
sys.exit(carry_out("", kills.words(1024), 1, kills.disturb))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "cases"), [(("-c", KILLS), 1), ((CHAOS / "damages.py", "--to", "3"), 3)], ids=["kills", "damages"]
)
def test_a_few_drawn_cases_end_as_if_nothing_had_been(script, cases, tmp_path):
    log = tmp_path / "log.txt"
    command = [sys.executable, *script, "--log", log]
    done = subprocess.run(command, cwd=CHAOS, capture_output=True, text=True, check=False)
    told = log.read_text() if log.exists() else done.stderr
    assert done.returncode == 0, told
    assert [line.split(": ")[1][:2] for line in told.splitlines()] == ["ok"] * cases
