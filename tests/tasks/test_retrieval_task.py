"""Retrieval: what is asked, what is trained, and what stands as a trivial baseline."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize

from inkbench.benchmark.cli.main import main
from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data.damage.items import read_item
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.losses.nt_xent import nt_xent
from inkbench.tasks.metrics.copy_detection import aggregate, score_items
from inkbench.tasks.retrieval.copy_heads import CopyHead, UnitFeatures
from inkbench.tasks.retrieval.task import SCAN, Retrieval, RetrievalConfig, hash_bits


def retrieval(**settings):
    return Retrieval(RetrievalConfig(**settings))


class Panels:
    """A dataset of so many panels a split."""

    def __init__(self, files):
        self.files = files

    def items(self, kind, split):
        return [Item(f"{kind}/{path.stem}", path, f"s{k % 3}", split) for k, path in enumerate(self.files)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("panels"), np.random.default_rng(0)
    for k in range(12):
        small = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
        Image.fromarray(small).resize((144, 112), Image.Resampling.BICUBIC).save(folder / f"{k:02}.png")
    return sorted(folder.iterdir())


def test_every_test_panel_is_asked_for_once_and_all_originals_are_the_gallery(files):
    task = retrieval(pairs=4)
    items = task.items(Panels(files), "test")
    assert len({item.id for item in items}) == len(items) == 24
    truths = [task.truth(item, 1, 1) for item in items]
    asked = [truth for truth in truths if truth["query"]]
    assert sorted(str(truth["copy"]) for truth in asked) == sorted(item.id for item in items if not item.damage)
    assert {item.damage for item in items if item.id.endswith(SCAN)} == {("print-and-scan@1",)}
    assert len(task.items(Panels(files), "train")) == 8, "some of training, spread evenly"
    assert task.items(Panels(files), "train")[-1].id.startswith("panels/11")
    assert {item.id.split("/")[0] for item in retrieval(unit="page").items(Panels(files), "val")} == {"pages"}


def test_an_original_whose_name_ends_like_a_scans_is_an_original(files):
    truth = retrieval().truth(Item(f"a{SCAN}", files[0], "s", "test"), 1, 1)
    assert (str(truth["copy"]), bool(truth["query"])) == (f"a{SCAN}", False)


def test_a_batch_holds_pairs_and_is_drawn_by_seed_and_step(files):
    task = retrieval()
    truths = [task.truth(item, 1, 1) for item in task.items(Panels(files), "train")][:-1]
    draw = task.sampler(truths)
    chosen = draw(0, 3, 8)
    copies = [str(truths[row]["copy"]) for row in chosen]
    assert len(chosen) == 8
    assert copies[:4] == copies[4:]
    assert len(set(copies)) == 4
    assert str(truths[-1]["copy"]) not in {copy for step in range(20) for copy in
                                           (str(truths[row]["copy"]) for row in draw(0, step, 8))}  # fmt: skip
    assert np.array_equal(chosen, task.sampler(truths)(0, 3, 8))
    assert not np.array_equal(chosen, draw(1, 3, 8))


def test_the_loss_is_that_of_simclr_on_originals_and_scans():
    """NT-Xent, as the pretext task's own implementation computes it of two lists of views."""
    torch.manual_seed(0)
    head, features = CopyHead(6, 4, 0.2), torch.randn(10, 6, 1, 1)
    codes = [{"copy": torch.tensor([k])} for k in (*range(5), *range(5))]
    embedded = head([features])
    torch.testing.assert_close(embedded.norm(dim=1), torch.ones(10))
    torch.testing.assert_close(head([features], codes), nt_xent(embedded[:5], embedded[5:], 0.2))
    shuffled = torch.randperm(10)
    torch.testing.assert_close(
        head([features[shuffled]], [codes[k] for k in shuffled]), nt_xent(embedded[:5], embedded[5:], 0.2)
    )
    alone = head([features[:5]], codes[:5])
    assert alone == 0
    alone.backward()


def test_features_as_they_are_have_length_one():
    features = torch.randn(3, 5, 2, 2)
    wanted = normalize(features.mean((2, 3)), dim=1)
    torch.testing.assert_close(UnitFeatures()([features]), wanted)


def test_trivial_baselines_find_light_damage_and_chance_finds_nothing(files):
    found = {}
    for strength in (1, 3):
        task = retrieval(strength=strength)
        truths = [task.truth(item, 1, 1) for item in task.items(Panels(files), "test")]
        for name in task.trivial:
            found[name, strength] = aggregate(score_items(task.predict_trivial(name, [], truths, []), truths))["map"]
    assert found["phash", 1] > 0.9
    assert found["pixels", 1] > 0.9
    assert found["phash", 3] <= found["phash", 1]
    assert found["chance", 1] < 0.6
    with pytest.raises(ValueError, match="no trivial baseline 'x'"):
        task.predict_trivial("x", [], truths, [])


def test_a_hash_is_imagehashs(files):
    import imagehash

    pixels = read_item(Item("a", files[0], "s", "test"))
    seen = Image.fromarray(pixels).resize((128, 128), Image.Resampling.BILINEAR).convert("L")
    known = imagehash.phash(seen.resize((64, 64), Image.Resampling.LANCZOS), hash_size=16).hash.ravel()
    assert np.array_equal(hash_bits(pixels), known.astype(np.float32))


def test_the_album_shows_scans_with_what_was_found(files):
    task = retrieval()
    items = task.items(Panels(files), "test")
    truths = [task.truth(item, 1, 1) for item in items]
    drawn = task.album(items, truths, task.predict_trivial("pixels", [], truths, []), {})
    assert drawn["copies"].dtype == np.uint8
    assert drawn["copies"].shape[0] > 500, "five queries"
    lists = [{"ranking": np.array([0])}] * len(items)
    assert task.album(items, truths, lists, {}) == {}


@pytest.mark.parametrize("unit", ["panel", "page"])
def test_any_layout_with_panels_or_pages_serves(shared, tmp_path, unit, capsys):
    """open-mantra, on which nothing need be annotated; the scans of its test books as files."""
    data = shared / "data" / "open-mantra"
    words = ["data", "damages", str(data), "--scans", str(tmp_path / "scans"), "--out", str(tmp_path)]
    assert main([*words, "--set", f"retrieval.unit={unit}", "--results", str(tmp_path / "r"), "--quiet"]) == 0
    written = sorted(path.relative_to(tmp_path / "scans") for path in (tmp_path / "scans").rglob("*.png"))
    items = retrieval(unit=unit).items(open_dataset(str(data), "quick", (), tmp_path / "r"), "test")
    asked = [item for item in items if item.damage]
    assert [str(path.with_suffix("")) for path in written] == sorted(item.id for item in asked)
    assert f"{len(asked)} scans" in capsys.readouterr().out
    with Image.open(tmp_path / "scans" / f"{asked[0].id}.png", formats=["PNG"]) as file:
        assert np.array_equal(np.asarray(file), read_item(asked[0]))
    assert list(tmp_path.glob("damages-*.png"))
