"""Clocks that go back: no duration is below nothing, nothing fails, no number is another."""

import ast
import json
import os
import subprocess
import sys
import time

import layers
import pytest
from conftest import ROOT, TINY
from interrupt import fingerprint

from inkbench.benchmark.data import packing

BACKWARD = """
import time
began, real = time.time(), time.time
time.time = lambda: began - 3600 * (real() - began)
time.time_ns = lambda: int(time.time() * 1e9)
"""
"""A module that Python imports first: a clock that goes back an hour in every second."""
OF_THE_DAY = {"benchmark.data.packing", "benchmark.data.fingerprint"}
"""Modules that ask for the time of the day: the age of a file just written."""


def test_durations_are_counted_by_a_clock_that_cannot_go_back():
    asking = set()
    for name, path in layers.modules().items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "time":
                asking |= {name} if node.attr in ("time", "time_ns") else set()
    assert asking == OF_THE_DAY


def test_what_was_written_in_the_future_is_waited_for_by_nobody(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"waits {seconds} s"))
    packing._let_settle(time.time_ns() + 10**15)


@pytest.mark.soak
def test_a_run_under_a_clock_that_goes_back_ends_with_the_same_numbers(cli, first_run, with_synth, tmp_path):
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "sitecustomize.py").write_text(BACKWARD)
    words = ("--method", "random", "--task", "detection", *TINY, "--results", with_synth)
    done = subprocess.run(
        [sys.executable, ROOT / "run_benchmark.py", *words],
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'early'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for path in with_synth.rglob("*"):
        os.utime(path, (time.time() + 1e7,) * 2)
    again = cli(*words)
    assert (again.returncode, again.stdout) == (0, done.stdout), "what was written in the future is read all the same"
    assert "train detection head" not in again.stderr, "and not made again"
    found = fingerprint(with_synth)
    assert len([name for name in found if name.endswith("items.npz")]) == 2
    assert found.items() <= fingerprint(first_run[1]).items()
    for path in with_synth.glob("cells/*/*.json"):
        for name, phase in json.loads(path.read_text()).get("phases", {}).items():
            assert phase["wall_s"] >= 0, (path, name)
