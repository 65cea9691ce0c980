"""The extractor: what it unpacks, and that a thing which is wrong anywhere lets nothing be written."""

import gzip
import io
import os
import tarfile
import zipfile

import pytest
from hostile_archives import TARS, tarred, zipped
from watch import Watch

from inkbench.benchmark.archives.extract import extract
from inkbench.benchmark.archives.members import Kind, Limits, Member, judged
from inkbench.benchmark.archives.sources import Tar, Tree, opened_zip
from inkbench.benchmark.errors import UsageError

FILES = {"a.txt": b"a" * 3_000_000, "b/c.txt": b"", "b/ü.txt": b"x"}


@pytest.fixture(scope="module")
def watch():
    return Watch()


def listed(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sources(tmp_path):
    """The same files as a zip, as a tar and as a folder, each with entries of folders."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("b/", b"")
        for name, data in FILES.items():
            file.writestr(name, data)
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as file:
        info = tarfile.TarInfo("b")
        info.type = tarfile.DIRTYPE
        file.addfile(info)
        for name, data in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    for name, data in FILES.items():
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).write_bytes(data)


def test_every_source_unpacks_to_the_same_files(tmp_path, watch):
    sources(tmp_path)
    limits, written = Limits(), []
    with watch.on(tmp_path / "out"):
        with opened_zip(tmp_path / "x.zip", limits) as source:
            extract(source, tmp_path / "out" / "zip", limits, "x", told=written.append)
        extract(Tar(tmp_path / "x.tar.gz", 10**7, 9), tmp_path / "out" / "tar", limits, "x")
        extract(Tree(tmp_path / "x"), tmp_path / "out" / "tree", limits, "x")
    assert watch.found == []
    for name in ("zip", "tar", "tree"):
        assert listed(tmp_path / "out" / name) == FILES
    assert sum(written) == sum(map(len, FILES.values()))


def test_leading_folders_are_left_out_and_what_then_is_twice_is_refused(tmp_path):
    path = tarred(tmp_path / "x.tar.gz", ("x/a", b"1"), ("x/b/c", b"2"), ("top", b"3"))
    extract(Tar(path, 10**7, 9), tmp_path / "in", Limits(), "x", strip=1)
    assert listed(tmp_path / "in") == {"a": b"1", "b/c": b"2"}
    path = tarred(tmp_path / "y.tar.gz", ("x/a", b"1"), ("y/a", b"2"))
    with pytest.raises(UsageError, match="'a' is a duplicate: 2 entries"):
        extract(Tar(path, 10**7, 9), tmp_path / "other", Limits(), "y", strip=1)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (Member("/a", 1), "absolute path"),
        (Member("\\\\host\\a", 1), "absolute path"),
        (Member("c:a", 1), "absolute path"),
        (Member("a/../b", 1), "path traversal"),
        (Member("..", 0, Kind.FOLDER), "path traversal"),
        (Member("a", 1, Kind.LINK), "is a symlink"),
        (Member("a", 1, Kind.OTHER), "is not a regular file"),
        (Member("a", 1, encrypted=True), "is encrypted"),
        (Member(".", 1), "has no name"),
        (Member("a\0b", 1), "has a name that no file can have"),
        (Member("ü" * 128, 1), "has a name that no file can have"),
        (Member("/".join(["abc"] * 300), 1), "has a name that no file can have"),
        (Member("good", 1), "is a duplicate"),
        (Member("good/x", 1), "is both a file and a folder"),
    ],
)
def test_each_rule(member, message):
    safe, faults = judged([Member("good", 1), member], Limits(), 0)
    assert [message in fault.message for fault in faults] == [True]
    assert safe[0].name == "good"


def test_limits_are_of_all_before_any_is_looked_at():
    many = [Member(f"{k}", 10, packed=1) for k in range(10)]
    assert judged(many, Limits(entries=9), 0)[0] == []
    assert judged(many, Limits(total_bytes=99), 0)[0] == []
    assert judged(many, Limits(entry_bytes=9), 0)[0] == []
    assert judged(many, Limits(whole_ratio=9, whole_from=99), 11)[0] == []
    assert judged(many, Limits(ratio=9, ratio_from=5), 99)[0] == []
    assert len(judged(many, Limits(), 99)[0]) == 10


def test_more_than_was_declared_is_never_written(tmp_path):
    class Liar:
        packed = 0
        members = (Member("a", 10),)

        def contents(self, wanted):
            yield wanted[0], iter([b"x" * 8] * 1_000)

    with pytest.raises(UsageError, match="'a' is not of the 10 bytes"):
        extract(Liar(), tmp_path / "in", Limits(), "x")
    assert (tmp_path / "in" / "a").stat().st_size <= 10


def test_a_list_that_would_fill_the_memory_is_not_read(tmp_path):
    path = zipped(tmp_path / "x.zip", [(f"{k}", b"") for k in range(3_000)])
    with pytest.raises(UsageError, match="lists more than 10 entries"), opened_zip(path, Limits(entries=10)):
        pass


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(UsageError, match="is not a zip that can be read"), opened_zip(path, Limits()):
            pass
        with pytest.raises(UsageError, match="is not a complete gzipped tar"):
            Tar(path, 10, 10)


def test_headers_of_a_tar_are_bounded(tmp_path):
    for name in ("tar with a huge long name", "tar with a huge header"):
        with pytest.raises(UsageError, match=r"a header of 1,099,511,627,776 bytes"):
            Tar(TARS[name](tmp_path / "x.tar.gz"), 10**6, 10)
    info = tarfile.TarInfo("x")
    info.size = 2**33
    with gzip.open(tmp_path / "y.tar.gz", "wb", 1) as file:
        file.write(info.tobuf())
        file.write(bytes(40 * 2**20))
    with pytest.raises(UsageError, match="unpacks to more than"):
        Tar(tmp_path / "y.tar.gz", 10**6, 10)
