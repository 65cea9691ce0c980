"""Round trip: what synth drew, read back from its copies of the real layouts, equals synth's own labels."""

import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from inkbench.benchmark.api import View
from inkbench.benchmark.contracts.dataset import SPLITS
from inkbench.benchmark.data.cache import Caching, build
from inkbench.benchmark.data.images import read_rgb, size_of
from inkbench.benchmark.data.label_map import read_labels
from inkbench.benchmark.data.layouts.imagefolder import Imagefolder
from inkbench.benchmark.data.layouts.voc import Voc
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.data.synth.semantic import CLASS_OF_CODE, MASK_CLASSES, SCENES, scene_of
from inkbench.benchmark.progress import Progress

pytestmark = pytest.mark.seconds

QUIET = Progress(quiet=True)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def synth(results):
    dataset = open_dataset("synth", "smoke", (("synth.series", "6"), ("synth.viewers", "3")), results)
    dataset.prepare(QUIET)
    return dataset


@pytest.fixture(scope="module")
def labels(synth):
    """Series -> its record."""
    return {path.stem: json.loads(path.read_text()) for path in (synth.root / "labels").glob("*.json")}


@pytest.fixture(scope="module")
def panels(labels):
    """``series/page_panel`` -> series, page box and characters."""
    return {
        f"{series}/{page['page']}_{panel['panel']}": (series, panel)
        for series, record in labels.items()
        for page in record["pages"]
        for panel in page["panels"]
    }


def reader(synth, results, folder):
    return open_dataset(str(synth.root / folder), "quick", (), results)


def every(dataset, kind):
    return [item for split in SPLITS for item in dataset.items(kind, split)]


def same_split_and_style(items, labels):
    assert {item.split for item in items} == set(SPLITS)
    for item in items:
        assert (item.split, item.style) == (labels[item.series]["split"], labels[item.series]["style"])


def box_counts(boxes):
    return Counter((box.label, box.x0, box.y0, box.x1, box.y1) for box in boxes)


def test_comics(synth, results, labels, panels):
    dataset = reader(synth, results, "comics")
    assert dataset.reader == "comics"
    items = every(dataset, "panels")
    assert {item.id for item in items} == set(panels)
    same_split_and_style(items, labels)
    for item in items:
        x0, y0, x1, y1 = panels[item.id][1]["box"]
        assert size_of(item.path) == (x1 - x0, y1 - y0)
    assert len(every(dataset, "pages")) == sum(len(record["pages"]) for record in labels.values())
    assert dataset.warnings == []


def test_dcm772(synth, results, labels, panels):
    dataset = reader(synth, results, "dcm772")
    assert dataset.reader == "dcm772"
    items = every(dataset, "panels")
    assert {item.id for item in items} == set(panels)
    same_split_and_style(items, labels)
    for item in items:
        panel = panels[item.id][1]
        assert item.crop == tuple(panel["box"])
        drawn = [
            (label, *character[label])
            for character in panel["characters"]
            for label in ("body", "face")
            if character[label]
        ]
        assert box_counts(item.boxes) == Counter(drawn)
    pages = every(dataset, "pages")
    assert sum(box.label == "panel" for page in pages for box in page.boxes) == len(panels)
    assert dataset.warnings == []


def test_the_files_of_comics_are_the_crops_of_dcm772(synth, results):
    cut = {item.id: item for item in every(reader(synth, results, "dcm772"), "panels")}
    for item in every(reader(synth, results, "comics"), "panels")[:12]:
        own, crop = read_rgb(item.path), read_rgb(cut[item.id].path, cut[item.id].crop)
        assert own.shape == crop.shape
        alike = np.corrcoef(own.mean(axis=2).ravel(), crop.mean(axis=2).ravel())[0, 1]
        assert alike > 0.97, "two JPEGs of one drawing, not shifted"


def test_ai4va(synth, results, labels):
    dataset = reader(synth, results, "ai4va")
    assert dataset.reader == "ai4va"
    assert not dataset.photographs
    items = {item.id: item for item in every(dataset, "saliency")}
    same_split_and_style(items.values(), labels)
    pages = {f"{series}_{page['page']}": page for series, record in labels.items() for page in record["pages"]}
    assert items.keys() == pages.keys()
    for name, item in items.items():
        drawn = np.array([(x, y) for path in pages[name]["gaze"] for x, y, _ in path])
        assert np.allclose(item.fixations, drawn, atol=0.051)
        width, height = size_of(item.map)
        assert width == height, "as AI4VA's maps are"
    assert dataset.warnings == []


def test_char_reid(synth, results, labels, panels):
    dataset = reader(synth, results, "char_reid")
    assert dataset.reader == "comic_char_reid"
    instances = [instance for split in SPLITS for instance in dataset.instances(split)]
    same_split_and_style(instances, labels)
    drawn = Counter(
        (name, kind, character["id"])
        for name, (_, panel) in panels.items()
        for character in panel["characters"]
        for kind in ("face", "body")
        if character[kind]
    )
    assert Counter((entry.panel, entry.kind, entry.identity) for entry in instances) == drawn
    for entry in instances[::7]:
        assert read_rgb(entry.path, entry.crop).size > 0
    assert dataset.warnings == []


def test_characters_have_the_face_and_the_body_that_were_drawn(synth, results, labels, panels):
    """One appearance for each character with either half; the pairs are those of the labels."""
    drawn = Counter(
        (
            name,
            character["id"],
            tuple(kind for kind in ("face", "body") if character[kind]),
            *map(str, character["body"] or ()),
        )
        for name, (_, panel) in panels.items()
        for character in panel["characters"]
        if character["face"] or character["body"]
    )
    relative, exact = reader(synth, results, "char_reid"), synth
    for dataset in (relative, exact):
        items = every(dataset, "characters")
        same_split_and_style(items, labels)
        found = Counter()
        for item in items:
            body = item.parts["body"].place if "body" in item.parts else ()
            found[item.panel, item.identity, tuple(item.parts), *(str(int(value)) for value in body)] += 1
        assert found == drawn
    named = {strip for item in every(relative, "characters") for strip in item.strips}
    assert (
        named
        == {strip for split in SPLITS for strip in relative.strips(split)}
        == {*exact.strips("train")}
        | {
            *exact.strips("val"),
            *exact.strips("test"),
        }
    )
    assert {item.apart for item in every(exact, "characters")} == {()}
    assert all(item.apart for item in every(relative, "characters"))


def test_char_reid_panels_and_sequences(synth, results, labels, panels):
    dataset = reader(synth, results, "char_reid")
    assert {"identities", "panels", "boxes:face", "boxes:body"} <= dataset.offers()
    for item in every(dataset, "panels"):
        drawn = [
            (kind, *character[kind], character["id"])
            for character in panels[item.id][1]["characters"]
            for kind in ("face", "body")
            if character[kind]
        ]
        assert Counter((b.label, b.x0, b.y0, b.x1, b.y1, b.identity) for b in item.boxes) == Counter(drawn)
    sequences = [sequence for split in SPLITS for sequence in dataset.sequences(split)]
    assert sequences
    for sequence in sequences:
        assert len(sequence.panels) == 4
        assert sequence.split == labels[sequence.series]["split"]
        cast = {character["id"] for name in sequence.panels for character in panels[name][1]["characters"]}
        assert set(sequence.characters) <= cast


def test_a_plain_folder_of_the_same_panels(synth, results, panels):
    dataset = reader(synth, results, "comics/raw_panel_images")
    assert dataset.reader == "folder"
    assert {item.id for item in every(dataset, "panels")} == set(panels)


def test_the_whole_copy_is_recognised_as_synth(synth, results):
    again = open_dataset(str(synth.root), "smoke", (), results)
    assert again.reader == "synth"
    assert [item.id for item in every(again, "panels")] == [item.id for item in every(synth, "panels")]


def test_panels_of_synth_go_through_the_cache(synth, results):
    items = synth.items("panels", "train")
    cache = build(items, View(64), Caching(results / "cache/images", synth.fingerprint(), QUIET, threads=2))
    assert cache.failures == []
    assert cache.sizes.tolist() == [[item.crop[2] - item.crop[0], item.crop[3] - item.crop[1]] for item in items]
    assert min(float(square.std()) for square in cache.images) > 2, "no square is blank"


def test_synth_s_masks_are_its_instances_by_kind(synth):
    items = every(synth, "segmented")
    panels = {item.id.replace("/", "_"): item for item in every(synth, "panels")}
    assert {item.id for item in items} == set(panels)
    seen = np.zeros(256, dtype=np.int64)
    for item in items:
        twin = panels[item.id]
        assert (item.series, item.split, item.style) == (twin.series, twin.split, twin.style)
        raw = synth.root / "comics" / "raw_panel_images" / f"{twin.id}.jpg"
        assert item.path.read_bytes() == raw.read_bytes()
        labels, codes = read_labels(item.mask), np.asarray(Image.open(synth.mask(twin.id)))
        assert labels.shape == codes.shape == size_of(item.path)[::-1]
        np.testing.assert_array_equal(labels, CLASS_OF_CODE[codes])
        seen += np.bincount(labels.ravel(), minlength=256)
    assert (seen[: len(MASK_CLASSES)] > 500).all(), "every class is shown"
    assert seen[len(MASK_CLASSES) : 255].sum() == 0
    record = synth.labels("0")["pages"][0]["panels"]
    faces = {one["face_code"] for panel in record for one in panel["characters"]}
    bodies = {one["code"] for panel in record for one in panel["characters"]}
    texts = {one["code"] for panel in record for one in panel["texts"]}
    things = {one["code"] for panel in record for one in panel["props"]}
    for codes, name in ((faces, "face"), (bodies, "body"), (texts, "lettering"), (things, "thing")):
        assert {MASK_CLASSES[CLASS_OF_CODE[code]] for code in codes} <= {name}


def test_synth_s_scenes_expressions_and_poses_are_those_of_its_labels(synth):
    records = {
        (series, f"{page['page']}_{panel['panel']}"): panel
        for series in map(str, range(6))
        for page in synth.labels(series)["pages"]
        for panel in page["panels"]
    }
    for item in every(synth, "labelled"):
        panel = records[item.series, item.path.stem.partition("_")[2]]
        assert item.label == scene_of(panel) == item.path.parent.name
        assert item.label in SCENES
    for kind, trait in (("faces", "expression"), ("bodies", "pose")):
        items = every(synth, kind)
        assert {item.label for item in items} <= set(synth.classes(kind))
        for item in items:
            series, name = item.panel.split("/")
            shown = [one[trait] for one in records[series, name]["characters"] if one["id"] == item.identity]
            assert item.label in shown


def test_synth_s_copies_are_read_by_the_readers_of_their_layouts(synth, tmp_path):
    masks = open_dataset(str(synth.root / "voc"), "quick", (), tmp_path)
    scenes = open_dataset(str(synth.root / "scenes"), "quick", (), tmp_path)
    assert (type(masks), type(scenes)) == (Voc, Imagefolder)
    assert [item.id for item in every(masks, "segmented")] == [item.id for item in every(synth, "segmented")]
    assert [item.label for item in every(scenes, "labelled")] == [item.label for item in every(synth, "labelled")]
    assert masks.classes("segmented") == synth.classes("segmented") == MASK_CLASSES


def test_the_casts_are_known_before_anything_is_drawn(synth, tmp_path):
    undrawn = open_dataset("synth", "smoke", (("synth.series", "6"), ("synth.viewers", "3")), tmp_path)
    assert not undrawn.root.exists()
    shown = {item.identity for item in synth.items("faces", "test")}
    assert shown <= set(undrawn.classes("identities"))
    assert len(undrawn.classes("identities")) == sum(
        len(synth.labels(k)["cast"]) for k in map(str, range(6)) if synth.labels(k)["split"] == "test"
    )
