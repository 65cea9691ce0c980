"""A full disk: what cannot be recorded is told, and with room made the same command ends with the same numbers."""

import errno
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from conftest import ROOT

from inkbench.benchmark import streams
from inkbench.benchmark.cli import launch
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running import runner, supervisor
from inkbench.benchmark.store import files
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build

sys.path.append(str(ROOT / "tests" / "chaos"))

import cases
import disk

FULL = OSError(errno.ENOSPC, "No space left on device", "x/y")


def no_room(*_):
    raise FULL


@pytest.fixture
def full(monkeypatch):
    """A disk that takes no byte more."""
    monkeypatch.setattr(files.os, "fsync", no_room)


def test_a_failure_that_cannot_be_recorded_is_told_and_ends_nothing(full, tmp_path, capfd, monkeypatch):
    events = []
    worker = object.__new__(runner.Runner)
    worker.store, worker.progress, worker.first, worker.report = Store(tmp_path), Progress(True), True, events.append
    experiment = SimpleNamespace(id="ab12", method="jigsaw", task=SimpleNamespace(name="detection"))
    worker._fail(experiment, ValueError("a\nreason"))
    assert events == [{"event": "failed", "cells": ["ab12"]}]
    assert capfd.readouterr().err == (
        "FAILED jigsaw on detection: ValueError: a reason (not recorded: 'x/y': No space left on device)\n"
    )
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], "nothing half written"


def test_a_death_that_cannot_be_recorded_is_told_and_ends_nothing(tmp_path, capfd, monkeypatch):
    store = Store(tmp_path)
    monkeypatch.setattr(store, "write", no_room)
    run = SimpleNamespace(id="ab12", method="jigsaw", task="detection", seed=3, but=lambda **fields: fields)
    supervisor._record_death(store, run, -9)
    told = capfd.readouterr().err
    assert told.startswith("run_benchmark.py: jigsaw on detection, seed 3: the worker was killed by signal 9 (SIGKILL)")
    assert told.endswith("(not recorded: 'x/y': No space left on device)\n")
    assert told.count("\n") == 1


def test_half_a_line_of_a_worker_that_died_is_no_event():
    reader, writer = os.pipe()
    os.write(writer, b'{"event": "working", "cells": ["a"]}\n{"event": "pl')
    os.close(writer)
    watched = supervisor.Watched()
    supervisor._listen(os.fdopen(reader), watched)
    assert watched.working == ["a"]


def test_a_table_that_cannot_be_written_has_been_printed(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(build, "write", no_room)
    assert not launch.write_table(Store(tmp_path), None, Progress(True))
    assert "the table is not written ('x/y': No space left on device); its runs are recorded" in capfd.readouterr().err


def test_a_line_that_nobody_can_read_is_lost_alone(monkeypatch):
    told = "from inkbench.benchmark.streams import tell; [tell('x' * 99) for _ in range(999)]; print('went on')"
    with open("/dev/full", "w") as nowhere:
        done = subprocess.run([sys.executable, "-c", told], stderr=nowhere, stdout=subprocess.PIPE, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, b"went on\n")
    assert streams.tell.__doc__


@pytest.fixture(scope="module")
def whole(preloaded, tmp_path_factory):
    return cases.undisturbed(preloaded, disk.WORDS, tmp_path_factory.mktemp("whole") / "results")


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a disk in memory, which root alone can")
@pytest.mark.parametrize(
    "number", [pytest.param(9, marks=pytest.mark.slow), *(pytest.param(k, marks=pytest.mark.soak) for k in (5, 19))]
)
def test_a_disk_that_is_full_at_some_moment_costs_time_alone(number, preloaded, whole, tmp_path):
    """Some of the cases of ``tests/chaos/disk.py``: filled in drawing, in pretraining, near the end."""
    try:
        with disk.disk(tmp_path / "try", 1):
            pass
    except subprocess.CalledProcessError:
        pytest.skip("this container may not mount")
    assert "then equal" in disk.disturb(whole, number, tmp_path / "case")
