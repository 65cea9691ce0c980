"""Submissions of saliency maps: packed from a cell, checked, scored to the cell's own metrics."""

import io
import json
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.data.layouts.ai4va import Ai4va
from benchmark.errors import Refusal
from benchmark.store import Store, arrays_bytes, checksum, pack, write_atomic
from benchmark.verbs import verb_submit
from submissions.archive import Archive
from submissions.check import check as check_zip
from submissions.findings import Report
from submissions.formats import maps
from submissions.formats.maps import decode, encode
from submissions.formats.spec import Spec
from submissions.pack import manifest_path, zip_bytes
from submissions.pack import pack as pack_cell
from submissions.reference import Asked, read_reference
from submissions.score import score as score_zip
from submissions.score import score_here
from tasks.metrics import saliency
from tasks.saliency import Saliency, SaliencyConfig

CELL = "ab12"
STEMS = ("Placid_01", "Placid_02", "Yves_01", "Yves_02")


def picture(folder: Path, name: str, values: np.ndarray):
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(folder / name)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """Pages of 48 x 36 pixels with square maps of 20 x 20 in AI4VA's layout, fixations and styles."""
    root, rng = tmp_path / "reference", np.random.default_rng(0)
    rows = ["image,subject,x,y,duration_ms"]
    yy, xx = np.mgrid[:20, :20]
    for stem in (*STEMS, "Train_01"):
        split = "train" if stem.startswith("Train") else "test"
        x, y = rng.uniform(4, 16, 2)
        picture(root / "images" / split, f"{stem}.jpg", rng.integers(0, 256, (36, 48, 3)))
        picture(root / "maps" / split, f"{stem}.png", 255 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 30) * (xx > 1))
        rows += [f"{stem}.jpg,{k},{rng.uniform(1, 48):.1f},{rng.uniform(1, 36):.1f},200" for k in range(7)]
    (root / "fixations.csv").write_text("\n".join(rows))
    series = {name: {"split": "test", "style": style} for name, style in (("Placid", "toon"), ("Yves", "realistic"))}
    (root / "series.json").write_text(json.dumps(series | {"Train": {"split": "train", "style": "toon"}}))
    return root


def cell_of(reference: Path, folder: Path, **changes) -> tuple[Store, dict]:
    """A store with one finished cell: predictions of a seeded nobody, scored as the engine does."""
    task, rng = Saliency(SaliencyConfig()), np.random.default_rng(7)
    items = Ai4va(reference).items("saliency", "test")
    truths = [task.truth(item, 48, 36) for item in items]
    predictions = [{"map": rng.random((9, 9), dtype=np.float32) ** 3} for _ in items]
    scored = saliency.score_items(predictions, truths)
    scored["id"] = np.array([item.id for item in items])
    scored["style"] = np.array([item.style for item in items])
    store = Store(folder)
    write_atomic(store.predictions_path(CELL), arrays_bytes(pack(predictions)))
    record = {"id": CELL, "status": "done", "task": "saliency", "method": "random", "data": {"id": "ai4va"}}
    record |= {"protocol": "frozen@1", "seed": 0, "preset": "quick", "changed": {}, "settings": {}, "request": {}}
    return store, store.write(record | {"metrics": saliency.aggregate(scored)} | changes, scored)


def check(path: Path, reference: Path | None = None, strict: bool = False):
    return check_zip(path, maps, {}, read_reference(Asked(data=str(reference))) if reference else None, strict)


def score(path: Path, reference: Path, split: str = "test", strict: bool = False) -> dict[str, float]:
    scored = score_zip(path, read_reference(Asked(data=str(reference), split=split)), strict)
    return {name: entry["value"] for name, entry in scored.metrics.items()}


def score_in_process(path: Path, reference: Path, strict: bool = False):
    return score_here(path, read_reference(Asked(data=str(reference))), strict)


def entries_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {info.filename: file.read(info) for info in file.infolist()}


def good(size=(20, 20), **changes) -> dict[str, bytes]:
    """The files of a flawless submission, some changed; None takes one away."""
    rng = np.random.default_rng(5)
    files = {f"{stem}.png": encode(rng.random(size), Spec()) for stem in STEMS} | changes
    return {name: data for name, data in files.items() if data is not None}


def zipped(path: Path, files) -> Path:
    path.write_bytes(zip_bytes(files))
    return path


def image_bytes(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def npy_bytes(values: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, **options)
    return buffer.getvalue()


def test_the_lossless_form_scores_as_the_cell(reference, tmp_path):
    store, record = cell_of(reference, tmp_path / "results")
    out = tmp_path / "maps.zip"
    pack_cell(store, record, out, Spec("npy"))
    assert check(out, reference, strict=True) == []
    figures = score(out, reference)
    assert set(figures) == set(record["metrics"])
    assert {"nss", "cc@toon", "cc@realistic", "auc[judd]@toon"} <= set(figures)
    for name, value in record["metrics"].items():
        assert figures[name] == pytest.approx(value, abs=1e-12), name
    scored = score_in_process(out, reference)
    assert scored.items["id"].tolist() == list(STEMS)
    assert figures == pytest.approx({name: entry["value"] for name, entry in scored.metrics.items()}, abs=1e-9)


def test_eight_bits_lose_little(reference, tmp_path):
    store, record = cell_of(reference, tmp_path / "results")
    pack_cell(store, record, tmp_path / "maps.zip")
    assert [f for f in check(tmp_path / "maps.zip", reference, strict=True) if f.level == "error"] == []
    figures = score(tmp_path / "maps.zip", reference)
    for name, value in record["metrics"].items():
        assert figures[name] == pytest.approx(value, abs=0.02), name
    assert figures["cc"] != record["metrics"]["cc"]


def test_a_zip_is_deterministic_flat_and_its_manifest_lies_beside_it(reference, tmp_path):
    store, record = cell_of(reference, tmp_path / "results")
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    manifest = pack_cell(store, record, first)
    pack_cell(store, record, second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as file:
        assert [info.filename for info in file.infolist()] == [f"{stem}.png" for stem in STEMS]
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert json.loads(manifest_path(first).read_text()) == manifest
    assert manifest["cell"] == CELL
    assert manifest["zip"]["sha256"] == checksum(first.read_bytes())
    assert manifest["files"] == {name: checksum(data) for name, data in entries_of(first).items()}
    for data in entries_of(first).values():
        with Image.open(io.BytesIO(data)) as image:
            assert (image.mode, image.size) == ("L", (20, 20))


def test_the_floor_keeps_zeros_from_ruling_kld():
    values = np.zeros((4, 4))
    values[1, 1] = 2.0
    without, with_floor = (decode("a.png", encode(values, Spec(floor=f)), Report()) for f in (0, 1))
    assert (without.min(), with_floor.min(), with_floor.max()) == (0, 1, 255)
    truth = np.ones((4, 4))
    worst, mended = (saliency.maps.kld(seen, truth) for seen in (without, with_floor))
    assert worst > 20 > 5 > mended
    np.testing.assert_array_equal(encode(values - 7, Spec(floor=0)), encode(values, Spec(floor=0)))
    assert decode("a.png", encode(np.zeros((3, 3)), Spec()), Report()).tolist() == [[255] * 3] * 3
    with pytest.raises(ValueError, match="NaN or infinite"):
        encode(np.array([[np.nan]]), Spec())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "failed"}, "is failed: it has no predictions"),
        ({"task": "depth"}, "no task 'depth'"),
    ],
)
def test_cells_that_cannot_be_packed(reference, tmp_path, changes, message):
    store, record = cell_of(reference, tmp_path / "results", **changes)
    with pytest.raises(Refusal, match=message):
        pack_cell(store, record, tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_requests_that_are_refused(reference, tmp_path):
    store, record = cell_of(reference, tmp_path / "results")
    with pytest.raises(Refusal, match=r"must end in \.zip"):
        pack_cell(store, record, tmp_path / "x.tar")
    with pytest.raises(Refusal, match="floor 300 is no grey value"):
        pack_cell(store, record, tmp_path / "x.zip", Spec(floor=300))
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="cannot be written"):
        pack_cell(store, record, tmp_path / "file" / "x.zip")
    store.predictions_path(CELL).unlink()
    with pytest.raises(Refusal, match=r"predictions\.npz cannot be read"):
        pack_cell(store, record, tmp_path / "x.zip")
    zipped(tmp_path / "good.zip", good())
    for call, message in (
        (lambda: check(tmp_path / "none.zip"), "no file"),
        (lambda: check(reference / "fixations.csv"), "is no zip that can be read"),
        (lambda: score(tmp_path / "good.zip", reference, "dev"), "no split 'dev'; there are: train, val, test"),
        (lambda: score(tmp_path / "good.zip", reference, "val"), "no saliency in its val split"),
        (lambda: read_reference(Asked("depth", str(reference))), "no task 'depth'"),
        (lambda: score(tmp_path / "good.zip", tmp_path / "nowhere"), "no folder"),
    ):
        with pytest.raises(Refusal, match=message):
            call()
    (reference / "maps" / "test" / "Yves_01.png").write_bytes(b"")
    with pytest.raises(Refusal, match=r"the reference cannot be read: .*Yves_01\.png"):
        score(tmp_path / "good.zip", reference)


def test_a_flawless_zip_has_no_findings(reference, tmp_path):
    assert check(zipped(tmp_path / "x.zip", good()), reference, strict=True) == []


RGBA = image_bytes(np.random.default_rng(0).integers(0, 256, (20, 20, 4)).astype(np.uint8))
DEEP = image_bytes(np.random.default_rng(0).integers(0, 65536, (20, 20)).astype(np.uint16))
SMALL = encode(np.random.default_rng(0).random((10, 30)), Spec())
ZEROS = image_bytes(np.pad(np.full((2, 2), 200, np.uint8), ((0, 18), (0, 18))))
FLAT = image_bytes(np.full((20, 20), 9, np.uint8))
NAN = npy_bytes(np.full((20, 20), np.nan, np.float32))
CUT = good()["Yves_01.png"][:70]
A_MAP = good()["Yves_01.png"]


@pytest.mark.parametrize(
    ("files", "file", "message", "tolerant"),
    [
        (good(**{"../up.png": A_MAP}), "../up.png", "path traversal", "error"),
        (good(**{"a/../../up.png": A_MAP}), "a/../../up.png", "path traversal", "error"),
        (good(**{"/etc/up.png": A_MAP}), "/etc/up.png", r"absolute path \(path traversal\)", "error"),
        (good(**{"C:up.png": A_MAP}), "C:up.png", "absolute path", "error"),
        (good(**{"a\\up.png": A_MAP}), "a\\up.png", "backslash", "error"),
        (good(**{"maps/up.png": A_MAP}), "maps/up.png", "lies in a folder", "error"),
        ({f"res/{name}": data for name, data in good().items()}, "res/", "enclosing folder", "warning"),
        (good(**{"__MACOSX/._Yves_01.png": b"x"}), "__MACOSX/._Yves_01.png", "left behind", "warning"),
        (good(**{".DS_Store": b"x"}), ".DS_Store", "left behind", "warning"),
        (good(metadata=b"command: rm"), "metadata", "run as code", "error"),
        (good(**{"readme.txt": b"hello"}), "readme.txt", "is no map", "warning"),
        (good(**{"Yves_01.npy": npy_bytes(np.eye(20))}), "Yves_01.png", "is a duplicate of Yves_01.npy", "error"),
        (good(**{"Yves_01.png": None}), "Yves_01", "1 of 4 maps are missing", "error"),
        (good(**{"Yves_09.png": A_MAP}), "Yves_09.png", "1 maps of images that are not", "warning"),
        (good(**{"Yves_01.png": None, "yves_01.png": A_MAP}), "yves_01.png", "differs in case from Yves_01", "error"),
        (good(**{"Yves_01.png": SMALL}), "Yves_01.png", "is 30 x 10 pixels, the truth 20 x 20", "warning"),
        (good(**{"Yves_01.png": DEEP}), "Yves_01.png", "is 16-bit", "warning"),
        (good(**{"Yves_01.png": RGBA}), "Yves_01.png", "is RGBA, not greyscale", "warning"),
        (good(**{"Yves_01.png": None, "Yves_01.npy": NAN}), "Yves_01.npy", "400 of 400 values are NaN", "error"),
        (good(**{"Yves_01.png": CUT}), "Yves_01.png", "cannot be read", "error"),
        (good(**{"Yves_01.png": b""}), "Yves_01.png", "cannot be read", "error"),
        (
            good(**{"Yves_01.png": None, "Yves_01.npy": npy_bytes(np.array([{}]), allow_pickle=True)}),
            "Yves_01.npy",
            "cannot be read .*pickle",
            "error",
        ),
        (
            good(**{"Yves_01.png": None, "Yves_01.npy": npy_bytes(np.ones(9))}),
            "Yves_01.npy",
            r"float64 of shape \(9,\)",
            "error",
        ),
        ({}, "the zip", "holds no map", "error"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_malformed_zips(reference, tmp_path, monkeypatch, files, file, message, tolerant):
    """Each flaw is found under its file's name; nothing is written; only what we mend gets a score."""
    scratch = tmp_path / "a" / "scratch"
    scratch.mkdir(parents=True)
    monkeypatch.chdir(scratch)
    path = zipped(tmp_path / "x.zip", files)
    before = set(tmp_path.rglob("*"))
    for strict, level in ((False, tolerant), (True, "error")):
        (found,) = [f for f in check(path, reference, strict=strict) if f.file == file]
        assert (found.level, bool(found.mend)) == (level, True)
        assert re.search(message, found.message)
    with pytest.raises(Refusal, match="has no score: error"):
        score(path, reference, strict=True)
    if tolerant == "error":
        with pytest.raises(Refusal, match="has no score"):
            score_in_process(path, reference)
    else:
        assert np.isfinite(score_in_process(path, reference).metrics["cc"]["value"])
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("data", "message"), [(FLAT, r"is constant \(9 everywhere\)"), (ZEROS, "of the truth's mass lies where the map")]
)
def test_maps_that_are_legal_but_doubtful_are_warned_of(reference, tmp_path, data, message):
    path = zipped(tmp_path / "x.zip", good(**{"Yves_01.png": data}))
    (found,) = check(path, reference, strict=True)
    assert (found.level, found.file) == ("warning", "Yves_01.png")
    assert re.search(message, found.message)
    assert np.isfinite(score(path, reference, strict=True)["kld[eps=2.2204e-16]"])


def crafted(path: Path, name: str, change, data: bytes = A_MAP) -> Path:
    """A flawless zip with one more entry whose ZipInfo is changed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for other, content in good().items():
            file.writestr(other, content)
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        change(info)
        file.writestr(info, data)
    return path


def test_symlinks_devices_and_duplicates(reference, tmp_path):
    def kind(mode):
        return lambda info: setattr(info, "external_attr", (mode | 0o777) << 16)

    for mode, message in ((stat.S_IFLNK, "is a symlink"), (stat.S_IFIFO, "is no regular file")):
        path = crafted(tmp_path / "x.zip", "Yves_03.png", kind(mode), b"/etc/passwd")
        assert [f.message for f in check(path) if f.level == "error"] == [message]
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = crafted(tmp_path / "x.zip", "Yves_01.png", lambda info: None)
    (found,) = check(path, reference)
    assert (found.level, found.file, found.message[:14]) == ("error", "Yves_01.png", "is a duplicate")


def test_encrypted_and_damaged_entries(reference, tmp_path):
    path = zipped(tmp_path / "x.zip", good())
    data = bytearray(path.read_bytes())
    local, central = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
    data[local + 6] |= 1
    data[central + 8] |= 1
    path.write_bytes(data)
    assert "is encrypted" in {f.message for f in check(path, reference)}
    data = bytearray(zipped(path, good()).read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    (found,) = check(path, reference)
    assert found.level == "error"
    assert "cannot be unpacked" in found.message


def test_zip_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    bomb = zipped(tmp_path / "x.zip", good(**{"bomb.npy": bytes(32 * 2**20)}))
    monkeypatch.setattr(Archive, "read", lambda *_: pytest.fail("a bomb was unpacked"))
    found = [f for f in check(bomb) if f.level == "error"]
    assert [f.file for f in found] == ["bomb.npy", "the zip"]
    assert "zip bomb: unpacks to 1" in found[0].message
    monkeypatch.setattr("submissions.archive.MOST_ENTRIES", 3)
    assert "has 4 entries, more than 3" in check(zipped(tmp_path / "x.zip", good()))[0].message
    monkeypatch.setattr("submissions.archive.MOST_BYTES", 100)
    assert any("zip bomb: unpacks to" in f.message for f in check(tmp_path / "x.zip"))


def test_an_entry_that_lies_about_its_size_is_not_unpacked_further(reference, tmp_path):
    files = good(**{"Yves_01.png": None, "Yves_01.npy": npy_bytes(np.random.default_rng(0).random((400, 400)))})
    path = zipped(tmp_path / "x.zip", files)
    data = bytearray(path.read_bytes())
    size = len(files["Yves_01.npy"]).to_bytes(4, "little")
    for start in (data.index(size), data.rindex(size)):
        data[start : start + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    (found,) = [f for f in check(path, reference) if f.file == "Yves_01.npy"]
    assert found.level == "error"
    assert "unpack" in found.message


def test_maps_of_another_size_are_resized_as_the_task_does(reference, tmp_path):
    _, record = cell_of(reference, tmp_path / "results")
    truths = Ai4va(reference).items("saliency", "test")
    rng = np.random.default_rng(7)
    files = {f"{item.id}.npy": npy_bytes(rng.random((9, 9), dtype=np.float32) ** 3) for item in truths}
    figures = score(zipped(tmp_path / "x.zip", files), reference)
    assert figures == pytest.approx(record["metrics"], abs=1e-12)


def run(*words) -> int:
    return verb_submit([str(word) for word in words])


def test_the_commands(reference, tmp_path, capsys):
    store, record = cell_of(reference, tmp_path / "results")
    out = tmp_path / "maps.zip"
    assert run("pack", "ab", "--out", out, "--format", "npy", "--results", store.root) == 0
    assert capsys.readouterr().out == f"{out}\n"
    against = (out, "--reference", reference, "--strict")
    assert run("score", *against, "--json") == 0
    assert json.loads(capsys.readouterr().out) == pytest.approx(record["metrics"], abs=1e-12)
    assert run("score", *against) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["cc", f"{record['metrics']['cc']:.4f}", "4"]
    assert run("check", *against) == 0
    assert capsys.readouterr().out == ""
    zipped(out, good(**{"Yves_01.png": CUT}))
    assert run("check", *against, "--json") == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert found["file"] == "Yves_01.png"


def test_submissions_need_no_torch():
    code = "import sys, submissions.commands; sys.exit(any(m in sys.modules for m in ('torch', 'timm', 'torchvision')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent.parent).returncode == 0
