"""``data pack``: the same squares with and without a pack, whatever happens to it or to the files."""

import io
import os
import resource
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from damage import damage
from pictures_of import draw, noise
from PIL import Image

from inkbench.benchmark.api import View
from inkbench.benchmark.cli import data as commands
from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data import cache, catalogue, images, packed, packing
from inkbench.benchmark.data.layouts.folder import Folder
from inkbench.benchmark.data.packed import Pack, reading
from inkbench.benchmark.data.packing import image_files, pack_images
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.locks import claim

QUIET = Progress(quiet=True)
LONG_AGO = 1_600_000_000


def aged(path: Path) -> Path:
    """Files just written are waited for until another write would move their time."""
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@pytest.fixture
def root(tmp_path) -> Path:
    for k in range(24):
        aged(draw(tmp_path / f"comics/book {k % 4}/{k}.{'png' if k % 5 == 0 else 'jpg'}", 90 + k, 70, seed=k))
    return tmp_path / "comics"


@pytest.fixture
def results(tmp_path) -> Path:
    return tmp_path / "results"


class Heard(Progress):
    """Keeps what is said."""

    def __init__(self):
        super().__init__(quiet=True)
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def squares(root, folder, pack=None, progress=QUIET, threads=4):
    dataset = Folder(root)
    items = [item for split in ("train", "val", "test") for item in dataset.items("panels", split)]
    return cache.build(items, View(32), cache.Caching(folder, "k", progress, threads, pack))


def same(one, other):
    assert np.array_equal(one.images, other.images)
    assert np.array_equal(one.sizes, other.sizes)
    assert one.failures == other.failures
    return True


def held(pack, files):
    """Which of the files the pack gives the bytes of."""
    with reading(pack, QUIET) as read:
        return [file for file in files if read(file) is not None]


def test_squares_and_failures_are_the_same_from_a_pack_that_is_read(root, results, tmp_path, monkeypatch):
    pack = Pack.of(root, results)
    files = image_files(Folder(root))
    for file in damage(files):
        aged(file)
    plain = squares(root, tmp_path / "plain", pack)
    done = pack_images(Folder(root), pack, QUIET)
    assert (done.new, done.there, done.gone, done.unread) == (24, 0, 0, [])
    assert held(pack, files) == files
    opened = []
    real = images.Image.open
    monkeypatch.setattr(images.Image, "open", lambda source, **kw: (opened.append(type(source)), real(source, **kw))[1])
    heard = Heard()
    assert same(squares(root, tmp_path / "packed", pack, heard), plain)
    assert len(plain.failures) == 3
    assert opened == [io.BytesIO] * 24, "no file was opened"
    assert heard.lines == []


def test_a_file_that_changed_or_came_is_not_read_from_the_pack(root, results, tmp_path):
    pack, files = Pack.of(root, results), image_files(Folder(root))
    pack_images(Folder(root), pack, QUIET)
    other = Image.fromarray(noise(90, 70, seed=99))
    changed, replaced = files[2], files[5]
    other.save(changed)
    twin = shutil.copy(replaced, tmp_path / "twin.jpg")  # other bytes of the same size and time, under its name
    data = bytearray(twin.read_bytes())
    data[-20] ^= 0xFF
    twin.write_bytes(data)
    twin.replace(replaced)
    aged(replaced)
    new = draw(root / "book 1/new.jpg", seed=7)
    assert set(files) - set(held(pack, [*files, new])) == {changed, replaced}
    assert new not in held(pack, [new])
    assert same(squares(root, tmp_path / "packed", pack), squares(root, tmp_path / "plain"))
    for file in (changed, new):
        aged(file)
    files[0].unlink()
    done = pack_images(Folder(root), pack, QUIET)
    assert (done.new, done.there, done.gone) == (3, 21, 1)
    now = image_files(Folder(root))
    assert held(pack, now) == now
    assert pack_images(Folder(root), pack, QUIET).told(pack).endswith("0 files packed (0.0 MiB); 24 already there")


def test_what_another_reader_of_the_folder_packed_stays(root, results):
    pack = Pack.of(root, results)
    pack_images(Folder(root), pack, QUIET)

    class Fewer(Folder):
        def items(self, kind, split):
            return super().items(kind, split)[:1]

    assert pack_images(Fewer(root), pack, QUIET).gone == 0
    assert len(held(pack, image_files(Folder(root)))) == 24


def test_killed_half_way_it_goes_on_with_what_is_missing(root, results, tmp_path, monkeypatch):
    pack, files = Pack.of(root, results), image_files(Folder(root))
    monkeypatch.setattr(packing, "COMMIT_FILES", 5)
    child = os.fork()
    if child == 0:
        real, calls = packing._read, []

        def dies(path):
            calls.append(path)
            if len(calls) > 13:
                os.kill(os.getpid(), 9)
            return real(path)

        packing._read = dies
        pack_images(Folder(root), pack, QUIET)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    assert held(pack, files) == files[:10]
    assert same(squares(root, tmp_path / "half", pack), squares(root, tmp_path / "plain"))
    done = pack_images(Folder(root), pack, QUIET)
    assert (done.there, done.new) == (10, 14)
    assert held(pack, files) == files


def test_a_disk_that_is_full_is_one_line_and_what_was_packed_stays(root, results, monkeypatch):
    pack, files = Pack.of(root, results), image_files(Folder(root))
    monkeypatch.setattr(packing, "COMMIT_FILES", 5)
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr(packing.shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1000))
        with pytest.raises(UsageError, match=r"lmdb cannot be written \(0 MiB are needed .* run it again$") as refused:
            pack_images(Folder(root), pack, QUIET)
    assert "\n" not in str(refused.value)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (80_000, limits[1]))
    try:
        with pytest.raises(UsageError, match=r"lmdb cannot be written .*what is packed so far is kept"):
            pack_images(Folder(root), pack, QUIET)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    kept = held(pack, files)
    assert 5 <= len(kept) < 24
    done = pack_images(Folder(root), pack, QUIET)
    assert (done.there, done.new) == (len(kept), 24 - len(kept))


def test_a_place_that_cannot_be_written_is_one_line(root, results):
    (results / "cache").mkdir(parents=True)
    (results / "cache/packed").write_text("a file")
    with pytest.raises(UsageError, match=r"lmdb cannot be written \(File exists\)"):
        pack_images(Folder(root), Pack.of(root, results), QUIET)
    assert (results / "cache/packed").read_text() == "a file"


def cut_off(file):
    os.truncate(file, file.stat().st_size // 2)


def emptied(file):
    os.truncate(file, 0)


def other_file(file):
    file.write_bytes(b"no pack at all" * 5000)


def other_bytes(file):
    """A byte of each stored image, in the middle of its pages."""
    data = bytearray(file.read_bytes())
    for at in range(2 * 4096 + 900, len(data), 4096):
        data[at] ^= 0xFF
    file.write_bytes(data)


@pytest.mark.parametrize("hurt", [cut_off, emptied, other_file, other_bytes])
def test_a_damaged_pack_is_one_line_and_stops_nothing(hurt, root, results, tmp_path):
    pack = Pack.of(root, results)
    pack_images(Folder(root), pack, QUIET)
    hurt(pack.file)
    heard = Heard()
    assert same(squares(root, tmp_path / "packed", pack, heard), squares(root, tmp_path / "plain"))
    [line] = heard.lines
    assert "ignored" in line
    assert line.endswith("delete it, and pack again with data pack")
    assert "\n" not in line
    if hurt is not other_bytes:  # stamps alone do not show that
        again = Heard()
        assert pack_images(Folder(root), pack, again).new == 24
        assert "is damaged" in again.lines[0]


def test_while_another_process_packs_the_files_are_read(root, results, tmp_path):
    pack = Pack.of(root, results)
    pack_images(Folder(root), pack, QUIET)
    heard = Heard()
    with claim(pack.lock):
        squares(root, tmp_path / "packed", pack, heard)
    assert heard.lines == [f"{pack.file} ignored, reading files from {root}: another process is writing it"]
    with claim(pack.lock, shared=True):  # readers do not disturb each other
        assert held(pack, image_files(Folder(root)))


def test_without_the_library_packing_is_refused_and_a_pack_is_passed_over(root, results, tmp_path, monkeypatch):
    pack = Pack.of(root, results)
    pack_images(Folder(root), pack, QUIET)
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(UsageError, match=r"install it with: pip install -e '\.\[packed\]'$"):
        pack_images(Folder(root), pack, QUIET)
    heard = Heard()
    assert same(squares(root, tmp_path / "packed", pack, heard), squares(root, tmp_path / "plain", Pack.of(root, root)))
    assert [packed.INSTALL in line for line in heard.lines] == [True]


def test_a_file_just_written_is_waited_for(root, results, monkeypatch):
    slept = []
    monkeypatch.setattr(packing.time, "sleep", slept.append)
    os.utime(image_files(Folder(root))[0])
    pack_images(Folder(root), Pack.of(root, results), QUIET)
    assert len(slept) == 1
    assert 0 < slept[0] <= 2


def test_very_long_paths_are_packed_too(tmp_path, results):
    deep = tmp_path / "c" / ("a" * 200) / ("b" * 200) / ("c" * 200)
    files = [aged(draw(deep / f"{'d' * 200}{k}.png", seed=k)) for k in range(3)]
    pack = Pack.of(tmp_path / "c", results)
    assert pack_images(Folder(tmp_path / "c"), pack, QUIET).new == 3
    assert held(pack, files) == files
    files[0].unlink()
    assert pack_images(Folder(tmp_path / "c"), pack, QUIET).gone == 1


def test_parts_of_items_and_files_outside_of_the_folder_are_packed(root, results, tmp_path):
    """As those of comic_char_reid have, and as CIFAR's, which are unpacked elsewhere, are."""
    paths = [aged(draw(tmp_path / f"elsewhere/{k}.png", seed=k)) for k in range(2)]
    face, body = (Item(path.stem, path, "s", "train") for path in paths)

    class Both(Folder):
        def items(self, kind, split):
            parts = {"face": face, "body": body}
            return [
                *super().items(kind, split),
                *([Item("both", root, "s", "train", parts=parts)] * (split == "train")),
            ]

    pack = Pack.of(root, results)
    assert pack_images(Both(root), pack, QUIET).new == 26
    assert held(pack, paths) == paths


def test_the_command_packs_and_info_tells(root, results, capsys):
    pack = Pack.of(root, results)
    assert "packed:    -\n" in catalogue.info(str(root), results)
    assert commands.run(["pack", str(root), "--results", str(results), "--quiet"]) == 0
    assert f"{pack.file}: 24 files packed (" in capsys.readouterr().out
    assert f"packed:    {pack.file}, 0 MiB" in catalogue.info(str(root), results)
