"""The traps of each layout, on a hand-made sample of it."""

import json
from collections import Counter

import pytest
from layout_samples import CATEGORIES, MANGA, SAMPLES, SVG, coco_list, dass_panels, dcm772, icartoonface, manga109
from pictures_of import draw, write

from inkbench.benchmark import registry
from inkbench.benchmark.contracts.dataset import SPLITS, Box
from inkbench.benchmark.data.layouts.comix import CATEGORIES as COMIX
from inkbench.benchmark.data.layouts.manga109 import held_out
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError
from inkbench.submissions.formats import boxes as submitted


def sample(name, root, **settings):
    cls = registry.load("datasets", name)
    return cls(SAMPLES[name](root), cls.Config(**settings))


def every(dataset, kind="panels"):
    return {item.id: item for split in SPLITS for item in dataset.items(kind, split)}


def told(dataset, *parts):
    return any(all(part in line for part in parts) for line in dataset.warnings)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_recognised_as_what_it_is(name, tmp_path):
    root = SAMPLES[name](tmp_path / ("comic" if name == "comic2k" else "data"))
    assert open_dataset(str(root), "quick", (), tmp_path / "r").reader == name


# --- Manga109
def test_manga109_pages_without_boxes_or_image_stay(tmp_path):
    dataset = sample("manga109", tmp_path)
    pages = every(dataset, "pages")
    assert list(pages) == [f"{item.series}/{page}" for item in list(pages.values())[::2] for page in ("000", "003")]
    assert {item.series for item in pages.values()} == {"A", "B", "C"}
    assert not pages["A/000"].path.exists()
    assert pages["A/000"].path == tmp_path / "images/A/000.jpg"
    assert (pages["A/000"].boxes, pages["A/000"].labels) == ((), {"panel", "face", "body", "text"})
    assert told(dataset, "1 book without XML", "Gone")
    assert told(dataset, "not in the list left out", "Stray")
    assert all(file.exists() for file in dataset.files())


def test_manga109_minor_characters_are_one_entry_and_nobody(tmp_path):
    dataset = sample("manga109", tmp_path)
    boxes = {box.label: box for box in every(dataset, "pages")["A/003"].boxes}
    assert boxes["body"].identity == "01"
    assert boxes["face"] == Box("face", 60, 20, 70, 30, None)
    assert boxes["panel"] == Box("panel", 50, 0, 100, 80), "clamped to the page, and told"
    assert told(dataset, "A.xml: page 003, frame b", "clamped")
    assert len(every(dataset)) == 6


def test_manga109_tests_on_the_last_ten_books_as_dass_does():
    books = [f"book{k:03d}" for k in range(109)]
    splits = held_out(books)
    assert Counter(splits.values()) == {"train": 89, "val": 10, "test": 10}
    assert all(splits[book] == "test" for book in books[-10:])
    assert held_out(books[:20]) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('index="3"', 'index="0"', "A.xml: page 000 appears twice"),
        ('index="3"', 'index="-3"', "page 2 of the file has index '-3'"),
        ('xmin="10"', 'xmin="ten"', "A.xml: page 003, body c: xmin is 'ten', not a number"),
        ("</pages>", "", "A.xml is not readable XML"),
    ],
)
def test_manga109_damage_is_told_with_its_place(tmp_path, old, new, said):
    write(manga109(tmp_path) / "annotations/A.xml", MANGA.replace(old, new))
    with pytest.raises(UsageError) as caught:
        every(registry.load("datasets", "manga109")(tmp_path), "pages")
    assert said in str(caught.value)


def test_an_image_of_another_size_than_its_annotation_says_is_told(tmp_path):
    draw(manga109(tmp_path) / "images/A/003.jpg", 50, 40)
    dataset = registry.load("datasets", "manga109")(tmp_path)
    # boxes of another picture were clamped to this one and used; a page without them is none of any task
    assert (every(dataset, "pages")["A/003"].boxes, every(dataset, "pages")["A/003"].labels) == ((), frozenset())
    assert told(dataset, "003.jpg has 50 x 40 pixels, its annotation says 100 x 80; its boxes are left out")


# --- eBDtheque
def test_ebdtheque_s_groups_go_by_class_and_polygons_become_boxes(tmp_path):
    dataset = sample("ebdtheque", tmp_path)
    page = every(dataset, "pages")["CYB_BUBBLEGOM_T01_005"]
    assert page.boxes == (
        Box("text", 12, 12, 30, 16),
        Box("panel", 0, 0, 50, 80),
        Box("panel", 50, 0, 100, 80),
        Box("balloon", 10, 8, 35, 20),
        Box("body", 60, 30.5, 80, 60),
    )
    assert "boxes:face" not in dataset.offers()
    assert told(dataset, "Panel 1: box extends beyond the image (clamped)")
    assert told(dataset, "1 page without a file in", "BARE_001")


def test_ebdtheque_s_volumes_of_an_album_are_one_series(tmp_path):
    series = {name: item.series for name, item in every(sample("ebdtheque", tmp_path), "pages").items()}
    assert series == {
        "CYB_BUBBLEGOM_T01_005": "CYB_BUBBLEGOM",
        "CYB_BUBBLEGOM_T02_001": "CYB_BUBBLEGOM",
        "INOUE_KYOUMEN_003": "INOUE_KYOUMEN",
        "LUBBIN_LESBLONDES_CO1_055": "LUBBIN_LESBLONDES",
    }


def test_ebdtheque_s_outlines_are_pairs_of_numbers(tmp_path):
    dataset = sample("ebdtheque", tmp_path)
    write(tmp_path / "GT/INOUE_KYOUMEN_003.svg", SVG.replace("60,30.5 80,30.5", "60,30.5 80"))
    with pytest.raises(UsageError, match=r"003\.svg: Character 1: 5 numbers cannot be an outline"):
        every(dataset, "pages")


# --- COCO and CoMix
def test_coco_s_categories_go_by_name_and_val_is_test(tmp_path):
    dataset = sample("coco", tmp_path)
    pages = every(dataset, "pages")
    assert dataset.offers() == {"pages", "panels", "boxes:panel", "boxes:face"}
    assert Counter(item.split for item in pages.values()) == {"train": 11, "val": 1, "test": 2}
    assert {name for name, item in pages.items() if item.split == "test"} == {"v0", "v1"}
    assert pages["0"].path == tmp_path / "train2017/0.jpg"
    assert pages["0"].boxes == (Box("panel", 0, 0, 50.5, 80), Box("face", 10, 10, 100, 15))
    assert (pages["1"].boxes, pages["1"].labels) == ((), {"panel", "face"})
    assert told(dataset, "train2017.json: 1 annotation left out: they are crowds")
    assert told(dataset, "1 annotation left out: their images are not in the list")
    assert told(dataset, "annotation 1 (from 0): box extends beyond the image (clamped)")


def test_coco_s_folders_are_series_and_a_series_in_two_lists_is_held_out(tmp_path):
    for split, names in (("train", ["a/0.jpg", "b/0.jpg", "c/0.jpg"]), ("test", ["a/1.jpg", "d/0.jpg"])):
        write(tmp_path / f"{split}.json", json.dumps(coco_list(names, [])))
        for name in names:
            draw(tmp_path / "images" / name)
    dataset = registry.load("datasets", "coco")(tmp_path)
    items = every(dataset)
    assert {items[name].split for name in ("a/0", "a/1", "d/0")} == {"test"}
    assert Counter(items[name].split for name in ("b/0", "c/0")) == {"train": 1, "val": 1}
    assert told(dataset, "1 series into several splits: a")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bbox": [1, 2, 3]}, "annotation 0 (from 0): 'bbox' has 3 numbers, not 4"),
        ({"bbox": [1, 2, 3, None]}, "'bbox' is NoneType, not a number"),
        ({"bbox": [1, 2, 3, 10**400]}, "not a finite number"),
        ({"category_id": 5}, "no category has id 5"),
        ({"image_id": [0]}, "'image_id' is list"),
    ],
)
def test_coco_damage_is_told_with_its_place(tmp_path, change, said):
    entry = {"id": 1, "image_id": 0, "category_id": 7, "bbox": [0, 0, 9, 9]} | change
    write(tmp_path / "instances.json", json.dumps(coco_list(["a.jpg"], [entry])))
    with pytest.raises(UsageError) as caught:
        every(registry.load("datasets", "coco")(tmp_path))
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["../x.jpg", "/etc/passwd", "", "a\0.jpg", "x" * 400 + ".jpg"])
def test_no_annotation_leads_out_of_the_folder(tmp_path, name):
    pages = [{"page_index": 0, "image_paths": {"ja": name}, "frame": [], "text": []}]
    write(tmp_path / "m/annotation.json", json.dumps([{"book_title": "a", "pages": pages}]))
    with pytest.raises(UsageError, match="book a, page 1: "):
        every(registry.load("datasets", "open-mantra")(tmp_path / "m"))
    write(tmp_path / "train.json", json.dumps(coco_list([name], [], CATEGORIES)))
    with pytest.raises(UsageError, match="file_name"):
        every(registry.load("datasets", "coco")(tmp_path))


def test_comix_is_a_dataset_of_its_own_with_its_own_words(tmp_path):
    dataset = sample("comix", tmp_path)
    assert dataset.offers() == {"pages", "panels", "boxes:panel", "boxes:body", "boxes:face"}, "no balloon is annotated"
    assert {item.series: item.split for item in every(dataset).values()} == {
        "a1f0": "train",
        "b2e1": "val",
        "c3d2": "test",
    }
    assert every(dataset)["a1f0/0_0"].boxes == (Box("body", 10, 10, 30, 40),)
    assert COMIX == submitted.COMIX


# --- DASS's panels
def test_dass_s_classes_of_bodies_are_kept_apart(tmp_path):
    dataset = sample("dass-panels", tmp_path)
    panels = every(dataset)
    assert list(panels) == [f"{book}/4_{k}" for book in "abc" for k in (2, 10)], "as people count"
    assert panels["a/4_2"].boxes == (Box("face", 10, 10, 20, 20), Box("body", 5, 5, 30, 60))
    assert {item.series: item.split for item in panels.values()} == {"a": "train", "b": "val", "c": "test"}
    assert told(dataset, "6 body boxes of class 5 ignored")
    all_of_them = sample("dass-panels", tmp_path, body=(1, 5, 6))
    assert len(every(all_of_them)["a/4_2"].boxes) == 4
    assert all_of_them.fingerprint() != dataset.fingerprint()


def test_dass_s_frames_of_manga109_are_of_the_book_that_their_name_begins_with(tmp_path):
    names = [f"{book}_003_{k}.jpg" for book in ("Two_Words", "B", "C") for k in range(2)]
    write(tmp_path / "annots.json", json.dumps({name: {"face": [[1, 1, 9, 9]], "body": []} for name in names}))
    for name in names:
        draw(tmp_path / name)
    items = every(open_dataset(str(tmp_path), "quick", (), tmp_path / "r"))
    assert {item.series for item in items.values()} == {"Two_Words", "B", "C"}
    assert items["B_003_1"].boxes == (Box("face", 1, 1, 9, 9),)


# --- iCartoonFace
def test_icartoonface_keeps_images_without_a_line(tmp_path):
    dataset = sample("icartoonface", tmp_path)
    items = every(dataset)
    assert Counter(item.split for item in items.values()) == {"train": 11, "val": 1, "test": 2}
    empty = items["personai_icartoonface_detval_00001"]
    assert (empty.split, empty.boxes, empty.labels) == ("test", (), {"face"})
    assert items["personai_icartoonface_detval_00000"].boxes == (
        Box("face", 90, 60, 100, 70),
        Box("face", 10, 10, 20, 20),
    )
    assert told(dataset, "detval.csv:1: box extends beyond the image (clamped)")
    assert told(dataset, "detval.csv:2: box has its corners inverted (put in order)")


def test_icartoonface_s_nobody_distracts_and_is_never_asked_for(tmp_path):
    faces = every(sample("icartoonface", tmp_path), "faces")
    assert (faces["r1_0"].identity, faces["t0_1"].identity) == ("00001", "0")
    assert faces["t2_0"].identity != faces["t2_1"].identity
    assert faces["t0_0"].crop == (5, 5, 40, 40)
    assert {faces["t0_0"].series, faces["t2_1"].series} == {"test"}
    assert Counter(item.split for item in faces.values()) == {"train": 4, "val": 2, "test": 6}


def test_icartoonface_s_lists_have_five_or_six_values(tmp_path):
    write(icartoonface(tmp_path) / "icartoonface_dettrain.csv", "a.jpg,1,2,3\n")
    with pytest.raises(UsageError, match=r"dettrain\.csv:1: 4 values"):
        every(registry.load("datasets", "icartoonface")(tmp_path))


def test_dass_s_panels_beside_dcm772_itself_are_asked_about(tmp_path):
    dass_panels(dcm772(tmp_path / "d"))
    with pytest.raises(UsageError, match="looks like dass-panels and dcm772; choose one"):
        open_dataset(str(tmp_path / "d"), "quick", (), tmp_path / "r")
    assert open_dataset(f"dcm772:{tmp_path / 'd'}", "quick", (), tmp_path / "r").reader == "dcm772"


def test_a_json_called_train_does_not_make_a_folder_of_images_coco(tmp_path):
    draw(tmp_path / "d/1.png")
    write(tmp_path / "d/train.json", '{"lr": 0.1}')
    assert open_dataset(str(tmp_path / "d"), "quick", (), tmp_path / "r").reader == "folder"


# --- VOC and Comic2k
def test_comic2k_s_extra_images_have_no_boxes_and_tiny_ones_are_left_out(tmp_path):
    dataset = sample("comic2k", tmp_path / "comic")
    items = every(dataset)
    assert dataset.offers() == {"panels", "boxes:body"}
    assert not dataset.photographs, "numbers as names do not make them photographs"
    assert Counter(item.split for item in items.values()) == {"train": 13, "val": 1, "test": 2}
    assert {name for name, item in items.items() if not item.labels} == {"30", "31"}
    assert items["20"].boxes == (Box("body", 10, 0, 20, 30),)
    assert told(dataset, "20.xml: box 1 is no larger than 16 square pixels (left out)")
    assert not told(dataset, "30.xml"), "a dummy is not worth a line"


def test_where_voc_s_xml_names_panels_images_are_pages(tmp_path):
    dataset = sample("voc", tmp_path)
    assert dataset.offers() == {"pages", "panels", "boxes:panel", "boxes:face"}
    assert set(every(dataset, "pages")) == {"p0", "p1", "p2", "p3"}
    panel = every(dataset)["p0_0"]
    assert panel.crop == (0, 0, 50, 50)
    assert panel.boxes == (Box("face", 10, 0, 20, 30), Box("face", 4, 4, 8, 8))


# --- COMICS and SSuperGAN
def test_comics_gives_text_where_it_is_asked_for(tmp_path):
    assert "boxes:text" not in sample("comics", tmp_path).offers()
    dataset = sample("comics", tmp_path, text=True)
    panels = every(dataset)
    assert panels["1/2_0"].boxes == (Box("text", 5, 5, 60, 20), Box("text", 0, 60, 100, 79))
    assert (panels["1/2_1"].boxes, panels["1/2_1"].labels) == ((), {"text"})
    assert "0/10_0" not in panels, "an advertisement"
    assert told(dataset, "COMICS_ocr_file.csv:4: box extends beyond"), (
        "a line of the file, line breaks in texts counted"
    )


def test_ssupergan_s_own_lists_are_read_where_they_are_asked_for(tmp_path):
    dataset = sample("ssupergan", tmp_path, windows="list")
    [window] = every(dataset, "sequences").values()
    assert window.id == "1/10_0_face_0"
    assert (window.crop, window.hole) == ((10, 0, 90, 80), (10, 10, 40, 40)), "the face in pixels of what is shown"
    assert window.parts["previous"].id == "1/2_1"
    assert window.parts["reference"].crop == (20, 10, 50, 40)
    assert told(dataset, "1 window with a missing panel left out: 1")
    few = sample("ssupergan", tmp_path, panels="list")
    assert set(every(few)) == {f"{book}/{name}" for book in range(3) for name in ("2_0", "2_1")}
    (tmp_path / "only_panel_data.json").unlink()
    with pytest.raises(UsageError, match=r"has no only_panel_data\.json; leave out --set ssupergan\.panels=list"):
        every(registry.load("datasets", "ssupergan")(tmp_path, few.config))


def test_a_name_that_says_dass_s_panels_needs_their_file(tmp_path):
    dass_panels(tmp_path / "a")
    write(tmp_path / "a/annots/annotations.json", json.dumps({"a/4_2.jpg": {"face": [[1, 2, 3]]}}))
    with pytest.raises(UsageError, match=r"face 0 \(from 0\) has 3 numbers, not x1, y1, x2, y2 and a class"):
        every(registry.load("datasets", "dass-panels")(tmp_path / "a"))
