import json
import os
import time
from pathlib import Path

import pytest
from pictures_of import draw, write

from inkbench.benchmark.data import fingerprint as module
from inkbench.benchmark.data.fingerprint import fingerprint
from inkbench.benchmark.data.layouts.folder import Folder
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store.sealed import SealedFiles


def three(root: Path) -> list[Path]:
    return [write(root / name, text) for name, text in (("a.txt", "one"), ("b/c.txt", "two"), ("d.txt", "three"))]


@pytest.fixture(autouse=True)
def soon_old(monkeypatch):
    """What was written a tenth of a second ago counts as old: a file's ctime cannot be set back."""
    monkeypatch.setattr(module, "RACY_NS", 100_000_000)


def age(files: list[Path], seconds: float = 60) -> None:
    for file in files:
        stamp = time.time() - seconds
        os.utime(file, (stamp, stamp))
    time.sleep(0.11)


def test_it_is_one_of_content_and_relative_names_only(tmp_path):
    here, there = three(tmp_path / "here"), three(tmp_path / "there")
    first = fingerprint(tmp_path / "here", here)
    age(there)
    assert fingerprint(tmp_path / "there", reversed(there)) == first
    there[1].write_text("2wo")
    assert fingerprint(tmp_path / "there", there) != first
    here[0].rename(tmp_path / "here/A.txt")
    assert fingerprint(tmp_path / "here", [tmp_path / "here/A.txt", *here[1:]]) != first


def test_checksums_are_remembered_by_size_time_and_inode(tmp_path, monkeypatch):
    files = three(tmp_path / "data")
    age(files)
    first = fingerprint(tmp_path / "data", files, tmp_path / "sums")
    read = []
    real = module.hashlib.file_digest
    monkeypatch.setattr(module.hashlib, "file_digest", lambda *given: (read.append(1), real(*given))[1])
    assert fingerprint(tmp_path / "data", files, tmp_path / "sums") == first
    assert read == []
    stat = files[0].stat()
    files[0].write_text("uno")
    os.utime(files[0], ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert fingerprint(tmp_path / "data", files, tmp_path / "sums") != first
    assert len(read) == 1


def test_files_just_written_are_not_remembered(tmp_path):
    files = three(tmp_path / "data")
    age(files[:2])
    files[2].write_text("three")
    fingerprint(tmp_path / "data", files, tmp_path / "sums")
    kept = json.loads(SealedFiles(tmp_path / "sums").read(module.root_key(tmp_path / "data")))
    assert sorted(kept) == ["a.txt", "b/c.txt"]


def test_an_edit_in_place_whose_time_was_set_back_is_seen(tmp_path):
    files = three(tmp_path / "data")
    age(files)
    first = fingerprint(tmp_path / "data", files, tmp_path / "sums")
    stat = files[0].stat()
    files[0].write_text("uno")
    os.utime(files[0], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert fingerprint(tmp_path / "data", files, tmp_path / "sums") != first


def test_damaged_memory_is_told_and_forgotten(tmp_path, capfd):
    files = three(tmp_path / "data")
    age(files)
    first = fingerprint(tmp_path / "data", files, tmp_path / "sums")
    memory = next((tmp_path / "sums").iterdir())
    for text in ("{", "[]", '{"a.txt": 1}'):
        memory.write_text(text)
        assert fingerprint(tmp_path / "data", files, tmp_path / "sums") == first
        assert capfd.readouterr().err.count(f"{memory} is damaged") == 1


def test_a_file_that_goes_away_is_one_line(tmp_path):
    with pytest.raises(UsageError, match=r"gone\.txt cannot be read \(No such file"):
        fingerprint(tmp_path, [tmp_path / "gone.txt"])


def test_the_sidecar_counts(tmp_path):
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes(b"%d" % k)
    first = Folder(tmp_path).fingerprint()
    write(tmp_path / "series.json", '{"0": {"split": "test"}, "1": {"split": "val"}, "2": {"split": "train"}}')
    assert Folder(tmp_path).fingerprint() != first


def reader(root, results) -> Folder:
    data = Folder(root)
    data.checksums = results
    return data


def test_the_user_is_told_which_files_changed_until_a_run_begins_with_them(tmp_path):
    root, sums = tmp_path / "data", tmp_path / "sums"
    for k in range(6):
        draw(root / f"{k}.png", seed=k)
    first = reader(root, sums)
    assert first.changes() == "", "at the first run nothing is known to compare with"
    first.settle()
    assert reader(root, sums).changes() == ""
    draw(root / "1.png", seed=99)
    (root / "2.png").unlink()
    for k in (6, 7, 8, 9):
        draw(root / f"{k}.png", seed=k)
    told = reader(root, sums)
    assert (
        "1 file changed (1.png); 4 files added (6.png, 7.png, 8.png and 1 more); 1 file removed (2.png)"
        in told.changes()
    )
    assert told.fingerprint() != first.fingerprint()
    assert reader(root, sums).changes() == told.changes(), "a dry run does not count"
    told.settle()
    assert reader(root, sums).changes() == ""
    next(sums.glob("*.last.sealed")).write_text("{")
    assert reader(root, sums).changes() == "", "a damaged memory is forgotten"
