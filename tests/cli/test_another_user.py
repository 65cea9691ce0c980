"""A second user on a results folder that is not theirs: one line and status 2 before any work, nothing lost."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from inkbench.benchmark.cli.launch import WRITTEN
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.planning import space
from inkbench.benchmark.store import store as stores
from inkbench.benchmark.store.store import Store

AS_ANOTHER = """
import os, sys
from pathlib import Path
from inkbench.benchmark.cli import launch, main, verbs
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.running import supervisor
supervisor.run = lambda request: sys.exit("a worker was started")
open_dataset("synth", "smoke", (), Path("results"))  # all is imported before the right to read it is given up
os.setgid(65534)
os.setuid(65534)
sys.exit(main.main(sys.argv[1:]))
"""
RUN = ("--method", "random", "--task", "detection", "--preset", "smoke")
pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs a second user, which root alone can become")


@pytest.fixture
def shared_folder():
    """A results folder of ours that everybody reads."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        os.chmod(place, 0o755)  # noqa: PTH101
        folder = Path(place) / "results"
        for name in WRITTEN:
            (folder / name).mkdir(parents=True)
        yield folder


def of_another_user(*words):
    done = subprocess.run(
        [sys.executable, "-c", AS_ANOTHER, *map(str, words)], capture_output=True, text=True, check=False, cwd="/"
    )
    return done.returncode, done.stdout, done.stderr


def open_to_all(folder):
    for path in (folder, *folder.rglob("*/")):
        path.chmod(0o777)


@pytest.mark.seconds
def test_a_results_folder_of_another_user_is_refused(shared_folder):
    status, out, err = of_another_user(*RUN, "--results", shared_folder)
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert "cannot be written (Permission denied); give another with --results DIR" in err


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.seconds
def test_a_folder_in_it_that_is_of_another_user_is_refused(shared_folder, name):
    open_to_all(shared_folder)
    (shared_folder / name).chmod(0o755)
    status, out, err = of_another_user(*RUN, "--results", shared_folder)
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert f"{shared_folder / name} belongs to root and cannot be written" in err


@pytest.mark.seconds
def test_one_that_all_may_write_is_worked_in(shared_folder):
    open_to_all(shared_folder)
    status, _, err = of_another_user(*RUN, "--results", shared_folder)
    assert (status, err) == (1, "a worker was started\n")


def planned(run, work):
    return SimpleNamespace(id=run, work=work, pretraining=None)


def test_a_folder_for_some_runs_is_refused_where_one_of_them_is_still_to_be_done(tmp_path, monkeypatch):
    store, closed = Store(tmp_path), tmp_path / "cells" / "ab"
    closed.mkdir(parents=True)
    monkeypatch.setattr(stores.os, "access", lambda path, mode: path != closed)
    plan = SimpleNamespace(experiments=[planned("cd1", "cd2")])
    space.require_folders(plan, store)
    for run in (planned("ab1", "cd2"), planned("cd1", "ab2")):
        with pytest.raises(UsageError, match=r"cells/ab belongs to .* and cannot be written"):
            space.require_folders(SimpleNamespace(experiments=[run]), store)
    monkeypatch.setattr(store, "read", lambda run: SimpleNamespace(status="done"))
    space.require_folders(SimpleNamespace(experiments=[planned("ab1", "ab2")]), store)


def test_a_damaged_record_in_it_does_not_hide_whose_folder_it_is(tmp_path, monkeypatch):
    store = Store(tmp_path)
    path = store.record_path("ab1")
    path.parent.mkdir(parents=True)
    path.write_text('{"schema": 4, "id": "ab1", "status"')
    monkeypatch.setattr(stores.os, "access", lambda path, mode: path != store.record_path("ab1").parent)
    with pytest.raises(UsageError, match=r"cells/ab belongs to .* and cannot be written"):
        space.require_folders(SimpleNamespace(experiments=[planned("ab1", "ab2")]), store)
