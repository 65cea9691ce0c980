"""Every layout that synth writes, read by the reader of the real one, has the labels that were drawn."""

import json
import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from record_files import written
from submission_data import SMALL

from inkbench.benchmark.cli.main import main
from inkbench.benchmark.contracts.dataset import SPLITS
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.data.synth.make import make
from inkbench.benchmark.data.synth.semantic import SCENES, scene_of
from inkbench.benchmark.data.synth.series import large_face
from inkbench.benchmark.data.synth.writers import SPLIT_BY_LISTS, WRITERS
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.arrays import read_arrays
from inkbench.benchmark.store.store import MADE_FOR, Store

pytestmark = pytest.mark.seconds

ALL = frozenset({"panel", "face", "body", "text", "balloon"})
PAGES = {
    "coco": (ALL, False),
    "comix": (ALL, False),
    "voc-boxes": (ALL, False),
    "dcm772": (ALL - {"text", "balloon"}, False),
    "manga109": (ALL - {"balloon"}, True),
    "ebdtheque": (ALL - {"face"}, False),
    "open-mantra": (frozenset({"panel", "text"}), False),
}
"""Layouts of pages: the classes of boxes that they have, and whether faces and bodies say whose they are."""
PANELS = {
    "comic2k": ("body",),
    "watercolor2k": ("body",),
    "clipart1k": ("body",),
    "icartoonface": ("face",),
    "dass-panels": ("face", "body"),
    "ssupergan": ("face",),
    "char_reid": ("face", "body"),
    "comics": ("text",),
}
CHARACTERS = frozenset({"identities", "faces", "bodies", "face_pairs", "body_pairs", "characters"})
SCENE_LABELS = ("scenes", "stl10", "cifar")
OTHERS = ("ai4va", "voc")
"""Round trips of test_layouts_synth.py: maps, fixations and label images."""
READERS = {"char_reid": "comic_char_reid", "voc-boxes": "voc", "scenes": "imagefolder"}
SETS = {"comics": (("comics.text", "true"),)}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A small drawing in every layout."""
    root = tmp_path_factory.mktemp("every") / "layout"
    make(root, SMALL, Progress(quiet=True), WRITERS)
    return root


@pytest.fixture(scope="module")
def labels(drawn):
    return {path.stem: json.loads(path.read_text()) for path in (drawn / "labels").glob("*.json")}


@pytest.fixture(scope="module")
def panels(labels):
    """(series, page, panel) -> the panel's record."""
    return {
        (series, page["page"], panel["panel"]): panel
        for series, record in labels.items()
        for page in record["pages"]
        for panel in page["panels"]
    }


def opened(drawn, layout, tmp_path, sets=()):
    dataset = open_dataset(str(drawn / layout), "quick", (*SETS.get(layout, ()), *sets), tmp_path / "results")
    assert dataset.reader == READERS.get(layout, layout), "recognised by itself"
    dataset.prepare(Progress(quiet=True))
    return dataset


def every(dataset, kind):
    return [item for split in SPLITS for item in dataset.items(kind, split)]


def place(name):
    """Series, page and panel out of an id."""
    series, *numbers = re.split(r"[/_]", name)
    return (series, *map(int, numbers))


def boxes_of(items):
    return Counter((box.label, box.x0, box.y0, box.x1, box.y1, box.identity) for item in items for box in item.boxes)


def on_page(page, wanted, named):
    found = Counter()
    for panel in page["panels"]:
        x, y = panel["box"][:2]
        things = [("panel", [0, 0, *panel["size"]], None)]
        things += [(part, who[part], who["id"]) for who in panel["characters"] for part in ("face", "body")]
        things += [("text", text["box"], None) for text in panel["texts"]]
        things += [("balloon", text["balloon"], None) for text in panel["texts"]]
        for label, box, who in things:
            if label in wanted and box:
                found[label, x + box[0], y + box[1], x + box[2], y + box[3], who if named else None] += 1
    return found


def in_panel(panel, wanted):
    found = Counter()
    for label in wanted:
        shown = panel["characters"] if label != "text" else [one for one in panel["texts"] if one["kind"] != "sound"]
        found.update((label, *one["box" if label == "text" else label]) for one in shown if one.get(label, True))
    return found


def test_every_writer_is_tried():
    assert set(WRITERS) == {*PAGES, *PANELS, *SCENE_LABELS, *OTHERS}


def test_layouts_are_written_on_demand_and_a_copy_of_others_is_no_synth_yet(tmp_path, capsys):
    words = ("data", "make", "synth", "--out", str(tmp_path / "d"), "--series", "6", "--pages", "1", "--quiet")
    small = [
        word for dial in ("width=300", "height=400", "panels=2", "viewers=1") for word in ("--set", f"synth.{dial}")
    ]
    assert main([*words, *small, "--layout", "cocoo"]) == 2
    assert "synth writes no layout 'cocoo'; did you mean 'coco'?" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()
    assert main([*words, *small, "--layout", "coco,manga109"]) == 0
    assert f"use it with --data {tmp_path / 'd' / 'coco'}" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "d").iterdir() if path.is_dir()} == {"coco", "manga109", "labels"}
    with pytest.raises(UsageError, match="is not drawn yet"):
        open_dataset(str(tmp_path / "d"), "quick", (), tmp_path / "r").items("panels", "train")


@pytest.mark.parametrize("layout", PAGES)
def test_pages_have_the_boxes_that_were_drawn(drawn, labels, tmp_path, layout):
    wanted, named = PAGES[layout]
    dataset = opened(drawn, layout, tmp_path)
    assert dataset.offers() - CHARACTERS == {"pages", "panels", *(f"boxes:{label}" for label in wanted)}
    assert bool(dataset.offers() & CHARACTERS) == named
    pages = {place(item.id): item for item in every(dataset, "pages")}
    records = {(series, page["page"]): page for series, record in labels.items() for page in record["pages"]}
    assert pages.keys() == records.keys()
    for key, item in pages.items():
        assert boxes_of([item]) == on_page(records[key], wanted, named)
        assert (item.series, item.split, item.style) == (key[0], labels[key[0]]["split"], labels[key[0]]["style"])
        assert item.labels == wanted
        assert item.path.read_bytes() == (drawn / "comics" / "raw_page_images" / key[0] / f"{key[1]}.jpg").read_bytes()
    crops = Counter((item.path, item.crop) for item in every(dataset, "panels"))
    assert crops == Counter(
        (item.path, (box.x0, box.y0, box.x1, box.y1))
        for item in pages.values()
        for box in item.boxes
        if box.label == "panel"
    )
    assert dataset.warnings == []
    assert dataset.fingerprint()


@pytest.mark.parametrize("layout", PANELS)
def test_panels_have_the_boxes_that_were_drawn(drawn, labels, panels, tmp_path, layout):
    wanted = PANELS[layout]
    dataset = opened(drawn, layout, tmp_path)
    items = {place(item.id): item for item in every(dataset, "panels")}
    full = {key for key, panel in panels.items() if all(in_panel(panel, [label]) for label in wanted)}
    assert items.keys() == (full if layout == "dass-panels" else panels.keys())
    bare = 0
    for key, item in items.items():
        assert (item.split == "test") == (labels[key[0]]["split"] == "test")
        if layout not in SPLIT_BY_LISTS:
            assert (item.split, item.series) == (labels[key[0]]["split"], key[0])
        if not item.labels:
            bare += 1
            continue
        assert Counter((box.label, box.x0, box.y0, box.x1, box.y1) for box in item.boxes) == in_panel(
            panels[key], wanted
        )
        source = drawn / "comics" / "raw_panel_images" / key[0] / f"{key[1]}_{key[2]}.jpg"
        assert item.path.read_bytes() == source.read_bytes()
    crossed = layout in ("comic2k", "watercolor2k", "clipart1k")
    assert bool(bare) == crossed, "the dummy boxes of extra.txt are no boxes"
    unlisted = [line for line in dataset.warnings if "not named in any list or annotation that is read" in line]
    assert dataset.warnings == unlisted
    assert len(unlisted) == (layout == "char_reid"), "whom nobody identified has a crop there, and is in no list"


def test_characters_cut_out_of_pages_are_those_of_the_cast(drawn, panels, tmp_path):
    dataset = opened(drawn, "manga109", tmp_path)
    for kind, part in (("faces", "face"), ("bodies", "body")):
        items = every(dataset, kind)
        wanted = Counter()
        for (series, _, _), panel in panels.items():
            x, y = panel["box"][:2]
            shown = [(who["id"], who[part]) for who in panel["characters"] if who[part]]
            wanted.update((series, who, (x + b[0], y + b[1], x + b[2], y + b[3])) for who, b in shown)
        assert Counter((item.series, item.identity, item.crop) for item in items) == wanted
        assert len({item.id for item in items}) == len(items)
    faces, bodies = every(dataset, "face_pairs"), every(dataset, "body_pairs")
    assert faces
    assert [(one.panel, one.identity) for one in faces] == [(one.panel, one.identity) for one in bodies]
    both = sum(bool(who["face"] and who["body"]) for panel in panels.values() for who in panel["characters"])
    assert 0.8 * both < len(faces) <= both, "an inset's characters may lie in two panels"
    whole = every(dataset, "characters")
    assert len(whole) == len(every(dataset, "faces")) + len(every(dataset, "bodies")) - len(faces)
    tested = {item.identity for item in every(dataset, "faces") + every(dataset, "bodies") if item.split == "test"}
    assert set(dataset.classes("identities")) == tested


def test_faces_for_recognition_are_those_of_the_cast(drawn, panels, tmp_path):
    dataset = opened(drawn, "icartoonface", tmp_path)
    items = {item.id: item for item in every(dataset, "faces")}
    shown = Counter(who["id"] for panel in panels.values() for who in panel["characters"] if who["face"])
    assert len(items) == shown.total()
    codes: dict[str, set[str]] = {}
    for (series, page, number), panel in panels.items():
        for who in panel["characters"]:
            if not who["face"]:
                continue
            item = items[f"{series}_{page}_{number}_{who['face_index']}"]
            left, top, *_ = large_face(tuple(who["face"]), tuple(panel["size"]))
            assert item.crop == tuple(a - b for a, b in zip(who["face"], (left, top) * 2, strict=True))
            if not item.identity.startswith("nobody"):
                codes.setdefault(who["id"], set()).add(item.identity)
            else:
                assert (item.split, shown[who["id"]]) == ("test", 1)
    assert all(len(found) == 1 for found in codes.values())
    assert len({code for found in codes.values() for code in found}) == len(codes)
    assert set(dataset.classes("identities")) == {i.identity for i in items.values() if i.split == "test"} - {
        i.identity for i in items.values() if i.identity.startswith("nobody")
    }


def test_ssupergan_s_list_of_windows_is_what_its_rule_gives(drawn, tmp_path):
    by_rule = {item.id: item for item in every(opened(drawn, "ssupergan", tmp_path), "sequences")}
    sets = (("ssupergan.windows", "list"), ("ssupergan.panels", "list"))
    listed = {item.id: item for item in every(opened(drawn, "ssupergan", tmp_path, sets), "sequences")}
    assert listed.keys() == by_rule.keys()
    for name, item in listed.items():
        twin = by_rule[name]
        assert (item.hole, item.split, item.panel) == (twin.hole, twin.split, twin.panel)
        assert [part.path for part in item.parts.values()] == [part.path for part in twin.parts.values()]
        assert item.parts["reference"].crop == twin.parts["reference"].crop
        assert item.parts["panel"].boxes == twin.parts["panel"].boxes


@pytest.mark.parametrize("layout", SCENE_LABELS)
def test_scenes_are_the_classes_of_labelled_layouts(drawn, labels, panels, tmp_path, layout):
    dataset = opened(drawn, layout, tmp_path)
    items = every(dataset, "labelled")
    assert dataset.classes() == (tuple(sorted(SCENES)) if layout == "scenes" else SCENES)
    assert len(items) == len(panels)
    if layout == "scenes":
        for item in items:
            assert item.label == scene_of(panels[place(item.path.stem)])
        return
    of = {"train": [], "test": []}
    for key in sorted(panels):
        of["test" if labels[key[0]]["split"] == "test" else "train"].append(key)
    for item in items:
        part, number = item.id.split("/")
        key = of[part][int(number)]
        assert item.label == scene_of(panels[key])
        with Image.open(drawn / "comics" / "raw_panel_images" / key[0] / f"{key[1]}_{key[2]}.jpg") as image:
            side = {"stl10": 96, "cifar": 32}[layout]
            small = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(np.asarray(Image.open(item.path)), small)


def test_one_cell_through_two_layouts_with_the_same_pixels_and_labels_has_the_same_metrics(cli, drawn, tmp_path):
    """COCO counts from 0 and gives width and height, VOC counts from 1 and includes the last pixel."""
    words = ("--method", "random", "--task", "detection", "--preset", "smoke", "--no-baseline")
    tiny = ("--set", "detection.steps=2", "--set", "detection.side=64", "--results", tmp_path / "results")
    for layout in ("coco", "voc-boxes"):
        done = cli(*words, *tiny, "--data", drawn / layout)
        assert done.returncode == 0, done.stderr
    store = Store(tmp_path / "results")
    by_data = {record["data"]["layout"]: record for record in written(store.root)}
    assert by_data.keys() == {"coco", "voc"}
    coco, voc = by_data.values()
    assert coco["id"] != voc["id"]
    assert coco["metrics"] == voc["metrics"]
    assert coco["metrics"]["ap50"]["value"] > 0
    assert coco["metrics"]["ap"]["n"] == 16
    mine, other = (read_arrays(store.predictions_path(record["work"])) for record in (coco, voc))
    assert mine.keys() == other.keys()
    assert (mine.pop(MADE_FOR), other.pop(MADE_FOR)) == (coco["work"], voc["work"])
    for name, values in mine.items():
        np.testing.assert_array_equal(values, other[name])
