"""Claims of several processes and several users; folders that cannot hold locks."""

import errno
import fcntl
import os
import subprocess
import sys
import tempfile

import pytest

from inkbench.benchmark.store import locks
from inkbench.benchmark.store.locks import claim, machine_slot

AS_ANOTHER = """
import os, sys
from pathlib import Path
from inkbench.benchmark.store.locks import claim, machine_slot
os.setgid(65534)
os.setuid(65534)
with claim(Path(sys.argv[1])) as mine:
    print(mine)
"""
root = pytest.mark.skipif(os.getuid() != 0, reason="needs a second user, which root alone can become")


@pytest.fixture(autouse=True)
def nothing_told():
    locks._told.clear()


def of_another_user(path):
    done = subprocess.run([sys.executable, "-c", AS_ANOTHER, str(path)], capture_output=True, text=True, check=True)
    return done.stdout.strip(), done.stderr


def test_one_holds_it_at_a_time_and_many_share_it(tmp_path):
    path = tmp_path / "a" / "x.lock"
    with claim(path) as first, claim(path) as second:
        assert (first, second) == (True, False)
    with claim(path, shared=True) as first, claim(path, shared=True) as second, claim(path) as third:
        assert (first, second, third) == (True, True, False)
    with claim(path) as again:
        assert again


@root
def test_a_lock_file_of_another_user_is_held_like_any_other():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101
        path = locks.Path(folder) / "x.lock"
        path.touch(mode=0o644)
        assert of_another_user(path) == ("True", "")
        with claim(path) as mine:
            assert mine
            assert of_another_user(path) == ("False", "")


@root
def test_a_folder_of_another_user_is_told_and_worked_in():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101
        said, told = of_another_user(locks.Path(folder) / "new.lock")
        assert said == "True"
        assert told.count("\n") == 1
        assert "cannot hold locks (Permission denied)" in told


def test_a_folder_without_locks_is_told_once(tmp_path, monkeypatch, capfd):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    for _ in range(3):
        with claim(tmp_path / "x.lock") as one, claim(tmp_path / "x.lock") as other:
            assert one
            assert other
    assert capfd.readouterr().err == (
        f"{tmp_path} cannot hold locks (No locks available); what several processes want may be done twice\n"
    )


@root
def test_a_stranger_cannot_block_the_slot_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    taken = tmp_path / f"inkbench-slots-{os.getuid()}"
    taken.mkdir()
    os.chown(taken, 65534, 65534)
    with machine_slot("cpu"):
        assert list(taken.iterdir()) == []
        assert (tmp_path / "home" / "inkbench" / "slots" / "cpu").is_file()


def test_a_link_in_place_of_the_slots_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"inkbench-slots-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with machine_slot("cuda:0"):
        assert list((tmp_path / "elsewhere").iterdir()) == []
        assert (tmp_path / "home" / "inkbench" / "slots" / "cuda-0").is_file()


@pytest.mark.seconds
def test_waiting_for_the_machine_is_told_under_quiet_too(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = "import sys; from inkbench.benchmark.store import locks; import tempfile; tempfile.tempdir = sys.argv[1]\n"
    code += "with locks.machine_slot('cpu'): print('held', flush=True); sys.stdin.readline()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    waiter = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "waiting for another run of inkbench on cpu" in waiter.stderr.readline()
    holder.communicate("\n", timeout=20)
    assert waiter.stdout.readline() == "held\n"
    waiter.communicate("\n", timeout=20)
