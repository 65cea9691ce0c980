"""The leak check: planted near-duplicates are found, other panels are not; records and tables tell it."""

import json
import shutil

import numpy as np
import pytest
from changed import CHANGES
from leaderboard_records import record, saliency_items, usual
from PIL import Image

from inkbench.benchmark.cli import data as commands
from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data.images import read_rgb
from inkbench.benchmark.data.layouts.comics import Comics
from inkbench.benchmark.data.layouts.folder import Folder
from inkbench.benchmark.data.leaks import compare as module
from inkbench.benchmark.data.leaks.compare import THRESHOLD, compare, told
from inkbench.benchmark.data.leaks.hashes import hashes
from inkbench.benchmark.data.leaks.search import NONE, QUERIES, REFERENCES, nearest
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.leak_check import without
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build
from inkbench.tasks.metrics import saliency

QUIET = Progress(quiet=True)
RECALL = 0.97
"""Stated in docs/leaks.md; measured on more panels in tests/speed/test_leaks.py."""


def panels(data, split):
    return data.items("panels", split)


@pytest.fixture(scope="module")
def train(small_synth):
    """Every panel that a pretraining on the small synth could read, of all six series, taken as one training set."""
    data = Comics(small_synth / "comics")
    return data, [item for split in ("train", "val", "test") for item in panels(data, split)]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.seconds
def test_planted_near_duplicates_are_found(train, change, tmp_path):
    data, items = train
    for k, item in enumerate(items):
        (tmp_path / "test").mkdir(exist_ok=True)
        change(Image.fromarray(read_rgb(item.path))).save(tmp_path / f"test/{k:03}.png")
    planted = Folder(tmp_path / "test")
    test = [item for split in ("train", "val", "test") for item in panels(planted, split)]
    found = compare(test, planted, items, data, tmp_path / "cache", QUIET)
    assert found.by_image.mean() >= RECALL
    right = [items[row].id == items[int(item.id)].id for item, row in zip(test, found.nearest, strict=True)]
    assert np.mean(np.array(right)[found.by_image]) == 1, "the pair that is named is the right one"
    assert not found.by_series.any(), "series of two datasets that number otherwise are not compared"


@pytest.mark.seconds
def test_panels_of_other_series_are_not_called_near_duplicates(train, tmp_path):
    data, items = train
    for series in sorted({item.series for item in items}):
        own = [item for item in items if item.series == series]
        others = [item for item in items if item.series != series]
        found = compare(own, data, others, data, tmp_path, QUIET)
        assert not found.suspect.any()
        assert (found.distance > THRESHOLD).all()


def test_a_series_that_was_pretrained_on_is_suspect_where_books_are_numbered_alike(train, tmp_path):
    data, items = train
    test = [item for item in items if item.series in ("0", "1")]
    found = compare(test, data, [item for item in items if item.series == "0"], data, tmp_path, QUIET)
    assert found.by_series.tolist() == [item.series == "0" for item in test]
    assert told(found, test, items)["series"] == ["0"]


def test_blank_and_damaged_images_are_no_leaks(tmp_path):
    for name in ("a/1", "a/2", "b/1", "b/2"):
        path = tmp_path / f"data/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (90, 60), "white").save(path)
    (tmp_path / "data/b/2.png").write_bytes(b"")
    data = Folder(tmp_path / "data")
    items = [item for split in ("train", "val", "test") for item in panels(data, split)]
    assert not hashes(items, "key", tmp_path, QUIET).known.any()
    found = compare(items[:2], data, items[2:], data, tmp_path / "cache", QUIET)
    assert not found.by_image.any()
    assert (found.distance == NONE).all()


def test_the_search_is_exact_over_the_borders_of_blocks():
    rng = np.random.default_rng(3)
    library = rng.integers(0, 2**64, (REFERENCES + 50, 2, 4), dtype=np.uint64)
    queries = rng.integers(0, 2**64, (QUERIES + 3, 2, 4), dtype=np.uint64)
    queries[2, 0], queries[QUERIES + 1, 1] = library[REFERENCES + 7, 1], library[REFERENCES - 1, 0]
    rows, distances = nearest(queries, library)
    bits = np.unpackbits(library.view(np.uint8).reshape(len(library), 2, 32), axis=2).astype(int)
    asked = np.unpackbits(queries.view(np.uint8).reshape(len(queries), 2, 32), axis=2).astype(int)
    for k in range(len(queries)):
        pairs = [(bits[:, other] != asked[k, mine]).sum(axis=1) for mine, other in ((0, 0), (0, 1), (1, 0))]
        best = np.minimum.reduce(pairs)
        assert (rows[k], distances[k]) == (best.argmin(), best.min())
    assert (rows[2], distances[2]) == (REFERENCES + 7, 0)
    assert (rows[QUERIES + 1], distances[QUERIES + 1]) == (REFERENCES - 1, 0)
    assert nearest(queries, library[:0])[1].tolist() == [NONE] * len(queries)


def test_hashes_and_the_search_are_done_once(train, tmp_path, monkeypatch):
    data, items = train
    first = compare(items[:5], data, items, data, tmp_path, QUIET)
    monkeypatch.setattr(module, "nearest", None)
    monkeypatch.setattr("inkbench.benchmark.data.leaks.hashes.resized", None)
    again = compare(items[:5], data, items, data, tmp_path, QUIET)
    assert np.array_equal(first.distance, again.distance)
    for file in tmp_path.iterdir():
        file.write_bytes(b"damaged")
    monkeypatch.undo()
    assert np.array_equal(compare(items[:5], data, items, data, tmp_path, QUIET).nearest, first.nearest)


def test_an_item_of_several_images_is_suspect_where_one_of_them_is(train, tmp_path):
    data, items = train
    parts = {"face": items[0], "body": items[9]}
    both = Item("both", items[0].path, "x", "test", parts=parts)
    found = compare([both], data, [items[5], items[9]], data, tmp_path, QUIET)
    assert found.by_image.tolist() == [True]
    assert found.nearest.tolist() == [1]
    assert not compare([both], data, [items[5]], data, tmp_path, QUIET).by_image.any()


def test_metrics_without_the_suspects():
    items = saliency_items(0.4, 1)
    plain = {name: {"value": value} for name, value in saliency.aggregate(items).items()}
    count = len(items["id"])
    suspect = np.zeros(count, dtype=bool)
    assert without(saliency.SCORER, items, suspect, plain)["cc"] == plain["cc"]["value"]
    suspect[:3] = True
    left = without(saliency.SCORER, items, suspect, plain)
    assert left["cc"] == pytest.approx(items["cc"][3:].mean())
    assert left["cc"] != plain["cc"]["value"]
    assert set(without(saliency.SCORER, items, ~suspect | True, plain).values()) == {None}


def test_a_table_tells_the_share_and_the_score_without(tmp_path):
    store = Store(tmp_path)
    usual(store)
    leaks = {"suspect": 3, "share": 0.025, "test_items": 120, "pretraining_images": 9, "by_image": 3, "by_series": 0}
    leaks |= {"hash": "phash", "threshold": 8, "series": [], "pairs": [], "without": {"cc": 0.123}}
    record(store, "k0", "simclr", saliency_items(0.4, 5), leaks=leaks)
    [table] = build.tables(store, list(store.records()))
    rows = {row.label: row for block in table.blocks for row in block.rows}
    assert any("Possible leakage: 3 of 120 test items" in mark and "0.123" in mark for mark in rows["simclr"].marks)
    assert not any("leaks" in mark for mark in rows["jigsaw"].marks)


def test_by_hand_with_pictures_and_a_status(small_synth, tmp_path, capsys):
    root = tmp_path / "mine"
    shutil.copytree(small_synth / "comics/raw_panel_images/0", root / "x", copy_function=shutil.copyfile)
    words = ["leaks", str(small_synth / "comics"), str(root), "--all", "--quiet", "--results", str(tmp_path / "r")]
    assert commands.run([*words, "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["by_image"] == said["test_items"] == len(list(root.glob("x/*.jpg")))
    assert all(pair["bits"] == 0 for pair in said["pairs"])
    assert len(list((tmp_path / "r/check").glob("leaks-comics-mine-*.png"))) == 1
    assert commands.run(["leaks", str(small_synth / "comics"), str(small_synth / "comics"), "--quiet", "--results",
                         str(tmp_path / "r")]) == 0  # fmt: skip
