"""A copy of the drawn comics that lost or changed a file is drawn again or refused, and never read as it is."""

import json
import os
import random
import shutil
import time

import pytest

from inkbench.benchmark.data.synth import make as making
from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.dataset import Synth
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress

pytestmark = pytest.mark.seconds

TINY = SynthConfig(series=6, pages=1, panels=3, width=300, height=400, viewers=2)
QUIET = Progress(quiet=True)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn") / making.fingerprint(TINY)
    making.make(root, TINY, QUIET, workers=1)
    return root


@pytest.fixture
def own(drawn, tmp_path):
    """A copy in a folder of its name, as in the cache of a results folder."""
    return shutil.copytree(drawn, tmp_path / "synth" / drawn.name)


def content(root):
    paths = (path for path in root.rglob("*") if path.is_file() and path.name not in (".lock", making.MARKER))
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def an_image(root, draw):
    return draw.choice(sorted((root / "dcm772").rglob("*.jpg")) or sorted((root / "dcm772").rglob("*.png")))


def delete(root, draw):
    an_image(root, draw).unlink()


def delete_labels(root, draw):
    draw.choice(sorted((root / "labels").glob("*.json"))).unlink()


def flip(root, draw):
    path = an_image(root, draw)
    data = bytearray(path.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    stat = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def swap(root, draw):
    one, other = draw.sample(sorted((root / "dcm772").rglob("*.txt")), 2)
    one.write_bytes(other.read_bytes())


def empty(root, draw):
    an_image(root, draw).write_bytes(b"")


def to_link(root, draw):
    path = an_image(root, draw)
    path.unlink()
    path.symlink_to(root / "nowhere")


def to_folder(root, draw):
    path = an_image(root, draw)
    path.unlink()
    path.mkdir()


def add(root, draw):
    path = an_image(root, draw)
    shutil.copy(path, path.with_name(f"more{path.suffix}"))


def lose_a_folder(root, draw):
    shutil.rmtree(root / draw.choice(making.LAYOUTS))


def manifest(root, draw):
    path = root / "manifest.json"
    known = json.loads(path.read_text())
    known.pop(draw.choice(sorted(known)))
    path.write_text(json.dumps(known))


def marker(root, draw):
    (root / making.MARKER).write_text(draw.choice(["", "{", "[]", "{}"]))


DAMAGES = (
    *(delete, delete_labels, flip, swap, empty, to_link, to_folder),
    *(add, lose_a_folder, manifest, marker),
)


@pytest.mark.parametrize(
    "damage", [one if one in (delete,) else pytest.param(one, marks=pytest.mark.soak) for one in DAMAGES]
)
def test_a_copy_of_ours_is_drawn_again(own, drawn, tmp_path, capsys, damage):
    known = tmp_path / "checksums"
    making.make(own, TINY, QUIET, checksums=known)
    damage(own, random.Random(0))
    making.make(own, TINY, Progress(), workers=1, checksums=known)
    said = capsys.readouterr().err
    assert said.count("is not as it was drawn") == 1
    assert content(own) == content(drawn)
    making.make(own, TINY, Progress(), workers=1, checksums=known)
    assert capsys.readouterr().err == ""
    assert [path.name for path in own.parent.iterdir()] == [own.name]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_copy_of_the_users_is_refused_and_left_alone(drawn, tmp_path, damage):
    copy = shutil.copytree(drawn, tmp_path / "mine")
    damage(copy, random.Random(1))
    before = {path: path.lstat().st_mtime_ns for path in copy.rglob("*") if path.name != ".lock"}
    with pytest.raises(UsageError, match=r"mine is not as it was drawn: .*remove it, and draw it"):
        making.make(copy, TINY, QUIET, workers=1, checksums=tmp_path / "checksums")
    assert before == {path: path.lstat().st_mtime_ns for path in copy.rglob("*") if path.name != ".lock"}


def test_what_is_not_of_the_copy_does_not_count(own, capsys):
    for name in (".DS_Store", "comics/Thumbs.db", "dcm772/._0.jpg"):
        (own / name).write_text("x")
    making.make(own, TINY, Progress())
    assert capsys.readouterr().err == ""


def test_a_copy_that_is_as_it_was_is_looked_at_and_not_read(own, tmp_path, monkeypatch):
    known = tmp_path / "checksums"
    making.make(own, TINY, QUIET, checksums=known)
    time.sleep(2.1)  # what is written within two seconds may change again within one tick of its clock
    making.make(own, TINY, QUIET, checksums=known)
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("a file was read"))
    making.make(own, TINY, QUIET, checksums=known)


@pytest.mark.slow
def test_a_drawing_again_that_is_stopped_goes_on(own, drawn, monkeypatch):
    delete(own, random.Random(2))

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(making, "_replace", stop)
        with pytest.raises(KeyboardInterrupt):
            making.make(own, TINY, QUIET, workers=1)
    making.make(own, TINY, QUIET, workers=1)
    assert content(own) == content(drawn)


@pytest.mark.parametrize(
    "edit",
    [
        lambda told: told["settings"].update(vigoette=told["settings"].pop("vignette")),
        lambda told: told["settings"].update(pages=9),
        lambda told: told["settings"].update(series="many"),
        lambda told: told.update(settings=[1]),
        lambda told: told.update(layouts=["../elsewhere"]),
        lambda told: told.update(layouts=7),
        lambda told: told.update(manifest=None),
    ],
)
def test_a_marker_that_does_not_say_what_it_should_is_damage_like_any_other(own, edit):
    before, marker = content(own), own / making.MARKER
    told = json.loads(marker.read_text())
    edit(told)
    marker.write_text(json.dumps(told))
    assert making.read_marker(own) is None
    assert Synth(own).config == SynthConfig(), "it says nothing of its settings"
    making.make(own, TINY, QUIET, workers=1)
    assert content(own) == before
    assert Synth(own).config == TINY


@pytest.mark.parametrize("text", ["", "[]", '{"fingerp', "7"])
def test_a_drawing_whose_settings_are_damaged_begins_anew(drawn, tmp_path, text):
    root = tmp_path / drawn.name
    (root / making.DRAWN / "0").mkdir(parents=True)
    (root / making.DRAWN / "0" / "labels.json").write_text("of other settings")
    (root / making.DRAWN / "settings.json").write_text(text)
    making.make(root, TINY, QUIET, workers=1)
    assert content(root) == content(drawn)
