"""``data get``: cut connections, resuming, servers without ranges, wrong checksums, hostile archives."""

import http.server
import importlib.util
import io
import re
import tarfile
import threading
from pathlib import Path
from types import MappingProxyType

import pytest
from pictures_of import draw, write

from inkbench.benchmark import registry
from inkbench.benchmark.contracts.source import Source
from inkbench.benchmark.data.get import download as module
from inkbench.benchmark.data.get.download import download
from inkbench.benchmark.data.get.fetch import find, get
from inkbench.benchmark.data.get.unpack import unpack
from inkbench.benchmark.data.layouts.dcm772 import Dcm772
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress

QUIET = Progress(quiet=True)
BODY = bytes(range(256)) * 4_000


class Server(http.server.BaseHTTPRequestHandler):
    """Serves ``body``; cuts the first ``cuts`` answers in the middle, with or without ranges."""

    body, cuts, ranges, etag, asked, status = BODY, 0, True, '"one"', [], 200

    def do_GET(self):
        cls = type(self)
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") == cls.etag
        cls.asked.append(self.headers.get("Range"))
        start = int(wanted[1]) if wanted and cls.ranges and same else 0
        part = cls.body[start:]
        self.send_response(cls.status if cls.status != 200 else 206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(cls.body) - 1}/{len(cls.body)}")
        self.send_header("Content-Length", str(len(part)))
        self.send_header("ETag", cls.etag)
        self.end_headers()
        if cls.cuts > 0:
            cls.cuts -= 1
            part = part[: len(part) // 2]
        self.wfile.write(part)

    def log_message(self, *given):
        pass


@pytest.fixture
def served(monkeypatch):
    """A server's settings, and its address."""
    handler = type("Handler", (Server,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setattr(module, "PAUSE_S", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield handler, f"http://127.0.0.1:{server.server_port}/x.tar.gz"
    server.shutdown()
    server.server_close()


def test_a_file_comes_whole(served, tmp_path):
    _, url = served
    download(url, tmp_path / "x", QUIET)
    assert (tmp_path / "x").read_bytes() == BODY
    assert [file.name for file in tmp_path.iterdir()] == ["x"], "nothing is left beside it"


def test_a_cut_connection_is_gone_on_from_where_it_was_cut(served, tmp_path):
    handler, url = served
    handler.cuts = 2
    download(url, tmp_path / "x", QUIET)
    assert (tmp_path / "x").read_bytes() == BODY
    assert handler.asked == [None, f"bytes={len(BODY) // 2}-", f"bytes={len(BODY) * 3 // 4}-"]


@pytest.mark.parametrize("told", [True, False])
def test_a_server_that_gives_more_than_is_expected_is_left(served, tmp_path, monkeypatch, told):
    handler, url = served
    if not told:
        monkeypatch.setattr(handler, "send_header", lambda self, name, value: None)
    with pytest.raises(UsageError, match=r"gives more than the 1,000 bytes that are expected"):
        download(url, tmp_path / "x", QUIET, 1_000)
    assert list(tmp_path.iterdir()) == []


def test_a_later_command_goes_on(served, tmp_path, monkeypatch):
    handler, url = served
    handler.cuts = 99
    monkeypatch.setattr(module, "TRIES", 1)
    with pytest.raises(
        UsageError, match=r"the connection was interrupted\); 0\.5 MiB are kept; the same command resumes"
    ):
        download(url, tmp_path / "x", QUIET)
    assert not (tmp_path / "x").exists()
    handler.cuts = 0
    download(url, tmp_path / "x", QUIET)
    assert handler.asked[-1] == f"bytes={len(BODY) // 2}-"
    assert (tmp_path / "x").read_bytes() == BODY


@pytest.mark.parametrize("change", ["no ranges", "another version"])
def test_what_cannot_be_gone_on_from_is_begun_anew(served, tmp_path, monkeypatch, change):
    handler, url = served
    handler.cuts = 1
    monkeypatch.setattr(module, "TRIES", 1)
    with pytest.raises(UsageError):
        download(url, tmp_path / "x", QUIET)
    if change == "no ranges":
        handler.ranges = False
    else:
        handler.body, handler.etag = BODY[::-1], '"two"'
    download(url, tmp_path / "x", QUIET)
    assert (tmp_path / "x").read_bytes() == handler.body


def test_a_server_that_refuses_or_is_not_there_is_one_line(served, tmp_path):
    handler, url = served
    handler.status = 404
    with pytest.raises(UsageError, match="the server says 404 Not Found") as refused:
        download(url, tmp_path / "x", QUIET)
    assert "\n" not in str(refused.value)
    assert len(handler.asked) == 1, "what is not there is not asked for again"
    with pytest.raises(UsageError, match="cannot be fetched"):
        download("http://127.0.0.1:9/x", tmp_path / "y", QUIET)


# --- unpacking
def tar(path, members):
    with tarfile.open(path, "w:gz") as file:
        for name, content, *kind in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if kind:
                info.type, info.linkname = kind[0], "/etc/passwd"
                info.size = 0
            file.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("../out", b"x")], "path traversal"),
        ([("a/../../out", b"x")], "path traversal"),
        ([("/abs", b"x")], "absolute path"),
        ([("link", b"", tarfile.SYMTYPE)], "is a symlink"),
        ([("hard", b"", tarfile.LNKTYPE)], "is a symlink"),
        ([("pipe", b"", tarfile.FIFOTYPE)], "is not a regular file"),
        ([("big", bytes(5_000))], "unpacks to 5,000 bytes, more than 2,000"),
        ([("a", b"1"), ("a", b"2")], "duplicate"),
        ([("a", b"1"), ("a/b", b"2")], "both a file and a folder"),
        ([("good", b"1"), ("../out", b"x")], "was not unpacked: '../out' is path traversal"),
    ],
)
def test_hostile_archives_are_refused(tmp_path, members, said):
    with pytest.raises(UsageError, match=said):
        unpack(tar(tmp_path / "x.tar.gz", members), tmp_path / "in", 0, 2_000, QUIET)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "in").exists(), "all names are judged before a byte is written"


def test_damaged_archives_are_refused(tmp_path):
    whole = tar(tmp_path / "x.tar.gz", [("a", bytes(range(256)) * 40)]).read_bytes()
    for k, damaged in enumerate((b"", b"no archive", whole[: len(whole) // 2])):
        (tmp_path / "y.tar.gz").write_bytes(damaged)
        with pytest.raises(UsageError, match="is not a complete gzipped tar"):
            unpack(tmp_path / "y.tar.gz", tmp_path / f"in{k}", 0, 10**6, QUIET)


# --- datasets
@pytest.fixture
def public(served, tmp_path, monkeypatch):
    """DCM772 as if it were to be fetched from here, its archive with one folder around it."""
    handler, url = served
    root = tmp_path / "made/dcm"
    for book in "abc":
        draw(root / f"images/{book}/0.jpg")
        write(root / f"groundtruth/{book}/0.txt", "8 1 1 20 20\n")
    with tarfile.open(tmp_path / "made.tar.gz", "w:gz") as file:
        file.add(root, "dcm-1234")
    handler.body = (tmp_path / "made.tar.gz").read_bytes()
    content = Dcm772(root).content()
    monkeypatch.setattr(Dcm772, "sources", MappingProxyType({"dcm772": Source(url, f"content:{content}", 10**7, 1)}))
    monkeypatch.delenv("INKBENCH_DATA", raising=False)
    return handler


def test_a_dataset_is_fetched_verified_and_used(public, tmp_path):
    public.cuts = 1
    said = get("dcm772", tmp_path / "data", QUIET)
    assert f"use it with --data dcm772:{tmp_path / 'data/dcm772'}" in said
    assert [entry.name for entry in (tmp_path / "data").iterdir()] == ["dcm772"]
    data = open_dataset(f"dcm772:{tmp_path / 'data/dcm772'}", "quick", (), tmp_path)
    assert len({item.id for split in ("train", "val", "test") for item in data.items("pages", split)}) == 3
    asked = len(public.asked)
    assert "already exists" in get("dcm772", tmp_path / "data", QUIET)
    assert len(public.asked) == asked, "what is there is not fetched again"


def test_other_content_is_removed_and_nothing_unpacked(public, tmp_path, monkeypatch):
    for checksum in ("content:" + "0" * 64, "md5:" + "0" * 32, "sha256:" + "0" * 64):
        source = Dcm772.sources["dcm772"]
        wrong = Source(source.url, checksum, source.most, source.strip)
        monkeypatch.setattr(Dcm772, "sources", MappingProxyType({"dcm772": wrong}))
        with pytest.raises(UsageError, match="deleted"):
            get("dcm772", tmp_path / "data", QUIET)
        assert list((tmp_path / "data").iterdir()) == []


def test_where_it_goes_must_be_said(public):
    with pytest.raises(UsageError, match="name a folder with --out DIR, or set INKBENCH_DATA"):
        get("dcm772", None, QUIET)
    assert public.asked == []


def test_what_may_not_be_fetched_has_steps_for_a_person(tmp_path):
    with pytest.raises(
        UsageError, match=r"\(1\) get it from https://gitlab.*\(2\) lay it out .*\(3\) check it"
    ) as said:
        get("dcm772", tmp_path, QUIET)
    assert "\n" not in str(said.value)
    with pytest.raises(UsageError, match="data accept ai4va"):
        get("ai4va", tmp_path, QUIET)
    with pytest.raises(UsageError, match="drawn by the program"):
        get("synth", tmp_path, QUIET)
    with pytest.raises(UsageError, match="cifar is the reader of cifar-10 and cifar-100; name one of them"):
        get("cifar", tmp_path, QUIET)
    with pytest.raises(UsageError, match="no dataset 'cifar-11' to get; did you mean 'cifar-10'"):
        get("cifar-11", tmp_path, QUIET)


def test_addresses_and_checksums_are_those_that_torchvision_knows():
    theirs = Path(importlib.util.find_spec("torchvision").origin).parent / "datasets"
    for name, file in (("cifar-10", "cifar.py"), ("cifar-100", "cifar.py"), ("stl10", "stl10.py")):
        _, source = find(name)
        text = (theirs / file).read_text()  # its source: importing it would take seconds
        assert f'"{source.url}"' in text
        assert f'tgz_md5 = "{source.checksum.removeprefix("md5:")}"' in text


def test_the_checksum_of_open_mantra_is_that_of_the_real_files(shared):
    cls, source = find("open-mantra")
    assert source.checksum == f"content:{cls(shared / 'data/open-mantra').content()}"


def test_nothing_is_fetched_without_being_asked(public, tmp_path):
    registry.load("datasets", "dcm772")
    with pytest.raises(UsageError, match="was not found"):
        open_dataset("dcm772", "quick", (), tmp_path)
    assert public.asked == []
