"""What is drawn: its size, its splits and styles, and that every label lies where it should."""

import json

import numpy as np
import pytest
from PIL import Image

from inkbench.benchmark.data.layouts.char_reid import CharReid
from inkbench.benchmark.data.layouts.comics import Comics
from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.dataset import Synth
from inkbench.benchmark.data.synth.series import split_of, style_of
from inkbench.benchmark.progress import Progress

pytestmark = pytest.mark.seconds

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Synth:
    config = SynthConfig.resolve("synth", "smoke")
    dataset = Synth(tmp_path_factory.mktemp("synth"), config)
    dataset.prepare(Progress(quiet=True))
    return dataset


def labels_of(dataset: Synth) -> list[dict]:
    return [dataset.labels(str(k)) for k in range(dataset.config.series)]


def panels_of(dataset: Synth) -> list[dict]:
    return [panel for record in labels_of(dataset) for page in record["pages"] for panel in page["panels"]]


def boxes_of(panel: dict) -> list[list[int]]:
    boxes = [one[label] for one in panel["characters"] for label in ("body", "face")]
    boxes += [one[label] for one in panel["texts"] for label in ("box", "balloon")]
    return [box for box in boxes if box]


def test_smoke_is_small_and_has_all_series(smoke):
    panels = {split: smoke.items("panels", split) for split in SPLITS}
    assert 64 <= sum(map(len, panels.values())) <= 150
    assert {split: len({item.series for item in items}) for split, items in panels.items()} == {
        "train": 12, "val": 4, "test": 16,
    }  # fmt: skip


def test_both_styles_in_each_split(smoke):
    for split in SPLITS:
        assert {item.style for item in smoke.items("pages", split)} == {"toon", "realistic"}
    for number in (6, 8, 13, 32, 100):
        found = {(split_of(k, number), style_of(k)) for k in range(number)}
        assert len(found) == 6, f"{number} series miss a style in a split"


def test_labels_lie_inside_their_images(smoke):
    for record in labels_of(smoke):
        for page in record["pages"]:
            width, height = page["size"]
            for panel in page["panels"]:
                x0, y0, x1, y1 = panel["box"]
                assert 0 <= x0 < x1 <= width
                assert 0 <= y0 < y1 <= height
                assert [x1 - x0, y1 - y0] == panel["size"]
                for a, b, c, d in boxes_of(panel):
                    assert 0 <= a < c <= panel["size"][0]
                    assert 0 <= b < d <= panel["size"][1]
            for x, y, duration in (look for path in page["gaze"] for look in path):
                assert 0 <= x <= width - 1
                assert 0 <= y <= height - 1
                assert duration >= 60


def test_panels_show_people_at_several_scales_hidden_and_cut_and_words(smoke):
    panels = panels_of(smoke)
    people = [len(panel["characters"]) for panel in panels]
    assert max(people) >= 3
    assert 0.85 < np.mean([number > 0 for number in people]) <= 1
    assert np.mean([bool(panel["texts"]) for panel in panels]) > 0.5
    heights = np.array(
        [one["face"][3] - one["face"][1] for panel in panels for one in panel["characters"] if one["face"]]
    )
    assert np.quantile(heights, 0.9) > 4 * np.quantile(heights, 0.1)
    bodies = [one for panel in panels for one in panel["characters"] if one["body"]]
    assert any(one["visible"] < 0.8 for one in bodies), "nobody is hidden by anything"
    assert any(one["inside"] < 0.8 for one in bodies), "nobody is cut by the frame"


def test_faces_lie_in_their_bodies(smoke):
    pairs = [
        (one["face"], one["body"])
        for panel in panels_of(smoke)
        for one in panel["characters"]
        if one["face"] and one["body"]
    ]
    assert len(pairs) > 100
    for face, body in pairs:
        assert body[0] <= face[0] < face[2] <= body[2]
        assert body[1] <= face[1] < face[3] <= body[3]


def test_masks_agree_with_boxes_and_depth(smoke):
    for record in labels_of(smoke)[:8]:
        for page in record["pages"]:
            for panel in page["panels"]:
                mask = np.asarray(Image.open(smoke.mask(f"{record['series']}/{page['page']}_{panel['panel']}")))
                assert list(mask.shape[::-1]) == panel["size"]
                for one in panel["characters"]:
                    if one["body"]:
                        rows, columns = np.nonzero((mask == one["code"]) | (mask == one["face_code"]))
                        assert one["body"] == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                depths = [one["depth"] for one in panel["characters"] + panel["props"]]
                assert len(set(depths)) == len(depths)
                assert all(depth > 0 for depth in depths)


def test_items_carry_identities_and_lettering(smoke):
    boxes = [box for split in SPLITS for item in smoke.items("panels", split) for box in item.boxes]
    named = [box for box in boxes if box.label in ("face", "body")]
    assert {box.label for box in boxes} == {"face", "body", "text", "balloon"}
    assert named
    assert all(box.identity for box in named)
    item = smoke.items("pages", "test")[0]
    assert {"panel", "face", "body", "text", "balloon"} == item.labels


def test_the_layouts_agree_with_each_other(smoke):
    for split in SPLITS:
        panels = smoke.items("panels", split)
        comics = {item.id: item for item in Comics(smoke.root / "comics").items("panels", split)}
        assert comics.keys() == {item.id for item in panels}
        for item in panels:
            size = (item.crop[2] - item.crop[0], item.crop[3] - item.crop[1])
            assert Image.open(comics[item.id].path).size == size
        reid = CharReid(smoke.root / "char_reid")
        faces = [one for one in reid.instances(split) if one.kind == "face"]
        shown = [box for page in smoke.items("pages", split) for box in page.boxes if box.label == "face"]
        assert sorted(one.identity for one in faces) == sorted(box.identity for box in shown)
        assert all(Image.open(one.path).size > (0, 0) for one in faces[:20])
        assert reid.sequences(split)


def test_gaze_prefers_faces_and_lettering(smoke):
    """Density of looks inside faces and text over that of the page; a uniform viewer has 1."""
    looks, area, inside = 0, 0.0, 0
    for record in labels_of(smoke):
        for page in record["pages"]:
            covered = np.zeros(page["size"][::-1], dtype=bool)
            for panel in page["panels"]:
                x, y = panel["box"][:2]
                for box in [one["face"] for one in panel["characters"]] + [one["box"] for one in panel["texts"]]:
                    if box:
                        covered[y + box[1] : y + box[3], x + box[0] : x + box[2]] = True
            points = np.array([look[:2] for path in page["gaze"] for look in path]).round().astype(int)
            inside += covered[points[:, 1], points[:, 0]].sum()
            looks += len(points)
            area += covered.mean() * len(points)
    assert inside / area > 2


def test_saliency_items_have_square_maps_and_fixations(smoke):
    for item in smoke.items("saliency", "test"):
        assert Image.open(item.map).size == (256, 256)
        assert item.fixations.shape[1] == 2
        pixels = np.asarray(Image.open(item.map))
        assert pixels.max() == 255
        # the map's mass lies where the looks are: the page is squashed onto it
        width, height = Image.open(item.path).size
        rows, columns = np.indices(pixels.shape)
        centre = np.array([(columns * pixels).sum(), (rows * pixels).sum()]) / pixels.sum() + 0.5
        seen = (item.fixations.mean(axis=0) + 0.5) * 256 / (width, height)
        assert np.abs(centre - seen).max() < 12


def test_comics_ocr_table_names_existing_panels(smoke):
    lines = (smoke.root / "comics" / "COMICS_ocr_file.csv").read_text().splitlines()
    assert lines[0] == "comic_no,page_no,panel_no,textbox_no,dialog_or_narration,text,x1,y1,x2,y2"
    assert len(lines) > 100
    for line in lines[1:]:
        comic, page, panel = line.split(",")[:3]
        assert (smoke.root / "comics" / "raw_panel_images" / comic / f"{page}_{panel}.jpg").is_file()


def test_merged_boxes_have_the_odd_column(smoke):
    header = (smoke.root / "char_reid" / "merged_face_body.csv").read_text().splitlines()[0]
    assert header == "series_id,page_id,type,index,char_index,x_0,y_0,x1,y_1"
    entry = json.loads((smoke.root / "char_reid" / "validation_sequences.json").read_text())[0]
    assert len(entry["seq_id"].split("+")) == 4
    assert {"charId", "charInstances"} == set(entry["annotations"][0])
