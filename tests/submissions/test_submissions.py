"""Submissions of saliency maps: packed from a run, checked, scored to the run's own metrics."""

import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from record_files import data_used, made
from submission_data import STEMS, entries_of, gaze_folder, good, image_bytes, npy_bytes, zipped

from inkbench.benchmark.cli.verbs import verb_submit
from inkbench.benchmark.data.layouts.ai4va import Ai4va
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.scoring.score import metric_entries
from inkbench.benchmark.store.arrays import arrays_bytes, pack
from inkbench.benchmark.store.files import checksum, write_atomic
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.submissions.check import check as check_zip
from inkbench.submissions.findings import Report
from inkbench.submissions.formats import maps
from inkbench.submissions.formats.maps import decode, encode
from inkbench.submissions.formats.spec import Spec
from inkbench.submissions.pack import manifest_path
from inkbench.submissions.pack import pack as pack_cell
from inkbench.submissions.reference import Asked, read_reference
from inkbench.submissions.score import score as score_zip
from inkbench.submissions.score import score_here
from inkbench.tasks.metrics import saliency
from inkbench.tasks.saliency import Saliency, SaliencyConfig

RUN = "ab12"


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    return gaze_folder(tmp_path / "reference")


def cell_of(reference: Path, folder: Path, **changes) -> tuple[Store, Record]:
    """A store with one finished run: predictions of a seeded nobody, scored as the engine does."""
    task, rng = Saliency(SaliencyConfig()), np.random.default_rng(7)
    items = Ai4va(reference).items("saliency", "test")
    truths = [task.truth(item, 48, 36) for item in items]
    predictions = [{"map": rng.random((9, 9), dtype=np.float32) ** 3} for _ in items]
    scored = saliency.score_items(predictions, truths)
    scored["id"] = np.array([item.id for item in items])
    scored["style"] = np.array([item.style for item in items])
    store = Store(folder)
    write_atomic(store.predictions_path(RUN), arrays_bytes(pack(predictions)))
    metrics = metric_entries(saliency.SCORER, scored)
    return store, store.write(made(RUN, data=data_used("ai4va"), metrics=metrics, **changes), scored)


def values(record: Record) -> dict[str, float]:
    return {name: figure.value for name, figure in record.metrics.items()}


def check(path: Path, reference: Path | None = None, strict: bool = False):
    return check_zip(path, maps, {}, read_reference(Asked(data=str(reference))) if reference else None, strict)


def score(path: Path, reference: Path, split: str = "test", strict: bool = False) -> dict[str, float]:
    scored = score_zip(path, read_reference(Asked(data=str(reference), split=split)), strict)
    return {name: entry["value"] for name, entry in scored.metrics.items()}


def score_in_process(path: Path, reference: Path, strict: bool = False):
    return score_here(path, read_reference(Asked(data=str(reference))), strict)


def test_the_lossless_form_scores_as_the_cell(reference, tmp_path):
    store, record = cell_of(reference, tmp_path / "results")
    out = tmp_path / "maps.zip"
    pack_cell(store, record, out, Spec("npy"))
    assert check(out, reference, strict=True) == []
    figures = score(out, reference)
    assert set(figures) == set(record.metrics)
    assert {"nss", "cc@toon", "cc@realistic", "auc[judd]@toon"} <= set(figures)
    for name, value in values(record).items():
        assert figures[name] == pytest.approx(value, abs=1e-12), name
    scored = score_in_process(out, reference)
    assert scored.items["id"].tolist() == list(STEMS)
    assert figures == pytest.approx({name: entry["value"] for name, entry in scored.metrics.items()}, abs=1e-9)


def test_eight_bits_lose_little(reference, tmp_path):
    store, record = cell_of(reference, tmp_path / "results")
    pack_cell(store, record, tmp_path / "maps.zip")
    assert [f for f in check(tmp_path / "maps.zip", reference, strict=True) if f.level == "error"] == []
    figures = score(tmp_path / "maps.zip", reference)
    for name, value in values(record).items():
        assert figures[name] == pytest.approx(value, abs=0.02), name
    assert figures["cc"] != record.metrics["cc"].value


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
    assert manifest["cell"] == RUN
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
        ({"status": "failed", "reason": "none"}, "is failed: it has no predictions"),
        ({"task": "depth"}, "no task 'depth'"),
    ],
)
def test_cells_that_cannot_be_packed(reference, tmp_path, changes, message):
    store, record = cell_of(reference, tmp_path / "results", **changes)
    with pytest.raises(UsageError, match=message):
        pack_cell(store, record, tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_requests_that_are_refused(reference, tmp_path):
    store, record = cell_of(reference, tmp_path / "results")
    with pytest.raises(UsageError, match=r"must end in \.zip"):
        pack_cell(store, record, tmp_path / "x.tar")
    with pytest.raises(UsageError, match="floor 300 is not a grey value"):
        pack_cell(store, record, tmp_path / "x.zip", Spec(floor=300))
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        pack_cell(store, record, tmp_path / "file" / "x.zip")
    store.predictions_path(RUN).unlink()
    with pytest.raises(UsageError, match=r"predictions\.npz cannot be read"):
        pack_cell(store, record, tmp_path / "x.zip")
    zipped(tmp_path / "good.zip", good())
    for call, message in (
        (lambda: check(tmp_path / "none.zip"), "no file"),
        (lambda: check(reference / "fixations.csv"), "is not a zip that can be read"),
        (lambda: score(tmp_path / "good.zip", reference, "dev"), "no split 'dev'; there are: train, val, test"),
        (lambda: score(tmp_path / "good.zip", reference, "val"), "no saliency in its val split"),
        (lambda: read_reference(Asked("depth", str(reference))), "no task 'depth'"),
        (lambda: score(tmp_path / "good.zip", tmp_path / "nowhere"), "no folder"),
    ):
        with pytest.raises(UsageError, match=message):
            call()
    (reference / "maps" / "test" / "Yves_01.png").write_bytes(b"")
    with pytest.raises(UsageError, match=r"the reference cannot be read: .*Yves_01\.png"):
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
    ("data", "message"), [(FLAT, r"is constant \(9 everywhere\)"), (ZEROS, "of the truth's mass is where the map")]
)
def test_maps_that_are_legal_but_doubtful_are_warned_of(reference, tmp_path, data, message):
    path = zipped(tmp_path / "x.zip", good(**{"Yves_01.png": data}))
    (found,) = check(path, reference, strict=True)
    assert (found.level, found.file) == ("warning", "Yves_01.png")
    assert re.search(message, found.message)
    assert np.isfinite(score(path, reference, strict=True)["kld[eps=2.2204e-16]"])


def test_maps_of_another_size_are_resized_as_the_task_does(reference, tmp_path):
    _, record = cell_of(reference, tmp_path / "results")
    truths = Ai4va(reference).items("saliency", "test")
    rng = np.random.default_rng(7)
    files = {f"{item.id}.npy": npy_bytes(rng.random((9, 9), dtype=np.float32) ** 3) for item in truths}
    figures = score(zipped(tmp_path / "x.zip", files), reference)
    assert figures == pytest.approx(values(record), abs=1e-12)


def run(*words) -> int:
    return verb_submit([str(word) for word in words])


def test_the_commands(reference, tmp_path, capsys):
    store, record = cell_of(reference, tmp_path / "results")
    out = tmp_path / "maps.zip"
    assert run("pack", "ab", "--out", out, "--format", "npy", "--results", store.root) == 0
    assert capsys.readouterr().out == f"{out}\n"
    against = (out, "--reference", reference, "--strict")
    assert run("score", *against, "--json") == 0
    assert json.loads(capsys.readouterr().out) == pytest.approx(values(record), abs=1e-12)
    assert run("score", *against) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["cc", f"{record.metrics['cc'].value:.4f}", "4"]
    assert run("check", *against) == 0
    assert capsys.readouterr().out == ""
    zipped(out, good(**{"Yves_01.png": CUT}))
    assert run("check", *against, "--json") == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert found["file"] == "Yves_01.png"


def test_submissions_need_no_torch():
    code = (
        "import sys, inkbench.benchmark.cli.submit;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'timm', 'torchvision')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
