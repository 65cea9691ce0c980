"""The stored network of a run on a folder of images that nothing is known of."""

import json
import os
import zipfile

import numpy as np
import pytest
from PIL import Image
from record_files import written

from inkbench.benchmark.cli.verbs import verb_submit
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.predict import predict_folder
from inkbench.benchmark.store.arrays import read_arrays, unpack
from inkbench.benchmark.store.store import Store

QUIET = Progress(quiet=True)


@pytest.fixture(scope="module")
def finished(cli, first_run, tmp_path_factory):
    """A results folder with a fine-tuned and a frozen run of each task that sees one image."""
    results = first_run[1].parent / "predicted"
    results.mkdir()
    (results / "cache").symlink_to(first_run[1] / "cache")
    words = ("--method", "random", "--task", "saliency", "--preset", "smoke", "--set", "saliency.steps=3")
    done = cli(*words, "--protocol", "both", "--results", results)
    assert done.returncode == 0, done.stderr
    return Store(results)


def records(store):
    return {(record["method"], record["family"]): record for record in written(store.root)}


@pytest.mark.parametrize("family", ["frozen", "finetune"])
def test_the_test_images_again_are_predicted_as_the_cell_predicted_them(finished, family, tmp_path):
    record = records(finished)["random", family]
    ids = read_arrays(finished.items_path(record["id"]))["id"].tolist()
    stored = unpack(read_arrays(finished.predictions_path(record["work"])))
    [drawn] = [path for path in (finished.root / "cache" / "synth").iterdir() if (path / "ai4va").is_dir()]
    for item in ids:
        os.link(drawn / "ai4va" / "images" / "test" / f"{item}.jpg", tmp_path / f"{item}.jpg")
    (tmp_path / "broken.png").write_bytes(b"none")
    items, predictions = predict_folder(finished, finished.find(record["id"]), tmp_path, QUIET)
    assert sorted(items["id"]) == sorted(ids), "the one that cannot be read is left out"
    assert (items["width"] > 0).all()
    again = dict(zip(items["id"].tolist(), predictions, strict=True))
    for item, before in zip(ids, stored, strict=True):
        np.testing.assert_allclose(again[item]["map"], before["map"], rtol=2e-3, atol=1e-6)


def test_a_folder_without_truth_is_packed(finished, tmp_path, capsys):
    record = records(finished)["random", "frozen"]
    [drawn] = [path for path in (finished.root / "cache" / "synth").iterdir() if (path / "ai4va").is_dir()]
    images = sorted((drawn / "ai4va" / "images" / "test").iterdir())[:2]
    for file in images:
        os.link(file, tmp_path / file.name)
    (tmp_path / "broken.png").write_bytes(b"none")
    out = tmp_path / "out" / "x.zip"
    words = ["pack", record["id"], "--images", str(tmp_path), "--out", str(out), "--results", str(finished.root)]
    assert verb_submit([*words, "--size", "60x40", "--quiet"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{out}\n"
    assert "cannot be read: 1 image, broken" in said.err
    with zipfile.ZipFile(out) as file:
        assert file.namelist() == [f"{image.stem}.png" for image in images]
        with Image.open(file.open(file.namelist()[0])) as seen:
            assert seen.size == (60, 40)
    manifest = json.loads(out.with_suffix(".manifest.json").read_text())
    assert (manifest["cell"], manifest["data"]) == (record["id"], None)


def test_what_has_no_network_is_refused(finished, tmp_path):
    known = records(finished)
    with pytest.raises(UsageError, match="contains no images"):
        predict_folder(finished, finished.find(known["random", "frozen"]["id"]), tmp_path, QUIET)
    (tmp_path / "a.png").write_bytes(b"none")
    with pytest.raises(UsageError, match="has no network to predict with"):
        predict_folder(finished, finished.find(known["trivial:centre", "frozen"]["id"]), tmp_path, QUIET)
    lost = known["random", "finetune"]
    path = finished.network_path(lost["work"])
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(UsageError, match="run it again with --force"):
        predict_folder(finished, finished.find(lost["id"]), tmp_path, QUIET)
    path.write_bytes(kept)
