"""Files that prove what they hold, and what is left of processes that died while writing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leaderboard_records import usual

from inkbench.benchmark.cli.main import main
from inkbench.benchmark.store import files, sealed
from inkbench.benchmark.store.sealed import SealedFiles
from inkbench.benchmark.store.store import Store


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(sealed, "complain", lines.append)
    return lines


@pytest.fixture
def shelf(tmp_path, said):
    return SealedFiles(tmp_path / "shelf")


def test_what_is_written_is_read_back(shelf, said):
    for data in (b"", b"a", bytes(range(256)) * 50):
        shelf.write("key", data)
        assert shelf.read("key") == data
    assert shelf.read("another") is None
    assert said == []


@given(data=st.binary(max_size=60), place=st.integers(0, 200), bit=st.integers(0, 7), cut=st.booleans())
def test_no_flip_and_no_cut_is_read(tmp_path_factory, data, place, bit, cut):
    folder = tmp_path_factory.mktemp("shelf")
    shelf = SealedFiles(folder)
    shelf.write("key", data)
    content = bytearray(shelf.path("key").read_bytes())
    place %= len(content)
    if cut:
        del content[place:]
    else:
        content[place] ^= 1 << bit
    shelf.path("key").write_bytes(content)
    said = []
    with mock.patch.object(sealed, "complain", said.append):
        assert shelf.read("key") is None
        assert len(said) == 1
        assert str(shelf.path("key")) in said[0]
        assert list(folder.iterdir()) == []
        assert shelf.read("key") is None
        assert len(said) == 1


@pytest.mark.parametrize("thing", ["folder", "full folder", "dangling link", "another's file", "appended"])
def test_what_lies_in_a_files_place_is_told_removed_and_written_anew(shelf, said, tmp_path, thing):
    shelf.write("key", b"data")
    path, elsewhere = shelf.path("key"), tmp_path / "elsewhere"
    if thing == "appended":
        path.write_bytes(path.read_bytes() + b"x")
    elif thing == "another's file":
        shelf.write("other", b"data")
        shutil.copy(shelf.path("other"), path)
    else:
        path.unlink()
        if thing == "dangling link":
            path.symlink_to(elsewhere)
        else:
            path.mkdir()
            if thing == "full folder":
                elsewhere.write_text("not ours")
                (path / "link").symlink_to(elsewhere)
    assert shelf.read("key") is None
    assert len(said) == 1
    assert not os.path.lexists(path)
    shelf.write("key", b"new")
    assert shelf.read("key") == b"new"
    assert len(said) == 1
    assert thing != "full folder" or elsewhere.read_text() == "not ours"


def test_a_link_to_a_file_that_is_right_is_read(shelf, said, tmp_path):
    shelf.write("key", b"data")
    shelf.path("key").rename(tmp_path / "moved")
    shelf.path("key").symlink_to(tmp_path / "moved")
    assert shelf.read("key") == b"data"
    assert said == []


def test_a_folder_that_may_not_be_written_costs_time_alone(shelf, said, tmp_path):
    shelf.folder.parent.mkdir(exist_ok=True)
    shelf.folder.write_text("a file where the folder should be")
    shelf.write("key", b"data")
    assert len(said) == 1
    assert "not written" in said[0]
    assert shelf.read("key") is None
    shelf.write("key", b"data")
    assert shelf.read("key") == b"data", "what is in the place of a cache's folder goes"


def test_a_checksum_finds_the_row_that_is_another():
    rows = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    known = [sealed.sum_of(row) for row in rows]
    assert len(set(known)) == 20
    damaged = rows.copy()
    damaged[7, 3, 3, 1] ^= 16
    assert [k for k, row in enumerate(damaged) if sealed.sum_of(row) != known[k]] == [7]


def test_a_file_and_its_folder_are_brought_to_the_disk(tmp_path, monkeypatch):
    synced = []
    real = os.fsync

    def watch(handle):
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    monkeypatch.setattr(os, "fsync", watch)
    files.write_atomic(tmp_path / "a" / "b.json", b"x")
    assert len(synced) == 2
    assert synced[0].endswith(".tmp")
    assert synced[1] == str(tmp_path / "a")


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_who_may_read_a_file_is_as_the_umask_says(tmp_path, umask):
    before = os.umask(umask)
    try:
        files.write_atomic(tmp_path / "x", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o666 & ~umask


def test_what_the_dead_left_is_swept_and_what_the_living_write_stays(tmp_path):
    code = "import sys; from inkbench.benchmark.store import files; from pathlib import Path\n"
    code += "p = files.temporary_path(Path(sys.argv[1])); p.write_text('half')"
    code += " if sys.argv[2] == 'file' else p.mkdir(parents=True)"
    for kind in ("file", "folder"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path), kind], check=True)
    mine = files.temporary_path(tmp_path)
    mine.write_text("half")
    stranger = tmp_path / ".otherhost-1-abcd.tmp"
    stranger.write_text("half")
    assert files.sweep(tmp_path) == 2
    for folder in ("checkpoints", "cells/ab"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / folder), "folder"], check=True)
    Store(tmp_path).sweep()
    assert [*tmp_path.glob("*/*.tmp"), *tmp_path.glob("*/*/*.tmp")] == []
    for folder in ("cells/ab", "cells", "checkpoints"):
        (tmp_path / folder).rmdir()
    assert sorted(tmp_path.iterdir()) == sorted([mine, stranger])


@pytest.mark.seconds
def test_every_command_that_writes_removes_what_a_killed_one_left(tmp_path):
    store = Store(tmp_path / "results")
    rows = usual(store)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    name = files.temporary_path(Path()).name.split("-")
    left = store.root / "cache" / "statistics" / "-".join([name[0], str(dead.pid), name[2]])
    quiet = ["--results", str(store.root), "--quiet"]
    for words in (
        ["report", "--out", str(tmp_path / "out")],
        ["compare", rows[1].id, rows[2].id],
        ["table", "models"],
        ["rescore"],
    ):
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_text("half")
        main([*words, *quiet])
        assert not left.exists(), words


def test_a_folder_for_what_is_made_whole_removes_those_of_the_dead_alone(tmp_path):
    code = "import sys; from pathlib import Path; from inkbench.benchmark.store import files; "
    code += "(files.temporary_folder(Path(sys.argv[1])) / 'half').write_text('')"
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
    (dead,) = tmp_path.iterdir()
    first = files.temporary_folder(tmp_path)
    assert not dead.exists()
    second = files.temporary_folder(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([first, second])
