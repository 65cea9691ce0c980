"""Names in annotations mean the files that they name: blanks, dots, backslashes, two spellings of é, marks of order."""

import json
import unicodedata

import pytest
from layout_samples import CATEGORIES, MANGA, SAMPLES, VOC_XML, coco_list
from pictures_of import draw, write
from PIL import Image

from inkbench.benchmark import registry
from inkbench.benchmark.contracts.dataset import KINDS, SPLITS
from inkbench.benchmark.data.check.report import examine
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.data.named import Finder
from inkbench.benchmark.data.texts import before_numbers, lines_of, listed, text_of
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress

QUIET = Progress(quiet=True)
SIZE = {"width": 100, "height": 80}
ONE, TWO = unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")
TEXT = {".xml", ".svg", ".json", ".csv", ".txt"}


def reader(name, root, **settings):
    cls = registry.load("datasets", name)
    return cls(root, cls.Config(**settings))


def every(dataset, kind="panels"):
    return {item.id: item for split in SPLITS for item in dataset.items(kind, split)}


def told(name, root):
    """Everything that is known of a dataset's items, but for where they lie."""
    cls = registry.load("datasets", name)
    settings = {"comics": {"text": True}, "ssupergan": {"windows": "list", "panels": "list", "text": True}}
    dataset = cls(root, cls.Config(**settings.get(name, {})))
    dataset.unpacked = root.parent / f"unpacked-{root.name}"
    found = []
    for kind in (kind for kind in KINDS if kind in dataset.offers()):
        for item in (item for split in SPLITS for item in dataset.items(kind, split)):
            fixations = None if item.fixations is None else item.fixations.tolist()
            found.append((kind, item.id, item.split, item.series, item.boxes, item.label, item.identity, fixations))
    return found


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_byte_order_mark_changes_nothing_in_any_text_of_any_layout(tmp_path, name, encoding):
    plain, marked = SAMPLES[name](tmp_path / "comic2k"), SAMPLES[name](tmp_path / "x/comic2k")
    for path in marked.rglob("*"):
        if path.suffix in TEXT:
            text = path.read_text().replace('encoding="UTF-8"', f'encoding="{encoding[:6].rstrip("-")}"')
            path.write_text(text, encoding=encoding)
    assert told(name, marked) == told(name, plain)
    assert told(name, plain)


def test_series_json_is_read_with_a_byte_order_mark_and_in_either_spelling(tmp_path):
    for series in ("a", "b", f"caf{TWO}"):
        draw(tmp_path / series / "0.png")
    said = {"a": {"split": "train"}, "b": {"split": "val"}, f"caf{ONE}": {"split": "test"}}
    (tmp_path / "series.json").write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8-sig")
    items = every(reader("folder", tmp_path))
    assert {item.series: item.split for item in items.values()} == {"a": "train", "b": "val", f"caf{ONE}": "test"}


# --- blanks, dots, marks
NAMES = ["one piece 003", "vol.3_p03", "a  b", " lead", "trail ", "p 1", "p -1", "ünder", "100%", "a.jpg b"]


@pytest.mark.parametrize("ending", ["", ".jpg", "  1", " -1", "\r", " "])
def test_voc_s_lists_name_images_with_blanks_and_dots(tmp_path, ending):
    for name in NAMES:
        draw(tmp_path / f"JPEGImages/{name}.jpg", 100, 80)
        write(tmp_path / f"Annotations/{name}.xml", VOC_XML.replace("person", "face"))
    for split, part in (("train", NAMES[:6]), ("val", NAMES[6:8]), ("test", NAMES[8:])):
        write(tmp_path / f"ImageSets/Main/{split}.txt", "".join(f"{name}{ending}\n" for name in part))
    dataset = reader("voc", tmp_path)
    items = every(dataset)
    assert {name for name, item in items.items() if item.split == "train"} == set(NAMES[:6])
    assert {name for name, item in items.items() if item.split == "test"} == set(NAMES[8:])
    assert dataset.faults() == []
    assert all(item.boxes for item in items.values())


def test_a_line_of_a_list_is_the_longest_name_that_is_there():
    assert listed("p 1", {"p 1", "p"}) == "p 1"
    assert listed("p 1", {"p"}) == "p"
    assert listed("trail ", {"trail ", "trail"}) == "trail "
    assert listed("./a/b.JPG", {"a/b"}) == "a/b"
    assert listed("a\\b", {"a/b"}) == "a/b"
    assert listed("vol.3_p03", {"vol.3_p03", "vol"}) == "vol.3_p03"


@pytest.mark.parametrize(
    ("line", "name", "rest"),
    [
        ("a.jpg 1 2 3 4", "a.jpg", ["1", "2", "3", "4"]),
        ("one piece 003.jpg 1 2 3 4 -1", "one piece 003.jpg", ["1", "2", "3", "4", "-1"]),
        ("b 1/p 2.JPEG\t1 2 3 4 .9", "b 1/p 2.JPEG", ["1", "2", "3", "4", ".9"]),
        ("a 1 2 3 4", "a", ["1", "2", "3", "4"]),
    ],
)
def test_a_name_before_numbers_may_hold_blanks(line, name, rest):
    assert before_numbers(line) == (name, rest)


def test_lines_end_where_the_file_ends_them_and_nowhere_else(tmp_path):
    (tmp_path / "a.txt").write_bytes("a\u2028b\r\nc\x0bd\rlast".encode())
    assert [line for _, line in lines_of(tmp_path / "a.txt")] == ["a\u2028b", "c\x0bd", "last"]
    (tmp_path / "b.txt").write_bytes("é".encode("latin-1"))
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        text_of(tmp_path / "b.txt")


@pytest.mark.parametrize("how", ["{}", "{}.jpg", "{}.JPG", "x/{}.jpg", "x\\{}.png", "./{}", " {} "])
@pytest.mark.parametrize("stem", ["vol.3_p03", "a b.c", f"caf{ONE}", "p_1"])
def test_fixations_find_their_image_however_its_name_is_written(tmp_path, stem, how):
    rows = ["image,subject,x,y"]
    for k, split in enumerate(("train", "val", "test")):
        name = unicodedata.normalize("NFD", f"{stem}{k}")
        draw(tmp_path / f"images/{split}/{name}.jpg", 60, 40)
        draw(tmp_path / f"maps/{split}/{stem}{k}.png", 60, 40)
        rows += [f"{how.format(f'{stem}{k}')},0,{x},9" for x in (5, 6, 7)]
    write(tmp_path / "fixations.csv", "\n".join(rows) + "\n")
    dataset = reader("ai4va", tmp_path)
    assert [len(item.fixations) for item in every(dataset, "saliency").values()] == [3, 3, 3]
    assert not any("not there" in line for line in dataset.warnings)


def test_fixations_of_which_none_has_an_image_are_refused(tmp_path):
    for k, split in enumerate(("train", "val", "test")):
        draw(tmp_path / f"images/{split}/a{k}.jpg")
        draw(tmp_path / f"maps/{split}/a{k}.png")
    write(tmp_path / "fixations.csv", "image,x,y\nb0,3,3\nb1,3,3\n")
    with pytest.raises(UsageError, match=r"fixations\.csv: none of its images exists: b0 \(line 2\)"):
        every(reader("ai4va", tmp_path), "saliency")


# --- names in COCO
COCO_NAMES = {
    "vol.3_p03.jpg": "vol.3_p03.jpg",
    "dots.and.png.jpg": "dots.and.png.jpg",
    "./here.jpg": "here.jpg",
    "b1\\windows.jpg": "b1/windows.jpg",
    f"caf{ONE}.jpg": f"caf{TWO}.jpg",
    f"na{TWO}ve.jpg": f"na{ONE}ve.jpg",
    "upper.JPG": "upper.jpg",
    "lower.jpg": "lower.JPG",
    "two  blanks.jpg": "two  blanks.jpg",
    "trail.jpg ": "trail.jpg",
    "images/prefix.jpg": "prefix.jpg",
}
"""What a list says: what lies in ``images/``."""


def test_coco_s_file_names_find_what_lies_there(tmp_path):
    for k, name in enumerate(COCO_NAMES.values()):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.open(draw(tmp_path / "one.png", 100, 80, seed=k)).save(path, "JPEG")
    boxes = [{"id": k, "image_id": k, "category_id": 7, "bbox": [5, 5, 30, 20]} for k in range(len(COCO_NAMES))]
    write(tmp_path / "instances.json", json.dumps(coco_list(list(COCO_NAMES), boxes)))
    (tmp_path / "one.png").unlink()
    items = every(reader("coco", tmp_path))
    assert all(item.path.is_file() and item.boxes for item in items.values())
    assert len(items) == len({item.path for item in items.values()}) == len(COCO_NAMES)
    assert {"vol.3_p03", "b1/windows", f"caf{ONE}", f"na{ONE}ve", "here"} <= items.keys()
    assert len({item.series for item in items.values()}) == len(COCO_NAMES), "images/ is no series"


def test_a_backslash_in_a_file_s_own_name_is_that_file(tmp_path):
    draw(tmp_path / "b.png", 10, 10)
    (tmp_path / "b.png").rename(tmp_path / "a\\b.png")
    assert Finder().find(tmp_path, "a\\b.png", "x") == tmp_path / "a\\b.png"
    draw(tmp_path / "c/d.png", 10, 10)
    assert Finder().find(tmp_path, "c\\d.png", "x") == tmp_path / "c/d.png"


@pytest.mark.parametrize("name", ["../x.jpg", "/etc/passwd", "..\\x.jpg"])
def test_a_looser_spelling_leads_nowhere_out_of_the_folder(tmp_path, name):
    draw(tmp_path / "x.jpg")
    (tmp_path / "inner").mkdir()
    with pytest.raises(UsageError, match="points outside"):
        Finder().find(tmp_path / "inner", name, "list")


@pytest.mark.parametrize(
    ("images", "annotations"), [((1, 2), ("1", "2")), (("1", "2"), (1, 2)), ((1, 2), (1.0, 2.0)), ((0, 7), (0, 7))]
)
def test_coco_s_ids_are_those_of_its_file_also_as_text(tmp_path, images, annotations):
    names = ["a.jpg", "b.jpg"]
    listing = coco_list(names, [{"id": 1, "image_id": id_, "category_id": "7", "bbox": [5, 5, 9 + k, 9]}
                                for k, id_ in enumerate(annotations)])  # fmt: skip
    for entry, id_ in zip(listing["images"], images, strict=True):
        entry["id"] = id_
    write(tmp_path / "instances.json", json.dumps(listing))
    for name in names:
        draw(tmp_path / f"images/{name}", 100, 80)
    items = every(reader("coco", tmp_path))
    assert [box.x1 - box.x0 for name in "ab" for box in items[name].boxes] == [9, 10]


# --- é in both spellings, in every layout that pairs names
def spelled(folder, text):
    return [unicodedata.normalize(form, text) for form in (("NFC", "NFD") if folder else ("NFD", "NFC"))]


@pytest.mark.parametrize("swapped", [False, True])
def test_two_spellings_are_one_name_in_every_layout_that_pairs_files(tmp_path, swapped):
    a, b = spelled(swapped, "é")
    # AI4VA
    for split in SPLITS:
        draw(tmp_path / f"ai4va/images/{split}/{a}{split}.jpg")
        draw(tmp_path / f"ai4va/maps/{split}/{b}{split}.png")
    assert set(every(reader("ai4va", tmp_path / "ai4va"), "saliency")) == {f"{ONE}{split}" for split in SPLITS}
    # VOC: image, XML, list
    draw(tmp_path / f"voc/JPEGImages/{a}.jpg", 100, 80)
    write(tmp_path / f"voc/Annotations/{b}.xml", VOC_XML.replace("person", "face"))
    write(tmp_path / "voc/ImageSets/Main/train.txt", f"{b}\n")
    assert len(every(reader("voc", tmp_path / "voc"))[ONE].boxes) == 2
    # DCM772: folder and file of images, folder and file of boxes, list
    for split in SPLITS:
        draw(tmp_path / f"dcm/images/{a}{split}/{a}.jpg", 100, 80)
        write(tmp_path / f"dcm/groundtruth/{b}{split}/{b}.txt", "8 0 0 50 50\n1 5 5 20 20\n")
        write(tmp_path / f"dcm/{split}.txt", f"{b}{split}/{b}.jpg\n")
    pages = every(reader("dcm772", tmp_path / "dcm"), "pages")
    assert {item.split for item in pages.values()} == set(SPLITS)
    assert all(len(item.boxes) == 2 for item in pages.values())
    # Manga109: a book's XML, its folder, the list of books
    draw(tmp_path / f"manga/images/{a}/003.jpg", 100, 80)
    write(tmp_path / f"manga/annotations/{b}.xml", MANGA)
    write(tmp_path / "manga/books.txt", f"{a}\n")
    assert every(reader("manga109", tmp_path / "manga"), "pages")[f"{ONE}/003"].path.is_file()
    # COMICS and SSuperGAN's faces
    for k in range(3):
        draw(tmp_path / f"gan/raw_panel_images/{a}/1_{k}.jpg", 100, 80)
    write(tmp_path / f"gan/golden_face_annot/{b}.txt", f"{b}/1_0.jpg 5 5 30 30 .99\n")
    assert len(every(reader("ssupergan", tmp_path / "gan"))[f"{ONE}/1_0"].boxes) == 1
    # DASS's JSON
    entry = {"face": [[5, 5, 30, 30, 7]], "body": []}
    draw(tmp_path / f"dass/images/{a}/4_2.jpg", 100, 80)
    write(tmp_path / "dass/annots.json", json.dumps({f"{b}/4_2.jpg": entry}))
    assert every(reader("dass-panels", tmp_path / "dass"))[f"{ONE}/4_2"].path.is_file()
    # iCartoonFace
    draw(tmp_path / f"cartoon/dettrain/{a} 1.jpg", 100, 80)
    draw(tmp_path / f"cartoon/rectest/{a} 2.jpg", 100, 80)
    write(tmp_path / "cartoon/dettrain.csv", f"{b} 1.jpg,5,5,30,30\n")
    write(tmp_path / "cartoon/rectest.txt", f"{b} 2.jpg 5 5 30 30 4\n")
    cartoon = reader("icartoonface", tmp_path / "cartoon")
    assert [item.path.is_file() for kind in ("panels", "faces") for item in every(cartoon, kind).values()] == [True] * 2
    # open-mantra
    pages = [{"page_index": 0, "image_paths": {"ja": f"images/{b}/ja/0.jpg"}, "frame": [], "text": []}]
    draw(tmp_path / f"mantra/images/{a}/ja/0.jpg")
    write(tmp_path / "mantra/annotation.json", json.dumps([{"book_title": "x", "pages": pages}]))
    assert next(iter(every(reader("open-mantra", tmp_path / "mantra"), "pages").values())).path.is_file()


def test_two_files_whose_names_differ_in_their_spelling_alone_are_refused(tmp_path):
    for name in (ONE, TWO):
        draw(tmp_path / f"JPEGImages/{name}.jpg")
    (tmp_path / "Annotations").mkdir()
    with pytest.raises(UsageError, match="keep one of them"):
        every(reader("voc", tmp_path))


@pytest.mark.parametrize("suffix", [".JPG", ".Jpeg"])
def test_the_case_of_a_suffix_does_not_matter(tmp_path, suffix):
    for k in range(3):
        draw(tmp_path / f"x{k}.jpg", 100, 80).rename(tmp_path / f"x{k}{suffix}")
        (tmp_path / "JPEGImages").mkdir(exist_ok=True)
        (tmp_path / f"x{k}{suffix}").rename(tmp_path / f"JPEGImages/x{k}{suffix}")
        write(tmp_path / f"Annotations/x{k}.XML", VOC_XML.replace("person", "face"))
    assert all(item.boxes for item in every(reader("voc", tmp_path)).values())


# --- COCO under other names
def exported(root, path, names, images):
    boxes = [
        {"id": k, "image_id": k, "category_id": 7, "bbox": [5, 5, 30, 20], "iscrowd": 0} for k in range(len(names))
    ]
    write(root / path, json.dumps(coco_list(names, boxes, CATEGORIES)))
    for name in names:
        draw(root / images / name, 100, 80)


@pytest.mark.parametrize("name", ["result.json", "labels.json", "annotations/my export.json", "data/result_coco.json"])
def test_a_json_that_is_coco_by_its_content_is_read_whatever_its_name(tmp_path, name):
    exported(tmp_path, name, [f"{k}.jpg" for k in range(5)], "images")
    dataset = open_dataset(str(tmp_path), "quick", (), tmp_path / "r")
    assert dataset.reader == "coco"
    assert sum(len(item.boxes) for item in every(dataset).values()) == 5


def test_roboflow_s_folders_are_lists_with_their_splits(tmp_path):
    for folder in ("train", "valid", "test"):
        exported(tmp_path, f"{folder}/_annotations.coco.json", [f"{folder}_{k}.rf.0a.jpg" for k in range(3)], folder)
    dataset = open_dataset(str(tmp_path), "quick", (), tmp_path / "r")
    items = every(dataset)
    assert dataset.reader == "coco"
    assert {name: item.split for name, item in items.items()} == {
        f"{folder}_{k}.rf.0a": split
        for folder, split in (("train", "train"), ("valid", "val"), ("test", "test"))
        for k in range(3)
    }
    assert all(item.path.is_file() and item.boxes for item in items.values())
    assert examine(dataset, QUIET).errors == []


def test_a_layout_of_its_own_is_not_changed_by_a_stray_export(tmp_path):
    SAMPLES["voc"](tmp_path)
    exported(tmp_path, "export.json", ["z.jpg"], "images")
    assert open_dataset(str(tmp_path), "quick", (), tmp_path / "r").reader == "voc"
