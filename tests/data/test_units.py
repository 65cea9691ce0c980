"""The unit of the statistics: splits that folders say, series that names share, what a person says, what is told."""

import contextlib
import io
import json
from pathlib import Path

import pytest
from pictures_of import draw, write

from inkbench.benchmark.cli import data as commands
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.data.units import by_regex, by_stem, split_folders, split_word
from inkbench.benchmark.errors import UsageError

SPLITS = ("train", "val", "test")


def opened(root, tmp_path, sets=(), text=None):
    return open_dataset(text or str(root), "quick", sets, tmp_path / "results")


def placed(dataset, kind="panels"):
    return {item.id: (item.series, item.split) for split in SPLITS for item in dataset.items(kind, split)}


def counts(dataset):
    found = [split for _, split in placed(dataset).values()]
    return [found.count(split) for split in SPLITS]


def pictures(root: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        draw(root / name, seed=seed)
    return root


def coco(root: Path, names, file="instances.json") -> Path:
    images = [{"id": k, "file_name": name, "width": 40, "height": 30} for k, name in enumerate(names)]
    boxes = [{"id": k, "image_id": k, "category_id": 1, "bbox": [1, 1, 5, 5]} for k in range(len(images))]
    write(root / file, json.dumps({"images": images, "categories": [{"id": 1, "name": "face"}], "annotations": boxes}))
    return pictures(root / "images", *names)


def check(root, tmp_path, *words):
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        words = ["check", str(root), "--json", "--quiet", *words, "--results", str(tmp_path / "results")]
        status = commands.run(words)
    return status, json.loads(told.getvalue())


@pytest.mark.parametrize(
    ("word", "split"),
    [("train", "train"), ("Training", "train"), ("trainset", "train"), ("VALID", "val"), ("val", "val"),
     ("validation", "val"), ("dev", "val"), ("test2017", "test"), ("Testing", "test"), ("naruto", None),
     ("trained", None), ("latest", None)],
)  # fmt: skip
def test_names_of_splits_in_all_their_forms(word, split):
    assert split_word(word) == split


def test_a_folder_with_train_valid_test_keeps_that_split(tmp_path):
    names = [f"{split}/{split}_{k}.png" for split, n in (("train", 8), ("valid", 3), ("test", 3)) for k in range(n)]
    root = pictures(tmp_path / "d", *names)
    assert counts(opened(root, tmp_path)) == [8, 3, 3]
    status, said = check(root, tmp_path)
    assert (status, said["counts"]["splits"]["panels"]) == (0, {"train": 8, "val": 3, "test": 3})


@pytest.mark.parametrize(
    ("form", "cut"),
    [("images/{split}/{series}/{k}.png", True), ("{series}/{split}/{k}.png", True), ("{split}/{k}{series}.png", False)],
)
def test_splits_above_or_below_the_folders_of_series_are_kept(tmp_path, form, cut):
    want = {}
    for split, words in (("train", "Training"), ("val", "Dev"), ("test", "Test")):
        for series in "ab":
            for k in range(2):
                want[draw(tmp_path / "d" / form.format(split=words, series=series, k=k)).stem, series, split] = 1
    dataset = opened(tmp_path / "d", tmp_path, text=f"folder:{tmp_path / 'd'}")
    assert counts(dataset) == [4, 4, 4]
    if cut:
        assert {series for series, _ in placed(dataset).values()} == {"a", "b"}
        assert dataset.splits_cut_series
        assert any("2 series are in several splits" in line for line in dataset.warnings)


def test_without_validation_a_tenth_of_the_series_of_train_is_it_and_test_is_kept(tmp_path):
    names = [f"train/s{s}/{k}.png" for s in range(10) for k in range(2)] + [f"test/t/{k}.png" for k in range(5)]
    dataset = opened(None, tmp_path, text=f"folder:{pictures(tmp_path / 'd', *names)}")
    found = placed(dataset)
    assert counts(dataset) == [18, 2, 5]
    assert len({series for series, split in found.values() if split == "val"}) == 1


def test_a_series_called_test_beside_others_is_a_series():
    given, rest = split_folders(["naruto/1", "bleach/1", "test/1"])
    assert (given, rest["test/1"]) == ({}, "test/1")


def test_images_beside_the_folders_of_splits_are_told(tmp_path):
    root = pictures(
        tmp_path / "d", "train/a.png", "test/b.png", "cover.png", "train/c.png", "test/d.png", "train/e.png"
    )
    dataset = opened(root, tmp_path)
    assert placed(dataset)["cover"][1] in ("train", "val")
    assert any("1 image outside the split folders" in line for line in dataset.warnings)


STEMS = [f"c{c:05d}_p{p:03d}" for c in range(5) for p in range(3)]


def test_a_flat_folder_whose_names_share_stems_is_grouped_by_stem_and_says_so(tmp_path):
    root = pictures(tmp_path / "d", *(f"{name}.png" for name in STEMS))
    dataset = opened(root, tmp_path)
    found = placed(dataset)
    assert {name: series for name, (series, _) in found.items()} == {name: name[:6] for name in STEMS}
    assert all(len({split for other, split in found.values() if other == series}) == 1 for series, _ in found.values())
    assert dataset.series_by == "name"
    status, said = check(root, tmp_path)
    assert (status, said["counts"]["series"], said["counts"]["series_by"]) == (0, 5, "name")
    assert any("guessed from the images' names (5 series)" in line and "--series-from" in line
               for line in said["warnings"])  # fmt: skip


@pytest.mark.parametrize(
    ("names", "series"),
    [
        ([f"{b}_{p}_{k}" for b in range(4) for p in range(3) for k in range(2)], {"0", "1", "2", "3"}),
        ([f"{b}{p:03d}" for b in ("naruto", "bleach", "akira") for p in range(9)], {"naruto", "bleach", "akira"}),
        ([f"my comic vol{v} p{p}" for v in range(3) for p in range(4)], {f"my comic vol{v}" for v in range(3)}),
        ([f"{b}-{p}_jpg.rf.{h}" for b in "abc" for p in range(2) for h in ("x1", "y2")], {"a", "b", "c"}),
        ([f"page_{p:03d}" for p in range(9)], None),
        ([f"IMG_{p:04d}" for p in range(9)], None),
        ([f"{p:04d}" for p in range(9)], None),
        ([f"train_{p}" for p in range(4)] + [f"test_{p}" for p in range(4)], None),
        ([f"c00001_p{p:03d}" for p in range(9)], {"c00001"}),
    ],
)
def test_what_names_share_is_their_series(names, series):
    found = by_stem({name: name for name in names})
    assert (None if found is None else set(found.values())) == series


def test_images_that_share_nothing_are_each_a_series_and_check_says_so(tmp_path):
    root = pictures(tmp_path / "d", *(f"{k:04d}.png" for k in range(6)))
    status, said = check(root, tmp_path)
    assert (status, said["counts"]["series_by"]) == (0, "image")
    assert any(
        "every image counts as its own series (6 series)" in line and "--series-from" in line
        for line in said["warnings"]
    )


def test_series_from_and_the_sidecar_settle_it(tmp_path):
    root = pictures(tmp_path / "d", *(f"{k:04d}.png" for k in range(40)))
    by_hand = opened(root, tmp_path, [("data.series_from", r"^(\d\d\d)")])
    assert {series for series, _ in placed(by_hand).values()} == {"000", "001", "002", "003"}
    assert (by_hand.series_by, opened(root, tmp_path).series_by) == ("regex", "image")
    assert by_hand.fingerprint() != opened(root, tmp_path).fingerprint()
    status, said = check(root, tmp_path, "--series-from", r"^(?P<series>\d\d\d)")
    assert (status, said["counts"]["series"], said["warnings"]) == (0, 4, [])
    write(root / "series.json", json.dumps({f"000{k}": {"split": "test"} for k in range(10)}))
    with pytest.raises(UsageError, match=r"series\.json does not name 0010"):
        placed(opened(root, tmp_path))
    write(root / "series.json", json.dumps({f"00{k}": {"split": SPLITS[k % 3]} for k in range(4)}))
    both = opened(root, tmp_path, [("data.series_from", r"^(\d\d\d)")])
    assert counts(both) == [20, 10, 10]


def test_a_sidecar_wins_over_folders_of_splits_and_says_so(tmp_path):
    root = pictures(tmp_path / "d", "train/a_1.png", "train/b_1.png", "test/c_1.png")
    write(root / "series.json", json.dumps({"a": {"split": "test"}, "b": {"split": "val"}, "c": {"split": "train"}}))
    dataset = opened(root, tmp_path)
    assert placed(dataset) == {"train/a_1": ("a", "test"), "train/b_1": ("b", "val"), "test/c_1": ("c", "train")}
    assert dataset.series_by == "sidecar"
    assert any("series.json contradicts the folders of 3 images" in line for line in dataset.warnings)


@pytest.mark.parametrize(
    ("regex", "why"), [("(", "is not a regular expression"), ("zzz", "finds no series in 2 names")]
)
def test_an_expression_that_cannot_be_meant_is_refused(regex, why):
    with pytest.raises(UsageError, match=why):
        by_regex(["a_1", "b_2"], regex)


def test_a_layout_that_knows_its_series_refuses_the_expression(tmp_path):
    draw(tmp_path / "d/images/b/0.jpg")
    write(tmp_path / "d/groundtruth/b/0.txt", "")
    with pytest.raises(UsageError, match="dcm772 defines the series itself"):
        check(tmp_path / "d", tmp_path, "--series-from", "x")


def test_a_flat_coco_file_is_grouped_by_stem_and_keeps_the_lists_splits(tmp_path):
    dataset = opened(coco(tmp_path / "one", [f"{name}.png" for name in STEMS]), tmp_path, text=str(tmp_path / "one"))
    assert {series for series, _ in placed(dataset).values()} == {name[:6] for name in STEMS}
    assert dataset.series_by == "name"
    root = tmp_path / "lists"
    for k, split in enumerate(SPLITS):
        coco(root, [f"{name}.png" for name in STEMS if int(name[-1]) == k], f"{split}.json")
    dataset = opened(root, tmp_path)
    assert {name: split for name, (_, split) in placed(dataset).items()} == {
        name: SPLITS[int(name[-1])] for name in STEMS
    }
    assert dataset.splits_cut_series


def test_folders_of_splits_in_a_coco_file_s_names_are_splits(tmp_path):
    names = [f"{split}/{k}.png" for split in ("train", "valid", "test") for k in range(3)]
    coco(tmp_path / "d", names)
    dataset = opened(tmp_path / "d", tmp_path)
    assert dataset.reader == "coco"
    assert {name: split for name, (_, split) in placed(dataset).items()} == {
        name[:-4]: {"train": "train", "valid": "val", "test": "test"}[name.split("/")[0]] for name in names
    }


def test_class_folders_with_capitals_keep_their_splits(tmp_path):
    names = [f"{split}/{label}/{k}.png" for split in ("Train", "Valid", "Test") for label in "xy" for k in range(2)]
    dataset = opened(pictures(tmp_path / "d", *names), tmp_path)
    assert (dataset.reader, dataset.series_by) == ("imagefolder", "image")
    assert [len(dataset.items("labelled", split)) for split in SPLITS] == [4, 4, 4]


def test_a_class_at_the_beginning_of_names_is_no_series(tmp_path):
    names = [f"{label}/{label}_{k}.png" for label in ("cat", "dog", "cow") for k in range(4)]
    dataset = opened(None, tmp_path, text=f"imagefolder:{pictures(tmp_path / 'd', *names)}")
    assert len({series for series, _ in placed(dataset).values()}) == 12
