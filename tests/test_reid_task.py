"""The reid task: crops and truths, trivial rows, a run through the command line."""

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.api import Item
from benchmark.errors import Refusal
from benchmark.parts.unit_features import UnitFeatures
from benchmark.store import Store
from tasks.reid import Reid, ReidConfig, histogram, thumbnail


def task(**sets):
    return Reid(ReidConfig.resolve("reid", "smoke", {key: str(value) for key, value in sets.items()}))


def test_faces_are_squashed_and_bodies_padded():
    assert [(task(crops=crops).view().kind, task(crops=crops).view().fit) for crops in ("faces", "bodies")] == [
        ("faces", "squash"),
        ("bodies", "pad"),
    ]
    assert task(crops="bodies").needs() == {"identities", "bodies"}


def test_the_truth_of_a_crop(tmp_path):
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[10:30, 20:50] = (255, 0, 64)
    Image.fromarray(pixels).save(tmp_path / "page.png")
    item = Item("a", tmp_path / "page.png", "s1", "test", crop=(20, 10, 30, 20), identity="s1/bob", panel="p7")
    truth = task().truth(item, 30, 20)
    assert (str(truth["identity"]), str(truth["series"]), str(truth["panel"])) == ("s1/bob", "s1", "p7")
    assert truth["pixels"].shape == (16, 16, 3)
    assert truth["pixels"][3, 4] == pytest.approx([1, 0, 64 / 255], abs=1e-3)
    assert truth["histogram"].sum(1).tolist() == pytest.approx([1, 1, 1])
    assert [int(row.argmax()) for row in truth["histogram"]] == [31, 0, 8]


def test_histograms_and_thumbnails_of_noise():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    expected = np.stack([np.histogram(pixels[..., c], bins=32, range=(0, 256))[0] for c in range(3)]) / 3500
    np.testing.assert_allclose(histogram(pixels), expected, rtol=1e-6)
    assert thumbnail(pixels).mean() == pytest.approx(pixels.mean() / 255, abs=0.01)


def test_features_have_length_one():
    maps = [torch.randn(4, 3, 9, 9), torch.randn(4, 7, 3, 3)]
    unit = UnitFeatures()(maps)
    assert unit.shape == (4, 7)
    assert unit.norm(dim=1).tolist() == pytest.approx([1] * 4)
    mean = maps[-1].mean((2, 3))
    assert torch.allclose(unit, mean / mean.norm(dim=1, keepdim=True), atol=1e-6)


def test_trivial_rows_know_nothing_pixels_or_colours():
    truths = [{"pixels": np.full((16, 16, 3), k / 4), "histogram": np.eye(3, 32) * k} for k in range(4)]
    rows = {name: task().predict_trivial(name, [], truths, []) for name in Reid.trivial}
    assert set(rows) == {"chance", "pixels", "histogram"}
    assert [row["embedding"].shape for row in (rows["pixels"][0], rows["histogram"][0])] == [(768,), (96,)]
    assert rows["pixels"][3]["embedding"][0] == 0.75
    again = task().predict_trivial("chance", [], truths, [])
    assert all((a["embedding"] == b["embedding"]).all() for a, b in zip(rows["chance"], again, strict=True))


@pytest.mark.parametrize(("sets", "said"), [({"crops": "face"}, "crops"), ({"steps": "4"}, "steps")])
def test_impossible_settings_are_refused(sets, said):
    with pytest.raises(Refusal, match=said):
        task(**sets)


def test_a_run_finds_characters_again(cli, with_synth):
    words = ("--task", "reid", "--preset", "smoke", "--results", with_synth)
    done = cli("--method", "random", *words, "--set", "reid.exclude=panel")
    assert done.returncode == 0, done.stderr
    for name in ("trivial:chance", "trivial:pixels", "trivial:histogram", "random"):
        assert name in done.stdout
    assert done.stdout.count("map@r[inter]") == 1
    records = {record["method"]: record for record in Store(with_synth).records()}
    figures = {name: record["metrics"]["map@r"]["value"] for name, record in records.items()}
    assert figures["trivial:histogram"] > 2 * figures["trivial:chance"]
    assert records["random"]["protocol"] == "zeroshot@1"
    assert records["random"]["settings"]["task"]["exclude"] == "panel"
    with_panels = cli("--method", "random", *words)
    assert with_panels.returncode == 0, with_panels.stderr
    histograms = [record for record in Store(with_synth).records() if record["method"] == "trivial:histogram"]
    other = [record["metrics"]["map@r"]["value"] for record in histograms]
    assert len(other) == 2
    assert other[0] != other[1], "the same panel's items are an answer or not"
