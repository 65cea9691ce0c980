"""PASCAL VOC's layout: label images, boxes, lists; VOC's own and those of others, whole and damaged."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pictures_of import draw, write
from PIL import Image

from inkbench.benchmark.contracts.dataset import Box
from inkbench.benchmark.data.images import BadImage
from inkbench.benchmark.data.label_map import read_labels, save_labels
from inkbench.benchmark.data.layouts.voc import VOC_CLASSES, Voc, VocConfig
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.drawing.palette import colours
from inkbench.benchmark.errors import UsageError

SPLITS = ("train", "val", "test")


def every(dataset, kind="segmented"):
    return [item for split in SPLITS for item in dataset.items(kind, split)]


def split_of(dataset, kind="segmented"):
    return {item.id: item.split for item in every(dataset, kind)}


def voc(root: Path, **lists: str) -> Path:
    """Images 2007_000001 ..., each with a mask; ``Segmentation_train="1 2"`` lists images by number."""
    for entry, numbers in lists.items():
        of, split = entry.split("_")
        names = [f"2007_{int(number):06d}" for number in numbers.split()]
        write(root / "ImageSets" / of / f"{split}.txt", "".join(f"{name}\n" for name in names))
        for name in names:
            draw(root / "JPEGImages" / f"{name}.jpg")
            if of == "Segmentation":
                save_labels(np.full((30, 40), 7, dtype=np.uint8), root / "SegmentationClass" / f"{name}.png")
    return root


XML = """<annotation><size><width>40</width><height>30</height></size>
<object><name>person</name><bndbox><xmin>11</xmin><ymin>1</ymin><xmax>20</xmax><ymax>30</ymax></bndbox></object>
<object><name>face</name><bndbox><xmin>12</xmin><ymin>2</ymin><xmax>15.5</xmax><ymax>6</ymax></bndbox></object>
<object><name>chair</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object>
</annotation>"""


# --- label images
def test_voc_s_colours_are_those_of_the_devkit():
    devkit = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128)]
    assert [tuple(row) for row in colours(7).tolist()] == devkit
    assert tuple(colours()[20].tolist()) == (0, 64, 128)
    assert tuple(colours()[255].tolist()) == (224, 224, 192)


def test_label_images_come_back_value_for_value(tmp_path):
    labels = np.random.default_rng(0).integers(0, 256, (13, 17), dtype=np.uint8)
    save_labels(labels, tmp_path / "p.png")
    Image.fromarray(labels).save(tmp_path / "l.png")
    Image.fromarray(labels.astype(np.uint16)).save(tmp_path / "i.png")
    for name in ("p", "l", "i"):
        np.testing.assert_array_equal(read_labels(tmp_path / f"{name}.png"), labels)
    assert Image.open(tmp_path / "p.png").convert("RGB").getpixel((0, 0)) == tuple(colours()[labels[0, 0]].tolist())
    two = np.array([[0, 1], [1, 1]], dtype=bool)
    Image.fromarray(two).save(tmp_path / "1.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "1.png"), two.astype(np.uint8))


def test_what_is_no_label_image_is_said_by_name(tmp_path):
    draw(tmp_path / "rgb.png")
    with pytest.raises(BadImage, match=r"rgb\.png: is RGB; a label image is a palette or grey file"):
        read_labels(tmp_path / "rgb.png")
    Image.fromarray(np.full((2, 2), 300, dtype=np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(BadImage, match="has label 300"):
        read_labels(tmp_path / "deep.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "deep.png").read_bytes()[:40])
    with pytest.raises(BadImage, match=r"cut\.png"):
        read_labels(tmp_path / "cut.png")


# --- VOC itself
def test_voc2012_tests_on_val_and_carves_validation_out_of_train(tmp_path):
    numbers = " ".join(map(str, range(1, 21)))
    voc(tmp_path / "d", Segmentation_train=numbers, Segmentation_val="30 31")
    dataset = open_dataset(str(tmp_path / "d"), "quick", (), tmp_path / "r")
    assert isinstance(dataset, Voc)
    assert dataset.photographs
    assert dataset.offers() == {"panels", "segmented"}
    assert dataset.classes("segmented") == VOC_CLASSES
    assert dataset.classes() == ()
    split = split_of(dataset)
    assert Counter(split.values()) == {"train": 18, "val": 2, "test": 2}
    assert split["2007_000030"] == split["2007_000031"] == "test"
    assert split_of(dataset, "panels") == split
    assert any("using val as the test split" in line for line in dataset.warnings)
    item = dataset.items("segmented", "test")[0]
    assert item.mask.name == "2007_000030.png"
    assert item.series == item.id
    np.testing.assert_array_equal(read_labels(item.mask), np.full((30, 40), 7))


def test_voc2007_has_its_own_test_images(tmp_path):
    dataset = Voc(voc(tmp_path, Segmentation_train="1 2", Segmentation_val="3", Segmentation_test="4 5"))
    assert split_of(dataset) == {
        "2007_000001": "train",
        "2007_000002": "train",
        "2007_000003": "val",
        "2007_000004": "test",
        "2007_000005": "test",
    }
    assert dataset.warnings == []


def test_an_image_that_any_list_holds_out_is_held_out_for_every_task(tmp_path):
    dataset = Voc(
        voc(tmp_path, Segmentation_train="1 2", Segmentation_test="3", Main_train="3 4", Main_val="1", Main_test="5")
    )
    assert split_of(dataset, "panels") == {
        "2007_000001": "val",
        "2007_000002": "train",
        "2007_000003": "test",
        "2007_000004": "train",
        "2007_000005": "test",
    }
    assert set(split_of(dataset)) == {"2007_000001", "2007_000002", "2007_000003"}


def test_listed_test_images_without_masks_are_told_and_val_is_test(tmp_path):
    voc(tmp_path, Segmentation_train="1 2", Segmentation_val="3", Segmentation_test="4")
    (tmp_path / "SegmentationClass/2007_000004.png").unlink()
    dataset = Voc(tmp_path)
    assert split_of(dataset)["2007_000003"] == "test"
    assert any(
        "test.txt: 1 of 1 name left out, which have no mask or image: 2007_000004" in line for line in dataset.warnings
    )


# --- its layout in other hands
def test_classes_of_one_s_own_and_no_lists(tmp_path):
    for k in range(10):
        draw(tmp_path / f"JPEGImages/page{k}.jpg")
        save_labels(np.zeros((30, 40), np.uint8), tmp_path / f"SegmentationClass/page{k}.png")
    save_labels(np.zeros((30, 40), np.uint8), tmp_path / "SegmentationClass/stray.png")
    write(tmp_path / "classes.txt", "background\nink\n")
    dataset = Voc(tmp_path)
    assert dataset.classes("segmented") == ("background", "ink")
    assert not dataset.photographs
    assert Counter(split_of(dataset).values()) == {"train": 6, "val": 2, "test": 2}
    assert any("1 mask without an image in JPEGImages left out: stray" in line for line in dataset.warnings)
    write(tmp_path / "classes.txt", "ink\nink\n")
    with pytest.raises(UsageError, match=r"classes\.txt has 2 names; expected 2 to 255 distinct names"):
        Voc(tmp_path).classes("segmented")


def test_boxes_of_the_classes_that_are_known_here(tmp_path):
    voc(tmp_path, Main_train="1 2", Main_val="3")
    write(tmp_path / "Annotations/2007_000001.xml", XML)
    dataset = Voc(tmp_path)
    assert dataset.offers() == {"panels", "boxes:face"}
    items = {item.id: item for item in every(dataset, "panels")}
    assert items["2007_000001"].boxes == (Box("face", 11, 1, 15.5, 6),)
    assert items["2007_000001"].labels == {"face"}
    assert items["2007_000002"].labels == frozenset()
    people = Voc(tmp_path, VocConfig(body=("person",)))
    assert people.offers() == {"panels", "boxes:face", "boxes:body"}
    assert next(iter(every(people, "panels"))).boxes[0] == Box("body", 10, 0, 20, 30)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<annotation>", r"2007_000001\.xml is not readable XML"),
        (XML.replace("<xmin>12</xmin>", "<xmin>left</xmin>"), r"xmin of object 0 \(from 0\) is 'left', not a number"),
        (XML.replace("<xmin>12</xmin>", ""), r"xmin of object 0 \(from 0\) is None"),
        ("<a><object><name>face</name></object></a>", r"object 0 \(from 0\) has no bndbox"),
    ],
)
def test_damaged_boxes_say_where(tmp_path, text, said):
    voc(tmp_path, Main_train="1", Main_val="2")
    write(tmp_path / "Annotations/2007_000001.xml", text)
    with pytest.raises(UsageError, match=said):
        Voc(tmp_path).offers()


def test_boxes_that_reach_out_are_mended_by_name(tmp_path):
    voc(tmp_path, Main_train="1", Main_val="2")
    write(tmp_path / "Annotations/2007_000001.xml", XML.replace("15.5", "77"))
    dataset = Voc(tmp_path)
    assert every(dataset, "panels")[0].boxes == (Box("face", 11, 1, 40, 6),)
    assert any("2007_000001.xml: box 0 extends beyond the image (clamped)" in line for line in dataset.warnings)


def test_series_hold_in_voc_s_layout_too(tmp_path):
    for series in "abc":
        for k in range(2):
            draw(tmp_path / f"JPEGImages/{series}_{k}.jpg")
            save_labels(np.zeros((30, 40), np.uint8), tmp_path / f"SegmentationClass/{series}_{k}.png")
    write(tmp_path / "series.json", json.dumps({s: {"split": p} for s, p in zip("abc", SPLITS, strict=True)}))
    assert {(item.series, item.split) for item in every(Voc(tmp_path))} == set(zip("abc", SPLITS, strict=True))
    write(tmp_path / "ImageSets/Segmentation/val.txt", "a_0\n")
    with pytest.raises(UsageError, match=r"ImageSets put a_0 into val, series\.json into train"):
        every(Voc(tmp_path))
