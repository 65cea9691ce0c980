"""One test for each row of the table of exit statuses: one line, and that status."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inkbench.benchmark import stopping
from inkbench.benchmark.cli import verbs
from inkbench.benchmark.cli.main import main
from inkbench.benchmark.errors import RunError, UsageError

ROOT = Path(__file__).resolve().parents[2]


def done():
    return 0


def failed():
    raise RunError("it failed")


def refused():
    raise UsageError("it is wrong")


def stopped(number):
    os.kill(os.getpid(), number)
    time.sleep(5)
    pytest.fail("it went on")


ROWS = {
    "0": (done, {}, ""),
    "1": (failed, {}, "run_benchmark.py: it failed\n"),
    "2": (refused, {}, "run_benchmark.py: it is wrong\n"),
    "75": (lambda: stopped(signal.SIGTERM), {"INKBENCH_UNIT": "1"}, "stopped by SIGTERM; run the same"),
    "75 of a hang-up": (lambda: stopped(signal.SIGHUP), {"SLURM_JOB_ID": "7"}, "stopped by SIGHUP; run the same"),
    "129": (lambda: stopped(signal.SIGHUP), {}, "stopped by SIGHUP; run the same"),
    "143": (lambda: stopped(signal.SIGTERM), {}, "stopped by SIGTERM; run the same"),
    "130": (lambda: stopped(signal.SIGINT), {}, "interrupted; run the same"),
}


def test_every_row_of_the_page_has_its_test():
    page = (ROOT / "docs" / "reliability.md").read_text()
    rows = re.findall(r"^\| ([\d, ]+) \| \w", page, re.MULTILINE)
    assert {status for row in rows for status in row.split(", ")} == {name.split()[0] for name in ROWS}


@pytest.mark.parametrize("row", ROWS)
def test_a_status_is_given_with_one_line(row, monkeypatch, capsys):
    act, environment, says = ROWS[row]
    monkeypatch.setattr(stopping, "_asked", [])
    for name in stopping.SCHEDULED:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(verbs.RUN, "table", lambda words: act())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the tests were started by
    try:
        assert main(["table"]) == int(row.split()[0])
    finally:
        signal.signal(signal.SIGINT, before)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(says)
    assert err.count("\n") == (1 if says else 0)


def interruptible():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


LIST, RUN = ["list", "methods"], ["--method", "jigsaw", "--task", "detection"]
MOMENTS = [
    *((LIST, delay) for delay in (0, 0.02, 0.05, 0.1)),
    *((RUN, delay) for delay in (0, 0.05, 0.1, 0.3, 1, 2, 4)),
]


@pytest.mark.parametrize(("words", "delay"), MOMENTS, ids=[f"{words[0]}-{delay}" for words, delay in MOMENTS])
@pytest.mark.seconds
def test_an_interrupt_at_the_start_is_one_line(delay, words, tmp_path):
    """The moment is counted from the first lines of ours that Python runs: before those it is Python's own business."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", ROOT / "run_benchmark.py", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,
        start_new_session=True,
    )
    for line in process.stderr:
        if line.rstrip().endswith("| signal"):
            break
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    told = [line for line in err.splitlines() if not line.startswith("import time:")]
    if process.returncode == 0 and delay:
        assert words[0] == "list", "it had ended before"
        return
    assert process.returncode == 130, (out, told)
    assert told == ["interrupted; run the same command to resume"]


@pytest.mark.seconds
def test_a_command_that_ignores_interrupts_goes_on_doing_so(tmp_path):
    """In the background of a script a shell has commands ignore the keyboard."""
    process = subprocess.Popen(
        [sys.executable, ROOT / "run_benchmark.py", "list", "methods"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    for _ in range(5):
        time.sleep(0.02)
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "jigsaw" in out
