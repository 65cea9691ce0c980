"""``data check``: right counts on real data, every planted fault told, one object as JSON, pictures, exit status."""

import io
import json
import shutil

import numpy as np
import pytest
from pictures_of import draw, write
from PIL import Image

from inkbench.benchmark.cli import data as commands
from inkbench.benchmark.contracts.dataset import Box, Item
from inkbench.benchmark.data.check.preview import legend, sheet, tile
from inkbench.benchmark.data.check.report import examine
from inkbench.benchmark.data.layouts.dcm772 import Dcm772, Dcm772Config
from inkbench.benchmark.data.layouts.imagefolder import Imagefolder
from inkbench.benchmark.data.layouts.open_mantra import OpenMantra
from inkbench.benchmark.data.layouts.voc import Voc
from inkbench.benchmark.progress import Progress

QUIET = Progress(quiet=True)


def dcm(root, books=3, pages=2):
    for book in range(books):
        for page in range(pages):
            draw(root / f"images/b{book}/{page}.jpg", 100, 80, seed=10 * book + page)
            write(root / f"groundtruth/b{book}/{page}.txt", "8 5 5 60 60\n1 10 10 40 50\n7 12 12 20 20\n")
    return root


@pytest.mark.parametrize(
    ("folder", "layout", "counted", "warned"),
    [
        ("open-mantra", "open-mantra", {"pages": 214, "panels": 1_069, "texts": 1_592, "images": 214, "series": 5}, []),
        ("osie-ai4va-layout", "ai4va", {"pairs": 175, "images": 175, "maps": 175, "fixations": 24_345}, []),
        (
            "golden-age-1915",
            "folder",
            {"pages": 4, "images": 4, "series": 1},
            [
                "guessed from the images' names",
                "4 of 4 sampled images have gutters like complete pages",
                "is val",
                "is test",
            ],
        ),
    ],
)
def test_real_data_are_whole_and_counted(shared, folder, layout, counted, warned, tmp_path, capsys):
    where = str(shared / "data" / folder)
    assert commands.run(["check", where, "--json", "--quiet", "--results", str(tmp_path)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert list(said) == ["layout", "counts", "errors", "warnings"]
    assert (said["layout"], said["errors"], len(said["warnings"])) == (layout, [], len(warned))
    assert all(word in line for word, line in zip(warned, said["warnings"], strict=True))
    assert {name: said["counts"][name] for name in counted} == counted
    [picture] = (tmp_path / "check").iterdir()
    assert np.asarray(Image.open(picture).convert("RGB")).std() > 20


def test_missing_images_of_manga109_are_errors_one_line_each(shared, tmp_path, capsys):
    where = str(shared / "data/manga109-dummy")
    assert commands.run(["check", where, "--json", "--quiet", "--results", str(tmp_path)]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["layout"] == "manga109"
    assert (said["counts"]["pages"], said["counts"]["series"], said["counts"]["images"]) == (11, 3, 0)
    assert len(said["errors"]) == 11
    assert all("is missing, but an annotation names it" in line for line in said["errors"])


def test_boxes_that_cannot_be_meant_are_errors_and_rounding_is_a_warning(tmp_path):
    truth = dcm(tmp_path) / "groundtruth/b0/0.txt"
    truth.write_text("8 60 60 5 5\n1 10 10 300 300\n1 90 10 101 50\n7 200 200 210 210\n")
    report = examine(Dcm772(tmp_path), QUIET)
    assert report.errors == [
        "groundtruth/b0/0.txt:1: box has its corners inverted (put in order)",
        "groundtruth/b0/0.txt:2: box extends beyond the image (clamped): most of it is outside",
        "groundtruth/b0/0.txt:4: box has no area in the image (left out)",
    ]
    assert report.warnings == ["groundtruth/b0/0.txt:3: box extends beyond the image (clamped)"]


def test_an_annotation_that_cannot_be_read_is_an_error_and_the_images_are_still_looked_at(tmp_path):
    root = dcm(tmp_path)
    write(root / "groundtruth/b0/0.txt", "8 five 5 60 60\n")
    (root / "images/b1/0.jpg").write_bytes(b"")
    report = examine(Dcm772(root), QUIET)
    assert len(report.errors) == 2
    assert "0.txt:1: a corner is 'five', not a number" in report.errors[0]
    assert report.errors[1] == "images/b1/0.jpg cannot be read: is an empty file"


def test_images_that_are_named_and_not_there_are_a_line_each(tmp_path):
    draw(tmp_path / "images/a/ja/0.png")
    page = {"frame": [{"x": 1, "y": 1, "w": 9, "h": 9}], "text": []}
    pages = [{**page, "image_paths": {"ja": f"images/a/ja/{k}.png"}} for k in (0, 1, 2)]
    write(tmp_path / "annotation.json", json.dumps([{"book_title": "a", "pages": pages}]))
    report = examine(OpenMantra(tmp_path), QUIET)
    assert report.errors == [f"images/a/ja/{k}.png is missing, but an annotation names it" for k in (1, 2)]
    assert (report.counts["pages"], report.counts["images"]) == (3, 1)


def test_lists_that_name_what_is_not_there(tmp_path):
    root = dcm(tmp_path)
    for split, book in (("train", 0), ("val", 1), ("test", 2)):
        write(root / f"{split}.txt", f"b{book}/0\nb{book}/1\n")
    write(root / "test.txt", "b2/0\nb2/1\nb2/77\n")
    assert examine(Dcm772(root), QUIET).errors == ["page b2/77 is missing, but test.txt:3 names it"]


def test_a_series_in_two_splits_leaks(tmp_path):
    root = dcm(tmp_path)
    write(root / "train.txt", "b0/0\nb1/0\nb1/1\n")
    write(root / "test.txt", "b0/1\nb2/0\nb2/1\n")
    cut = examine(Dcm772(root, Dcm772Config(split="lists")), QUIET)
    assert "series b0 is in train and test: a series must be in one split only" in cut.errors
    by_series = examine(Dcm772(root), QUIET)
    assert not any("leak" in line for line in by_series.errors), "by series no book is in two splits"


def test_the_same_image_twice_is_told_with_its_splits_and_links_are_one_file(tmp_path):
    root = dcm(tmp_path)
    shutil.copyfile(root / "images/b0/0.jpg", root / "images/b1/0.jpg")
    shutil.copyfile(root / "images/b0/0.jpg", root / "images/b2/0.jpg")
    said = examine(Dcm772(root), QUIET).warnings
    assert any("3 files contain the same image, in train and val and test: images/b0/0.jpg" in line for line in said)
    root = dcm(tmp_path / "linked")
    (root / "images/b1/0.jpg").unlink()
    (root / "images/b1/0.jpg").hardlink_to(root / "images/b0/0.jpg")
    assert not any("same image" in line for line in examine(Dcm772(root), QUIET).warnings)


def test_two_items_of_one_name_are_an_error(tmp_path):
    pages = []
    for k, folder in enumerate("xy"):
        draw(tmp_path / f"images/{folder}/0.png", seed=k)
        pages.append({"frame": [], "text": [], "image_paths": {"ja": f"images/{folder}/0.png"}})
    write(tmp_path / "annotation.json", json.dumps([{"book_title": "a", "pages": pages}]))
    assert "2 pages have the same id a/0" in examine(OpenMantra(tmp_path), QUIET).errors


def test_empty_classes_and_classes_that_a_split_lacks(tmp_path):
    for split in ("train", "val", "test"):
        for k, label in enumerate(("cat", "dog")):
            draw(tmp_path / split / label / "0.png", seed=k)
    (tmp_path / "val/dog/0.png").unlink()
    (tmp_path / "train/fish").mkdir()
    report = examine(Imagefolder(tmp_path), QUIET)
    assert report.errors == []
    assert "class fish has folders but no image" in report.warnings
    assert sum("val has no image of" in line for line in report.warnings) == 1
    root = dcm(tmp_path / "dcm")
    for truth in root.glob("groundtruth/*/*.txt"):
        truth.write_text("8 5 5 60 60\n")
    assert "test has no box of class body, face" in examine(Dcm772(root), QUIET).warnings


def test_masks_of_another_size_or_with_unknown_labels(tmp_path):
    for k, (side, label) in enumerate(((30, 1), (12, 1), (30, 99))):
        draw(tmp_path / f"JPEGImages/{k}.jpg", 30, 30, seed=k)
        (tmp_path / "SegmentationClass").mkdir(exist_ok=True)
        Image.fromarray(np.full((side, side), label, dtype=np.uint8)).save(tmp_path / f"SegmentationClass/{k}.png")
    errors = examine(Voc(tmp_path), QUIET).errors
    assert "SegmentationClass/1.png is 12 x 12, its image 30 x 30 pixels" in errors
    assert "SegmentationClass/2.png has labels 99, but there are only 21 classes" in errors
    assert len(errors) == 2


def test_status_text_and_place_of_the_pictures(tmp_path, capsys):
    root = dcm(tmp_path / "data")
    words = ["check", str(root), "--quiet", "--results", str(tmp_path / "r"), "--out", str(tmp_path / "sheets")]
    assert commands.run(words) == 0
    (root / "images/b0/0.jpg").write_bytes(b"no image")
    assert commands.run(words) == 1
    out = capsys.readouterr().out
    assert "3 series  6 images  6 panels  6 pages  6 bodies  6 faces" in out
    assert "1 error\n  images/b0/0.jpg cannot be read" in out
    assert len(list((tmp_path / "sheets").glob("dcm772-data-*.png"))) == 1


def test_the_sheet_draws_each_label_in_its_colour_and_damaged_images_with_their_reason(tmp_path):
    root = dcm(tmp_path)
    for page in root.glob("images/*/*.jpg"):
        Image.new("RGB", (100, 80), "white").save(page)
    (root / "images/b0/0.jpg").write_bytes(b"")
    picture = np.asarray(Image.open(io.BytesIO(sheet(examine(Dcm772(root), QUIET).items))))
    for ink in ((31, 119, 180), (44, 160, 44), (214, 39, 40)):
        assert (picture == ink).all(axis=2).sum() > 300
    assert (picture == (200, 200, 200)).all(axis=2).any()


def test_all_that_a_sheet_draws_is_named_in_its_colour(tmp_path):
    page, heat, mask = (tmp_path / name for name in ("page.png", "heat.png", "mask.png"))
    for path, grey in ((page, 250), (heat, 200), (mask, 0)):
        Image.new("L", (80, 60), grey).save(path)
    codes = np.zeros((60, 80), dtype=np.uint8)
    codes[:20], codes[40:] = 1, 255
    Image.fromarray(codes).save(mask)
    boxed = Item("a", page, "s", "train", boxes=(Box("face", 5, 5, 30, 30),))
    watched = Item("b", page, "s", "train", map=heat, fixations=np.array([[40.0, 30.0]]))
    divided = Item("c", page, "s", "train", mask=mask)
    broken = Item("d", page, "s", "train", mask=write(tmp_path / "broken.png", "no image"))
    masked = ["background", "hat", "does not count"]
    assert [name for name, _ in legend([divided, broken], masked[:2])] == masked
    named = dict(legend([boxed, watched, divided], masked[:2]))
    assert list(named) == ["face", "saliency", "fixation", *(f"pixels: {name}" for name in masked)]
    assert len(set(named.values())) == 6
    for item, name in ((boxed, "face"), (watched, "fixation")):
        assert (tile(item) == named[name]).all(axis=2).any()


def test_a_public_set_that_is_split_otherwise_is_told(tmp_path):
    for book in ("balloon_dream", "boureisougi", "rasetugari"):
        draw(tmp_path / f"images/{book}/ja/0.png", seed=len(book))
    pages = [
        {"book_title": book, "pages": [{"frame": [], "text": [], "image_paths": {"ja": f"images/{book}/ja/0.png"}}]}
        for book in ("balloon_dream", "boureisougi", "rasetugari")
    ]
    write(tmp_path / "annotation.json", json.dumps(pages))
    said = examine(OpenMantra(tmp_path), QUIET).warnings
    assert any("the split differs from that of the complete public set" in line for line in said)
