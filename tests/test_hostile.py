"""The short form of ``tests/chaos/hostile.py``: the cases without dice, and a few of those with."""

import hostile_archives
import hostile_cases
import hostile_images
import pytest
from watch import peak_mib

from inkbench.submissions import score

QUICK = [
    *hostile_cases.PLAIN,
    *(number for number, (name, _) in enumerate(hostile_cases.CASES) if name.startswith("fuzzed zip"))
][::2]  # fmt: skip
FUZZED = [number for number, (name, _) in enumerate(hostile_cases.CASES) if name.startswith("fuzzed annotation")]
MOST_MIB = 300


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    made = hostile_cases.Hostile(tmp_path_factory.mktemp("hostile"))
    made.peak = peak_mib()
    return made


def tried(hostile, number, folder, monkeypatch):
    """Try a case; nothing but a refusal is raised, and nothing else is done."""
    monkeypatch.setattr(score, "run", hostile_cases.run_here)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    (folder / "case").mkdir()
    before = len(hostile.watch.found)
    with hostile.watch.on(folder):
        hostile_cases.CASES[number][1](hostile, folder / "case")
    assert hostile.watch.found[before:] == []


def test_there_are_as_many_cases_as_promised():
    assert hostile_archives.TOTAL >= 60
    assert len(hostile_images.NAMED) >= 40
    assert (hostile_cases.FUZZED, hostile_cases.ANNOTATIONS) == (60, 2_000)
    names = [name for name, _ in hostile_cases.CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("number", QUICK, ids=[hostile_cases.CASES[number][0] for number in QUICK])
def test_hostile_cases_are_refused_or_read(hostile, tmp_path, monkeypatch, number):
    tried(hostile, number, tmp_path, monkeypatch)
    assert peak_mib() - hostile.peak < MOST_MIB


@pytest.mark.parametrize("number", FUZZED[::50])
def test_fuzzed_annotations_are_refused_or_read(hostile, tmp_path, monkeypatch, number):
    tried(hostile, number, tmp_path, monkeypatch)


def test_the_watch_sees_what_it_is_for(hostile, tmp_path):
    import os
    import socket
    import subprocess
    import sys

    outside = tmp_path / "outside"
    with hostile.watch.on(tmp_path / "inside"):
        outside.write_text("x")
        outside.rename(tmp_path / "other")
        (tmp_path / "folder").mkdir()
        (tmp_path / "link").symlink_to("/etc")
        subprocess.run([sys.executable, "-c", ""], check=True)
        socket.socket().close()
        os.remove(tmp_path / "other")  # noqa: PTH107
    kinds = [line.partition(":")[0] for line in hostile.watch.found[-8:]]
    assert kinds.count("write") >= 5
    assert {"process", "socket"} <= set(kinds)
    hostile.watch.found.clear()
