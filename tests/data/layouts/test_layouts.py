import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pictures_of import draw, write
from PIL import Image

from inkbench.benchmark.contracts.dataset import Box
from inkbench.benchmark.data.boxes import panelise, repair
from inkbench.benchmark.data.files import natural
from inkbench.benchmark.data.layouts.ai4va import Ai4va
from inkbench.benchmark.data.layouts.comics import Comics
from inkbench.benchmark.data.layouts.dcm772 import Dcm772, Dcm772Config
from inkbench.benchmark.data.layouts.folder import Folder
from inkbench.benchmark.data.layouts.open_mantra import OpenMantra
from inkbench.benchmark.errors import UsageError

SPLITS = ("train", "val", "test")


def every(dataset, kind):
    return [item for split in SPLITS for item in dataset.items(kind, split)]


def splits_of(dataset, kind):
    return {item.series: item.split for item in every(dataset, kind)}


# --- boxes
corner = st.floats(-50, 250, allow_nan=False)


@given(st.tuples(corner, corner, corner, corner))
@example((0.0, 8.8e-257, 8.8e-257, -1.2e-269))  # an area that no float holds
def test_repaired_boxes_lie_in_the_image_and_good_ones_stay(corners):
    mended, said = repair(corners, (200, 100))
    if mended is None:
        assert said
        return
    x0, y0, x1, y1 = mended
    assert 0 <= x0 < x1 <= 200
    assert 0 <= y0 < y1 <= 100
    assert (said is None) == (mended == corners)


def test_a_box_belongs_to_a_panel_by_more_than_half_of_the_smaller_area():
    panel = (100, 0, 200, 100)
    half, more = Box("face", 90, 10, 110, 30), Box("face", 91, 10, 111, 30)
    around, inside = Box("body", 0, 0, 300, 200), Box("body", 120, 20, 140, 50, "x")
    assert panelise([half], panel) == ()
    assert panelise([more], panel) == (Box("face", 0, 10, 11, 30),)
    assert panelise([around], panel) == (Box("body", 0, 0, 100, 100),)
    assert panelise([inside], panel) == (Box("body", 20, 20, 40, 50, "x"),)


def test_names_are_sorted_as_people_count():
    assert sorted(["10_2", "2_10", "b", "2_9", "a1"], key=natural) == ["2_9", "2_10", "10_2", "a1", "b"]


# --- COMICS
def comics(root: Path, books: int = 5) -> Path:
    for book in range(books):
        for page, panel in ((2, 0), (2, 1), (10, 0)):
            draw(root / f"raw_panel_images/{book}/{page}_{panel}.jpg", seed=book)
        draw(root / f"raw_page_images/{book}/2.jpg")
    return root


def test_comics_panels_in_reading_order_without_advertisements(tmp_path):
    write(comics(tmp_path) / "predadpages.txt", "0---2\n3---10\n")
    dataset = Comics(tmp_path)
    assert Comics.recognises(tmp_path)
    assert dataset.offers() == {"panels", "pages"}
    ids = [item.id for item in every(dataset, "panels")]
    assert len(ids) == 12
    assert [name for name in ids if name.startswith("1/")] == ["1/2_0", "1/2_1", "1/10_0"]
    assert [name for name in ids if name[0] in "03"] == [name for name in ids if name in ("0/10_0", "3/2_0", "3/2_1")]
    assert len(every(dataset, "pages")) == 4
    assert any("3 panels left out: pages of advertisements" in line for line in dataset.warnings)
    panels = splits_of(dataset, "panels")
    assert all(panels[book] == split for book, split in splits_of(dataset, "pages").items())


def test_comics_holds_out_the_last_thousand_books(tmp_path):
    for book in range(1_003):
        folder = tmp_path / f"raw_panel_images/{book}"
        folder.mkdir(parents=True)
        (folder / "1_0.jpg").write_bytes(b"")
    split = splits_of(Comics(tmp_path), "panels")
    assert Counter(split.values()) == {"train": 3, "val": 500, "test": 500}
    assert [split[str(book)] for book in (0, 2, 3, 502, 503, 1002)] == ["train", "train", "val", "val", "test", "test"]


def test_comics_of_two_books_are_all_train_and_say_so_where_a_test_split_is_asked_for(tmp_path):
    dataset = Comics(comics(tmp_path, 2))
    assert len(dataset.items("panels", "train")) == 6
    dataset.require("panels", "train")
    with pytest.raises(UsageError, match=r"panels of 2 series, none of them in test; set in .*series\.json"):
        dataset.require("panels", "test")


def test_comics_names_what_it_leaves_out_and_refuses_a_bad_list(tmp_path):
    draw(comics(tmp_path) / "raw_panel_images/1/cover.jpg")
    dataset = Comics(tmp_path)
    assert len(every(dataset, "panels")) == 15
    assert any("raw_panel_images/1/cover.jpg" in line for line in dataset.warnings)
    write(tmp_path / "predadpages.txt", "0---2\n0-3\n")
    with pytest.raises(UsageError, match=r"predadpages\.txt:2: '0-3' is not BOOK---PAGE"):
        Comics(tmp_path).items("panels", "train")


def test_a_kind_that_is_not_there_is_refused_with_what_is(tmp_path):
    with pytest.raises(UsageError, match="has no saliency; it offers pages, panels"):
        Comics(comics(tmp_path)).items("saliency", "train")


# --- DCM772
def dcm(root: Path, books: int = 5) -> Path:
    for book in range(books):
        for page in ("000", "001"):
            draw(root / f"images/b{book}/{page}.jpg", 200, 100)
            write(
                root / f"groundtruth/b{book}/{page}.txt",
                "8 0 0 100 100\n8 100 0 200 100\n1 10 20 60 90\n7 20 20 40 40\n",
            )
    return root


def test_dcm_pages_and_panels(tmp_path):
    dataset = Dcm772(dcm(tmp_path))
    assert dataset.offers() == {"panels", "pages", "boxes:panel", "boxes:face", "boxes:body"}
    page = next(item for item in every(dataset, "pages") if item.id == "b0/000")
    assert page.boxes == (
        Box("panel", 0, 0, 100, 100),
        Box("panel", 100, 0, 200, 100),
        Box("body", 10, 20, 60, 90),
        Box("face", 20, 20, 40, 40),
    )
    left, right = (item for item in every(dataset, "panels") if item.id.startswith("b0/000"))
    assert (left.id, left.crop) == ("b0/000_0", (0, 0, 100, 100))
    assert [box.label for box in left.boxes] == ["body", "face"]
    assert (right.id, right.crop, right.boxes) == ("b0/000_1", (100, 0, 200, 100), ())
    assert right.labels == {"face", "body"}
    assert len(every(dataset, "pages")) == 10, "once a page, not once an annotation"


def test_dcm_classes_are_kept_apart_until_the_settings_join_them(tmp_path):
    write(
        dcm(tmp_path) / "groundtruth/b0/000.txt", "".join(f"{kind} {kind} 0 {kind + 20} 50\n" for kind in range(1, 9))
    )
    labels = {}
    for body in ("1", "1,5,6"):
        config = Dcm772Config.resolve("dcm772", "quick", {"body": body})
        page = next(item for item in every(Dcm772(tmp_path, config), "pages") if item.id == "b0/000")
        labels[body] = Counter(box.label for box in page.boxes)
    assert labels["1"] == {"body": 1, "face": 1, "panel": 1}
    assert labels["1,5,6"] == {"body": 3, "face": 1, "panel": 1}


def test_dcm_empty_pages_count_and_pages_without_a_file_are_named(tmp_path):
    write(dcm(tmp_path) / "groundtruth/b0/000.txt", "\n")
    (tmp_path / "groundtruth/b1/001.txt").unlink()
    dataset = Dcm772(tmp_path)
    pages = {item.id: item for item in every(dataset, "pages")}
    assert pages["b0/000"].boxes == ()
    assert pages["b0/000"].labels == {"panel", "face", "body"}
    assert len(pages) == 9
    assert "1 page without a file in groundtruth left out: b1/001" in dataset.warnings


def test_dcm_boxes_are_mended_and_named_by_line(tmp_path):
    write(dcm(tmp_path) / "groundtruth/b0/000.txt", "7 40 40 20 20\n7 -5 0 999 50\n7 300 0 400 50\n7 3 3 3 9\n")
    dataset = Dcm772(tmp_path)
    page = next(item for item in every(dataset, "pages") if item.id == "b0/000")
    assert page.boxes == (Box("face", 20, 20, 40, 40), Box("face", 0, 0, 200, 50))
    said = [line.rpartition("/")[2] for line in dataset.warnings]
    assert said == [
        "000.txt:1: box has its corners inverted (put in order)",
        "000.txt:2: box extends beyond the image (clamped): most of it is outside",
        "000.txt:3: box has no area in the image (left out)",
        "000.txt:4: box has no area in the image (left out)",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("7 1 2 3", "is not CLASS X1 Y1 X2 Y2"),
        ("face 1 2 3 4", "the class is 'face', not a whole number"),
        ("9 1 2 3 4", "class 9 is not one of 1 to 8"),
        ("7 1 2 3 four", "a corner is 'four', not a number"),
        ("7 1 2 3 nan", "a corner is 'nan', not a number"),
    ],
)
def test_dcm_malformed_lines_are_refused_with_file_and_line(tmp_path, line, said):
    write(dcm(tmp_path) / "groundtruth/b0/000.txt", f"8 0 0 10 10\n\n{line}\n")
    with pytest.raises(UsageError) as caught:
        Dcm772(tmp_path).items("pages", "train")
    assert "groundtruth/b0/000.txt:3: " in str(caught.value)
    assert said in str(caught.value)


def test_dcm_another_encoding_is_refused_with_the_file(tmp_path):
    (dcm(tmp_path) / "groundtruth/b0/000.txt").write_bytes("é".encode("latin-1"))
    with pytest.raises(UsageError, match=r"groundtruth/b0/000\.txt is not UTF-8 text"):
        Dcm772(tmp_path).items("pages", "train")


def test_dcm_lists_that_keep_books_whole_are_the_split(tmp_path):
    dcm(tmp_path)
    for split, books in (("train", (0, 1, 2)), ("val", (3,)), ("test", (4,))):
        write(tmp_path / f"{split}.txt", "".join(f"b{book}/00{page}\n" for book in books for page in (0, 1)))
    assert splits_of(Dcm772(tmp_path), "panels") == {
        "b0": "train",
        "b1": "train",
        "b2": "train",
        "b3": "val",
        "b4": "test",
    }


def test_dcm_lists_that_cut_books_give_way_to_books_unless_asked_for(tmp_path):
    dcm(tmp_path)
    write(tmp_path / "train.txt", "".join(f"b{book}/000\n" for book in range(5)))
    write(tmp_path / "test.txt", "".join(f"b{book}/001.jpg\n" for book in range(5)) + "b9/000\n")
    dataset = Dcm772(tmp_path)
    assert Counter(splits_of(dataset, "pages").values()) == {"train": 3, "val": 1, "test": 1}
    assert any("divide 5 books between splits: b0, b1, b2, b3, b4" in line for line in dataset.warnings)
    assert any("test.txt:6: page b9/000 does not exist" in line for line in dataset.warnings)
    as_listed = Dcm772(tmp_path, Dcm772Config(split="lists"))
    assert [item.id for item in as_listed.items("pages", "test")] == [f"b{book}/001" for book in range(5)]


def test_dcm_corrupt_pages_stay_to_be_reported_by_the_cache(tmp_path):
    (dcm(tmp_path) / "images/b0/000.jpg").write_bytes(b"")
    assert len(every(Dcm772(tmp_path), "pages")) == 10


def test_two_files_of_one_name_are_refused(tmp_path):
    draw(dcm(tmp_path) / "images/b0/000.png")
    with pytest.raises(UsageError, match=r"contains both 000\.jpg and 000\.png"):
        Dcm772(tmp_path).items("pages", "train")


# --- AI4VA
def ai4va(root: Path, counts=(5, 2, 2)) -> Path:
    number = 0
    for split, count in zip(SPLITS, counts, strict=True):
        for _ in range(count):
            draw(root / f"images/{split}/page-{number}.jpg", 30, 60)
            (root / f"maps/{split}").mkdir(parents=True, exist_ok=True)
            Image.new("L", (32, 32), number).save(root / f"maps/{split}/page-{number}.png")
            number += 1
    return root


def test_ai4va_pairs_by_stem_and_lets_maps_have_their_own_shape(tmp_path):
    dataset = Ai4va(ai4va(tmp_path))
    assert dataset.offers() == {"saliency"}
    items = every(dataset, "saliency")
    assert Counter(item.split for item in items) == {"train": 5, "val": 2, "test": 2}
    assert all(item.map.stem == item.path.stem == item.id == item.series for item in items)
    assert items[0].fixations is None
    assert not dataset.photographs


def test_ai4va_mismatches_are_refused_by_name(tmp_path):
    (ai4va(tmp_path) / "maps/val/page-5.png").unlink()
    with pytest.raises(UsageError, match="no map in maps/val for page-5"):
        Ai4va(tmp_path).items("saliency", "train")
    (tmp_path / "images/val/page-5.jpg").unlink()
    (tmp_path / "images/train/page-0.jpg").unlink()
    with pytest.raises(UsageError, match="no image in images/train for page-0"):
        Ai4va(tmp_path).items("saliency", "train")


def test_ai4va_without_maps_of_test_tests_on_val(tmp_path):
    ai4va(tmp_path, (10, 3, 0))
    draw(tmp_path / "images/test/secret.jpg")
    dataset = Ai4va(tmp_path)
    assert [item.id for item in dataset.items("saliency", "test")] == ["page-10", "page-11", "page-12"]
    assert Counter(item.split for item in every(dataset, "saliency")) == {"train": 8, "val": 2, "test": 3}
    assert any("1 test image without a map left out" in line for line in dataset.warnings)
    assert any("using val as the test split" in line for line in dataset.warnings)


def test_ai4va_fixations_count_from_one_and_those_outside_are_named(tmp_path):
    write(
        ai4va(tmp_path) / "fixations.csv",
        "image,subject,x,y\npage-0.jpg,0,1,1\npage-0.jpg,1,30.2,60\npage-0.jpg,1,31,5\npage-1.jpg,0,4.5,7\ngone.jpg,0,1,1\n",
    )
    dataset = Ai4va(tmp_path)
    items = {item.id: item for item in every(dataset, "saliency")}
    assert dataset.offers() == {"saliency", "fixations"}
    assert np.allclose(items["page-0"].fixations, [[0, 0], [29.2, 59]])
    assert items["page-1"].fixations.tolist() == [[3.5, 6]]
    assert items["page-2"].fixations.shape == (0, 2)
    assert any("1 fixation outside image page-0 left out" in line for line in dataset.warnings)
    assert any("gone (line 6)" in line for line in dataset.warnings)


@pytest.mark.parametrize(
    ("text", "said"),
    [("a,b\n1,2\n", "no column image, x, y"), ("image,x,y\npage-0.jpg,1,left\n", r"fixations\.csv:2: y is 'left'")],
)
def test_ai4va_malformed_fixations_are_refused(tmp_path, text, said):
    write(ai4va(tmp_path) / "fixations.csv", text)
    with pytest.raises(UsageError, match=said):
        Ai4va(tmp_path).items("saliency", "train")


def test_ai4va_sidecar_gives_series_and_style_and_must_agree(tmp_path):
    ai4va(tmp_path)
    series = {
        f"page-{k}": {"split": s, "style": "toon"} for k, s in enumerate(["train"] * 5 + ["val"] * 2 + ["test"] * 2)
    }
    write(tmp_path / "series.json", json.dumps(series))
    assert {item.style for item in every(Ai4va(tmp_path), "saliency")} == {"toon"}
    write(tmp_path / "series.json", json.dumps({"page": {"split": "train"}}))
    with pytest.raises(UsageError, match=r"is in val, series\.json says train for page"):
        Ai4va(tmp_path).items("saliency", "train")
    write(tmp_path / "series.json", json.dumps({"other": {"split": "train"}}))
    with pytest.raises(UsageError, match=r"names no series that page-0 begins with"):
        Ai4va(tmp_path).items("saliency", "train")


# --- a plain folder
def test_each_image_of_a_flat_folder_is_a_series(tmp_path):
    for k in range(10):
        draw(tmp_path / f"{k}.png")
    write(tmp_path / "readme.txt", "no image")
    dataset = Folder(tmp_path)
    assert Counter(splits_of(dataset, "panels").values()) == {"train": 6, "val": 2, "test": 2}
    assert sorted(item.id for item in every(dataset, "panels")) == [str(k) for k in range(10)]


def test_the_first_sub_folder_is_the_series(tmp_path):
    for name in ("a/1.png", "a/deep/1.png", "b/1.png", "c/1.png", "c/1.jpg", ".hidden/1.png", "__MACOSX/1.png"):
        draw(tmp_path / name)
    items = every(Folder(tmp_path), "panels")
    assert {item.id: item.series for item in items} == {
        "a/1": "a",
        "a/deep/1": "a",
        "b/1": "b",
        "c/1.png": "c",
        "c/1.jpg": "c",
    }
    assert len({item.split for item in items}) == 3


def test_links_in_a_folder_are_followed_once(tmp_path):
    draw(tmp_path / "elsewhere/1.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/loop").symlink_to(tmp_path / "data")
    assert [item.id for item in every(Folder(tmp_path / "data"), "panels")] == ["a/1"]


# --- open-mantra
def mantra(root: Path, page: dict) -> Path:
    draw(root / "images/b/ja/000.jpg", 100, 80)
    page = {"page_index": 1, "image_paths": {"ja": "images/b/ja/000.jpg"}, "frame": [], "text": [], **page}
    write(root / "annotation.json", json.dumps([{"book_title": "b", "pages": [page]}]))
    return root


def rectangle(x, y, w, h):
    return {"x": x, "y": y, "w": w, "h": h}


def test_mantra_panels_are_clamped_to_the_page_and_carry_their_text(tmp_path):
    mantra(
        tmp_path, {"frame": [rectangle(-5, 10, 60, 40), rectangle(60, 0, 40, 80)], "text": [rectangle(10, 20, 8, 9)]}
    )
    dataset = OpenMantra(tmp_path)
    left, right = dataset.items("panels", "train")
    assert (left.id, left.crop, left.boxes) == ("b/000_0", (0, 10, 55, 50), (Box("text", 10, 10, 18, 19),))
    assert (right.id, right.boxes, right.labels) == ("b/000_1", (), frozenset({"text"}))
    [page] = dataset.items("pages", "train")
    assert Counter(box.label for box in page.boxes) == {"panel": 2, "text": 1}
    assert any("page 1, frame 1: box extends beyond the image (clamped)" in line for line in dataset.warnings)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ({"frame": [{"x": 1, "y": 2, "w": 3}]}, "book b, page 1, frame 1: no 'h'"),
        ({"frame": [{"x": 1, "y": 2, "w": 3, "h": "4"}]}, "frame 1: 'h' is str, not a number"),
        ({"text": None}, "page 1: 'text' is NoneType, not a list"),
        ({"image_paths": {"en": "x"}}, "book b, page 1: no 'ja'"),
    ],
)
def test_mantra_malformed_annotation_is_refused_with_its_place(tmp_path, page, said):
    with pytest.raises(UsageError) as caught:
        OpenMantra(mantra(tmp_path, page)).items("pages", "train")
    assert said in str(caught.value)
    assert "annotation.json" in str(caught.value)


def test_mantra_no_json_is_refused(tmp_path):
    write(mantra(tmp_path, {}) / "annotation.json", "[")
    with pytest.raises(UsageError, match=r"annotation\.json is not JSON"):
        OpenMantra(tmp_path).items("pages", "train")
