"""Whatever is in a folder and is passed over is counted and told, in every layout, to check and to a run."""

import json
import os

import pytest
from layout_samples import MANGA, SAMPLES, coco_list
from pictures_of import draw, write

from inkbench.benchmark import registry
from inkbench.benchmark.contracts.dataset import KINDS, SPLITS
from inkbench.benchmark.data.check.report import examine
from inkbench.benchmark.data.files import FileDataset, folders, images_below, images_in
from inkbench.benchmark.data.layouts.folder import Folder
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress

QUIET = Progress(quiet=True)


def plain(root, series="abc"):
    for k, name in enumerate(series):
        for page in range(2):
            draw(root / name / f"{page}.png", seed=10 * k + page)
    return root


def told(root, cls=Folder):
    report = examine(cls(root), QUIET)
    return report, [*report.errors, *report.warnings]


def only(lines, *parts):
    found = [line for line in lines if all(part in line for part in parts)]
    assert len(found) == 1, lines
    return found[0]


@pytest.mark.parametrize(
    "folder",
    ["@eaDir/0.jpg", "@eadir", "#recycle", "$RECYCLE.BIN/S-1-5", "System Volume Information", "lost+found",
     "__MACOSX/a", ".Trash-1000/files", ".thumbnails", ".ipynb_checkpoints", "@Recycle", "RECYCLER"],
)  # fmt: skip
@pytest.mark.parametrize("above", ["", "a/"])
def test_folders_that_nobody_put_there_are_no_series_and_are_counted(tmp_path, folder, above):
    plain(tmp_path)
    draw(tmp_path / above / folder / "THUMB.jpg")
    report, lines = told(tmp_path)
    assert (report.counts["images"], report.counts["series"], report.errors) == (6, 3, [])
    only(lines, "1 image in 1 hidden, trash or thumbnail folder ignored")


def test_links_that_lead_nowhere_are_an_error_with_the_mend(tmp_path):
    plain(tmp_path)
    for name in ("a/2.png", "b/9.tif", "c/labels.json"):
        (tmp_path / name).symlink_to("absent")
    report, _ = told(tmp_path)
    assert report.counts["images"] == 6
    line = only(report.errors, "3 links to missing files: a/2.png, b/9.tif, c/labels.json")
    assert "git annex get" in line


@pytest.mark.parametrize("name", sorted(set(SAMPLES) - {"stl10", "cifar"}))
def test_a_link_that_leads_nowhere_is_told_in_every_layout_and_to_a_run(tmp_path, name):
    root = SAMPLES[name](tmp_path / "data")
    place = next(path for path in sorted(root.rglob("*")) if path.suffix in (".jpg", ".png"))
    (place.parent / "zz_9.jpg").symlink_to("absent")
    dataset = registry.load("datasets", name)(root)
    dataset.prepare(QUIET)  # what a run asks for first; its warnings are said and recorded
    only(dataset.warnings, "1 link to missing files", "zz_9.jpg")


def test_links_that_lead_somewhere_and_loops_are_fine(tmp_path):
    plain(tmp_path / "data")
    draw(tmp_path / "outside/5.png", seed=99)
    (tmp_path / "data/a/5.png").symlink_to(tmp_path / "outside/5.png")
    (tmp_path / "data/b/loop").symlink_to(tmp_path / "data")
    report, lines = told(tmp_path / "data")
    lines = [line for line in lines if not line.startswith("series (the unit of splits")]
    assert (report.counts["images"], lines) == (7, [])


@pytest.mark.parametrize("suffix", [".heic", ".HEIF", ".jxl", ".psd", ".svg", ".pdf", ".cr2", ".exr", ".djvu"])
def test_pictures_that_nothing_reads_are_counted_by_their_suffix(tmp_path, suffix):
    plain(tmp_path)
    for k in range(4):
        (tmp_path / f"a/p{k}{suffix}").write_bytes(b"\0" * 30)
    only(told(tmp_path)[1], f"4 pictures of suffix {suffix.lower()} not read: a/p0{suffix}", "save them as PNG or JPEG")


@pytest.mark.parametrize("name", ["page001", "a.jpg_large", "b.jpeg~", "c.png.1", "d.image"])
def test_an_image_whose_name_does_not_say_so_is_told(tmp_path, name):
    plain(tmp_path)
    draw(tmp_path / "x.jpg").rename(tmp_path / f"a/{name}")
    only(told(tmp_path)[1], f"1 image without an image suffix not read: a/{name}; add a suffix")


def test_archives_are_told(tmp_path):
    plain(tmp_path)
    for name in ("a.cbz", "b.zip", "c.parquet"):
        (tmp_path / name).write_bytes(b"PK")
    only(told(tmp_path)[1], "3 archives not read: a.cbz, b.zip, c.parquet")


def test_files_of_operating_systems_and_hidden_images_are_counted(tmp_path):
    plain(tmp_path)
    for name in ("a/._0.png", "Thumbs.db", ".DS_Store", "desktop.ini"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    draw(tmp_path / "a/.hidden.png")
    _, lines = told(tmp_path)
    only(lines, "4 files of the operating system ignored: .DS_Store, Thumbs.db, a/._0.png, desktop.ini")
    only(lines, "1 hidden image ignored: a/.hidden.png")


def test_what_is_harmless_is_not_told(tmp_path):
    plain(tmp_path)
    for name in ("README.md", "LICENSE", "notes.txt", "NOTES", "a/data.npy", "make.py"):
        (tmp_path / name).write_text("three words here\n")
    write(tmp_path / "meta.json", '{"title": "x"}')
    write(tmp_path / "series.json", json.dumps({name: {"split": "train"} for name in "abc"}))
    assert [line for line in told(tmp_path)[1] if "no item is" not in line] == []


# --- AppleDouble files where a layout reads text
@pytest.mark.parametrize("name", ["manga109", "ebdtheque", "icartoonface", "ssupergan", "comic_char_reid", "voc",
                                  "coco", "dcm772", "comic2k", "comix"])  # fmt: skip
def test_appledouble_files_beside_any_text_change_nothing(tmp_path, name):
    root = SAMPLES[name](tmp_path / "data")

    def items():
        dataset = registry.load("datasets", name)(root)
        kinds = [kind for kind in KINDS if kind in dataset.offers()]
        return [(item.id, item.boxes) for kind in kinds for split in SPLITS for item in dataset.items(kind, split)]

    before = items()
    beside = [path for path in root.rglob("*") if path.is_file()]
    for path in beside:
        (path.parent / f"._{path.name}").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    assert items() == before
    dataset = registry.load("datasets", name)(root)
    dataset.prepare(QUIET)
    only(dataset.warnings, f"{len(beside)} files of the operating system ignored")


# --- annotations that lie there unread
VOC = "<annotation><object><name>face</name><bndbox><xmin>1</xmin></bndbox></object></annotation>"
COCO = json.dumps(coco_list(["0.png"], []))
ANNOTATIONS = {
    "a/0.xml": (VOC, "it looks like PASCAL VOC: a/0.xml; put the images into JPEGImages/"),
    "labels/0.txt": ("0 0.5 0.5 0.2 0.3\n3 .1 .1 .2 .2\n", "it looks like YOLO: labels/0.txt; write them as COCO"),
    "a/0.json": ('{"version": "5", "shapes": [], "imagePath": "0.png"}', "it looks like LabelMe"),
    "via_region_data.json": ('{"0.png9": {"regions": [{"shape_attributes": {}}]}}', "it looks like VIA"),
    "via_project.json": ('{"_via_settings": {}, "_via_img_metadata": {}}', "it looks like VIA"),
    "project-1.json": ('[{"annotations": [{"result": [{"from_name": "label"}]}]}]', "it looks like Label Studio"),
    "annotations.xml": ('<annotations><image id="0" name="0.png"><box/></image></annotations>', "it looks like CVAT"),
    "boxes.csv": ("filename,xmin,ymin,xmax,ymax,class\n0.png,1,1,5,5,face\n", "it looks like annotations: boxes.csv"),
    "rows.csv": ("a/0.png,1,1,5,5,face\na/1.png,1,1,5,5,face\n", "it looks like annotations: rows.csv"),
    "classes.txt": ("face\nbody\n", "it looks like a list of classes: classes.txt"),
    "data.yaml": ("names: [face]\ntrain: images\n", "it looks like a list of classes: data.yaml"),
    "other.json": ('{"0.png": {"bbox": [1, 2, 3, 4]}}', "it looks like annotations: other.json"),
    "deep/er/list.json": (COCO, "it looks like COCO: deep/er/list.json; call it instances.json"),
}


@pytest.mark.parametrize("name", ANNOTATIONS)
def test_annotations_in_a_plain_folder_are_told_with_the_mend(tmp_path, name):
    text, wanted = ANNOTATIONS[name]
    write(plain(tmp_path) / name, text)
    dataset = open_dataset(str(tmp_path), "quick", (), tmp_path / "r")
    assert dataset.reader == "folder"
    only(examine(dataset, QUIET).warnings, "1 file not read, though", wanted)


def test_many_alike_are_counted_and_few_of_them_read(tmp_path, monkeypatch):
    plain(tmp_path)
    for k in range(60):
        write(tmp_path / f"labels/{k:02d}.txt", "0 0.5 0.5 0.2 0.3\n")
    read = []
    from inkbench.benchmark.data import annotations

    ends = annotations.ends_of
    monkeypatch.setattr(annotations, "ends_of", lambda path: read.append(path) or ends(path))
    only(told(tmp_path)[1], "60 files not read, though they look like YOLO: labels/00.txt")
    assert len(read) < 10


def test_images_that_a_layout_does_not_use_are_counted_by_their_folder(tmp_path):
    SAMPLES["coco"](tmp_path)
    for k in range(3):
        draw(tmp_path / f"train2017/more{k}.jpg")
    draw(tmp_path / "elsewhere/x.jpg")
    dataset = registry.load("datasets", "coco")(tmp_path)
    line = only(examine(dataset, QUIET).warnings, "4 images not used: not named in any list or annotation that is read")
    assert "(train2017: 3, elsewhere: 1)" in line


def test_a_folder_that_may_not_be_read_is_an_error_not_a_crash(tmp_path, monkeypatch):
    plain(tmp_path)
    scandir = os.scandir

    def guarded(path="."):
        if os.fspath(path).endswith("/b"):
            raise PermissionError(13, "permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    for reads in (images_in, folders):
        with pytest.raises(UsageError, match=r"/b cannot be read \(permission denied\)"):
            reads(tmp_path / "b")
    with pytest.raises(UsageError, match="make it readable"):
        list(images_below(tmp_path))
    assert any("cannot be read (permission denied)" in line for line in told(tmp_path)[0].errors)


def test_empty_files_are_errors_by_name(tmp_path):
    plain(tmp_path)
    (tmp_path / "a/7.png").write_bytes(b"")
    assert told(tmp_path)[0].errors == ["a/7.png cannot be read: is an empty file"]


@pytest.mark.parametrize("what", ["link", "heic", "nameless", "hidden"])
def test_a_folder_of_which_nothing_is_read_says_what_lies_there(tmp_path, what):
    root = tmp_path / "data"
    root.mkdir()
    for k in range(3):
        if what == "link":
            (root / f"{k}.jpg").symlink_to("absent")
        elif what == "heic":
            (root / f"{k}.heic").write_bytes(b"0" * 40)
        elif what == "nameless":
            draw(tmp_path / "x.jpg").rename(root / f"{k}")
        else:
            draw(root / f".thumbnails/{k}.jpg")
    told = {"link": "3 links to missing files", "heic": "3 pictures of suffix .heic not read",
            "nameless": "3 images without an image suffix not read",
            "hidden": "3 images in 1 hidden, trash or thumbnail folder"}  # fmt: skip
    with pytest.raises(UsageError, match=told[what]):
        open_dataset(str(root), "quick", (), tmp_path / "r")


def test_a_reader_of_somebody_else_is_told_of_too(tmp_path):
    class Strips(FileDataset):
        name, licence, citation, homepage, layout = "strips", "", "", "", ""

        @classmethod
        def recognises(cls, root):
            return True

        def offers(self):
            return frozenset({"panels"})

        def files(self):
            return images_in(self.root / "a")

        def read(self, kind):
            return []

    plain(tmp_path)
    write(tmp_path / "annotations/B.xml", MANGA)
    strips = Strips(tmp_path)
    strips.prepare(QUIET)
    only(strips.warnings, "4 images not used")
