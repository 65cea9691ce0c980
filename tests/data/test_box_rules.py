"""Boxes mean what their annotation says: sizes held against images, flags parsed, shares, corners and twins told."""

import json

import pytest
from layout_samples import MANGA, MANTRA, SVG, VOC_XML, coco_list
from pictures_of import draw, noise, write
from PIL import Image

from inkbench.benchmark import registry
from inkbench.benchmark.contracts.dataset import SPLITS
from inkbench.benchmark.data.check.report import examine
from inkbench.benchmark.data.jsonfile import flag
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress

QUIET = Progress(quiet=True)
WIDE, TALL = 100, 80


def reader(name, root, **settings):
    cls = registry.load("datasets", name)
    return cls(root, cls.Config(**settings))


def every(dataset, kind="panels"):
    return {item.id: item for split in SPLITS for item in dataset.items(kind, split)}


def turned(path, orientation, size=(WIDE, TALL)):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(*size)).save(path, exif=exif)


def coco(root, boxes, images=3, **more):
    """One list of ``images`` images of 100 x 80, each with all the boxes."""
    entries = [{"id": f"{k} {j}", "image_id": k, "category_id": 7, "bbox": box, **more} for k in range(images)
               for j, box in enumerate(boxes)]  # fmt: skip
    write(root / "instances.json", json.dumps(coco_list([f"{k}.png" for k in range(images)], entries)))
    for k in range(images):
        draw(root / f"images/{k}.png", WIDE, TALL, seed=k)
    return reader("coco", root)


# --- flags
@pytest.mark.parametrize("value", [0, 0.0, False, None, "0", "0.0", "false", "False", " no ", "", "N"])
def test_a_flag_that_says_no_is_no(tmp_path, value):
    assert flag(value, "x") is False
    dataset = coco(tmp_path, [[5, 5, 20, 20]], iscrowd=value)
    assert sum(len(item.boxes) for item in every(dataset).values()) == 3
    assert dataset.warnings == []


@pytest.mark.parametrize("value", [1, 1.0, True, "1", "true", "YES", "1.0"])
def test_a_flag_that_says_yes_is_yes(tmp_path, value):
    assert flag(value, "x") is True
    dataset = coco(tmp_path, [[5, 5, 20, 20]], iscrowd=value)
    assert sum(len(item.boxes) for item in every(dataset).values()) == 0


@pytest.mark.parametrize("value", [2, -1, "maybe", [], {}, float("nan")])
def test_a_flag_that_says_neither_is_refused(tmp_path, value):
    with pytest.raises(UsageError, match=r"annotation 0 \(from 0\): 'iscrowd' is .*neither yes nor no"):
        every(coco(tmp_path, [[5, 5, 20, 20]], iscrowd=value))


# --- sizes
def voc_size(root, image, said):
    image(root / "JPEGImages/a.jpg")
    size = f"<size><width>{said[0]}</width><height>{said[1]}</height></size>"
    text = VOC_XML.replace("person", "face").replace("<size><width>100</width><height>80</height></size>", size)
    write(root / "Annotations/a.xml", text)
    return reader("voc", root), "a", "panels", "JPEGImages/a.jpg"


def clipart_size(root, image, said):
    _, *rest = voc_size(root, image, said)
    write(root / "Annotations/a.xml", (root / "Annotations/a.xml").read_text().replace("face", "person"))
    write(root / "ImageSets/Main/train.txt", "a\n")
    return reader("clipart1k", root), *rest


def coco_size(root, image, said):
    listing = coco_list(["a.jpg"], [{"id": 0, "image_id": 0, "category_id": 7, "bbox": [5, 5, 20, 20]}])
    listing["images"][0] |= {"width": said[0], "height": said[1]}
    write(root / "instances.json", json.dumps(listing))
    image(root / "images/a.jpg")
    return reader("coco", root), "a", "panels", "images/a.jpg"


def manga_size(root, image, said):
    write(root / "annotations/B.xml", MANGA.replace('width="100" height="80"', f'width="{said[0]}" height="{said[1]}"'))
    image(root / "images/B/003.jpg")
    return reader("manga109", root), "B/003", "pages", "images/B/003.jpg"


def ebdtheque_size(root, image, said):
    write(root / "GT/A_001.svg", SVG.replace('width="100" height="80"', f'width="{said[0]}" height="{said[1]}"'))
    image(root / "Pages/A_001.jpg")
    return reader("ebdtheque", root), "A_001", "pages", "Pages/A_001.jpg"


SIZED = [voc_size, clipart_size, coco_size, manga_size, ebdtheque_size]


@pytest.mark.parametrize("layout", SIZED)
def test_boxes_of_an_image_of_another_size_are_left_out_in_every_layout_and_are_an_error(tmp_path, layout):
    dataset, name, kind, file = layout(tmp_path, lambda path: draw(path, 90, 60), (WIDE, TALL))
    item = every(dataset, kind)[name]
    assert (item.boxes, item.labels) == ((), frozenset()), "no task that needs boxes sees it"
    told = [line for line in examine(dataset, QUIET).errors if line.startswith(file)]
    assert len(told) == 1
    assert "has 90 x 60 pixels, its annotation says 100 x 80; its boxes are left out" in told[0]


@pytest.mark.parametrize("layout", SIZED)
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_of_the_image_before_it_was_turned_are_an_error_and_of_the_upright_one_are_not(
    tmp_path, layout, orientation
):
    dataset, name, kind, _ = layout(tmp_path / "raw", lambda path: turned(path, orientation), (WIDE, TALL))
    assert every(dataset, kind)[name].boxes == ()
    assert any(f"before rotation by its orientation {orientation} (EXIF)" in line
               for line in examine(dataset, QUIET).errors)  # fmt: skip
    upright = lambda path: turned(path, orientation, (TALL, WIDE))  # noqa: E731
    dataset, name, kind, _ = layout(tmp_path / "upright", upright, (WIDE, TALL))
    assert every(dataset, kind)[name].boxes
    assert not any("orientation" in line for line in dataset.warnings)


@pytest.mark.parametrize("layout", SIZED)
@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_a_mirrored_image_whose_size_says_nothing_is_told(tmp_path, layout, orientation):
    dataset, name, kind, file = layout(tmp_path, lambda path: turned(path, orientation), (WIDE, TALL))
    assert every(dataset, kind)[name].boxes
    assert any(f"{file} has orientation {orientation} (EXIF), and it is not stated" in line
               for line in examine(dataset, QUIET).warnings)  # fmt: skip


@pytest.mark.parametrize("layout", SIZED)
@pytest.mark.parametrize("said", [(0, 0), (WIDE + 1, TALL)])
def test_a_size_that_is_not_said_or_rounded_takes_nothing_away(tmp_path, layout, said):
    dataset, name, kind, _ = layout(tmp_path, lambda path: draw(path, WIDE, TALL), said)
    assert every(dataset, kind)[name].boxes


# --- shares and forms
@pytest.mark.parametrize("name", ["coco", "voc", "dcm772", "dass-panels", "icartoonface", "open-mantra"])
def test_boxes_in_shares_of_the_image_are_refused_in_every_layout(tmp_path, name):
    shares = [(0.1, 0.1, 0.4, 0.5), (0.5, 0.2, 0.9, 0.8)]
    for k in range(3):
        for place in (f"images/{k}.png", f"JPEGImages/{k}.png", f"images/b{k}/{k}.png", f"dettrain/{k}.png"):
            draw(tmp_path / place, WIDE, TALL, seed=k)
        write(tmp_path / f"groundtruth/b{k}/{k}.txt", "".join(f"7 {a} {b} {c} {d}\n" for a, b, c, d in shares))
        objects = "".join(f"<object><name>face</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax>"
                          f"<ymax>{d}</ymax></bndbox></object>" for a, b, c, d in shares)  # fmt: skip
        write(tmp_path / f"Annotations/{k}.xml", f"<annotation>{objects}</annotation>")
    write(tmp_path / "annots.json", json.dumps({f"{k}.png": {"face": shares, "body": []} for k in range(3)}))
    write(tmp_path / "dettrain.csv", "".join(f"{k}.png,{a},{b},{c},{d}\n" for k in range(3) for a, b, c, d in shares))
    write(tmp_path / "annotation.json", json.dumps([
        {"book_title": f"b{k}", "pages": [{"image_paths": {"ja": f"images/{k}.png"}, "text": [],
         "frame": [dict(zip("xywh", share)) for share in shares]}]} for k in range(3)]))  # fmt: skip
    coco(tmp_path, [list(share) for share in shares])
    dataset = reader(name, tmp_path)
    kind = "pages" if name in ("dcm772", "open-mantra") else "panels"
    with pytest.raises(UsageError, match="is larger than a pixel: the coordinates are shares of the image"):
        every(dataset, kind)
    assert any("shares of the image (0 to 1); multiply" in line for line in examine(dataset, QUIET).errors)


def test_one_box_of_a_pixel_among_others_is_left_out_and_an_error(tmp_path):
    dataset = coco(tmp_path, [[0.2, 0.2, 0.5, 0.5], [5, 5, 30, 30]])
    assert [len(item.boxes) for item in every(dataset).values()] == [1, 1, 1]
    assert sum("is no larger than a pixel (left out)" in line for line in examine(dataset, QUIET).errors) == 3


def test_boxes_that_may_be_per_cent_are_told(tmp_path):
    for k in range(3):
        draw(tmp_path / f"images/{k}.png", 400, 300, seed=k)
    dataset = coco(tmp_path, [[10, 10, 40, 30], [50, 60, 40, 35]])
    for k in range(3):
        draw(tmp_path / f"images/{k}.png", 400, 300, seed=k)
    listing = json.loads((tmp_path / "instances.json").read_text())
    listing["images"] = [{**image, "width": 400, "height": 300} for image in listing["images"]]
    write(tmp_path / "instances.json", json.dumps(listing))
    assert sum("if they are per cent of the image" in line for line in examine(dataset, QUIET).warnings) == 1


@pytest.mark.parametrize(
    ("name", "written", "told"),
    [
        ("coco", [(10, 8, 30, 32), (60, 40, 95, 75)], "its boxes are two corners.*where x, y, width, height"),
        ("open-mantra", [(10, 8, 30, 32), (60, 40, 95, 75)], "its boxes are two corners"),
        ("dcm772", [(10, 8, 30, 32), (60, 40, 35, 35)], "its boxes are x, y, width, height, where two corners"),
        ("voc", [(10, 8, 30, 32), (60, 40, 35, 35)], "its boxes are x, y, width, height"),
        ("dass-panels", [(10, 8, 30, 32), (60, 40, 35, 35)], "its boxes are x, y, width, height"),
    ],
)
def test_corners_where_sides_are_meant_and_sides_where_corners_are_refused(tmp_path, name, written, told):
    for k in range(3):
        for place in (f"images/{k}.png", f"JPEGImages/{k}.png", f"images/b{k}/{k}.png"):
            draw(tmp_path / place, WIDE, TALL, seed=k)
        write(tmp_path / f"groundtruth/b{k}/{k}.txt", "".join(f"7 {a} {b} {c} {d}\n" for a, b, c, d in written))
        objects = "".join(f"<object><name>face</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax>"
                          f"<ymax>{d}</ymax></bndbox></object>" for a, b, c, d in written)  # fmt: skip
        write(tmp_path / f"Annotations/{k}.xml", f"<annotation>{objects}</annotation>")
    write(tmp_path / "annots.json", json.dumps({f"{k}.png": {"face": written, "body": []} for k in range(3)}))
    write(tmp_path / "annotation.json", json.dumps([
        {"book_title": f"b{k}", "pages": [{"image_paths": {"ja": f"images/{k}.png"}, "text": [],
         "frame": [dict(zip("xywh", box)) for box in written]}]} for k in range(3)]))  # fmt: skip
    coco(tmp_path, [list(box) for box in written])
    with pytest.raises(UsageError, match=told):
        every(reader(name, tmp_path), "pages" if name in ("dcm772", "open-mantra") else "panels")


def test_good_boxes_of_either_form_are_read(tmp_path):
    assert all(
        item.boxes for item in every(coco(tmp_path, [[0, 0, 100, 80], [60, 40, 39, 39], [2, 2, 5, 90]])).values()
    )


# --- twice
def test_the_same_box_twice_is_one_box_and_told_in_every_layout(tmp_path):
    twins = [[5, 5, 30, 30], [5, 5, 30, 30.2], [50, 40, 20, 20]]
    dataset = coco(tmp_path / "coco", twins)
    assert [len(item.boxes) for item in every(dataset).values()] == [2, 2, 2]
    assert sum("1 duplicate box left out" in line for line in examine(dataset, QUIET).warnings) == 3
    draw(tmp_path / "voc/JPEGImages/a.jpg", WIDE, TALL)
    one = VOC_XML.replace("person", "face")
    write(tmp_path / "voc/Annotations/a.xml", one.replace("</annotation>", one.split("</size>")[1]))
    assert len(every(reader("voc", tmp_path / "voc"))["a"].boxes) == 2
    draw(tmp_path / "dcm/images/b/0.jpg", WIDE, TALL)
    write(tmp_path / "dcm/groundtruth/b/0.txt", "8 0 0 50 50\n8 0 0 50 50\n1 5 5 20 20\n1 5 5 20 20\n")
    dcm = reader("dcm772", tmp_path / "dcm")
    assert (len(every(dcm, "pages")["b/0"].boxes), len(every(dcm))) == (2, 1), "nor are there two panels"
    mantra = json.loads(json.dumps(MANTRA))
    for k, book in enumerate(mantra):
        draw(tmp_path / f"mantra/images/book{k}/ja/000.jpg", WIDE, TALL)
        book["pages"][0]["text"] *= 3
    write(tmp_path / "mantra/annotation.json", json.dumps(mantra))
    dataset = reader("open-mantra", tmp_path / "mantra")
    assert [len(item.boxes) for item in every(dataset, "pages").values()] == [3, 3, 3]
    assert any("book book0, page 1: 2 duplicate boxes left out" in line for line in dataset.warnings)
    draw(tmp_path / "manga/images/B/003.jpg", WIDE, TALL)
    body = '<body id="c" xmin="10" ymin="10" xmax="40" ymax="70" character="01"/>'
    write(tmp_path / "manga/annotations/B.xml", MANGA.replace(body, body + body.replace('"c"', '"c2"')))
    (tmp_path / "manga/images/B").mkdir(exist_ok=True)
    boxes = every(reader("manga109", tmp_path / "manga"), "pages")["B/003"].boxes
    assert [box.label for box in boxes].count("body") == 1


def test_one_box_of_two_characters_stays_two(tmp_path):
    draw(tmp_path / "images/B/003.jpg", WIDE, TALL)
    body = '<body id="c" xmin="10" ymin="10" xmax="40" ymax="70" character="01"/>'
    text = MANGA.replace("</characters>", '<character id="03" name="C"/></characters>')
    write(tmp_path / "annotations/B.xml", text.replace(body, body + body.replace("01", "03")))
    boxes = every(reader("manga109", tmp_path), "pages")["B/003"].boxes
    assert [box.identity for box in boxes if box.label == "body"] == ["01", "03"]


# --- what stands elsewhere, and what nobody knows
@pytest.mark.parametrize("place", ["<pages>", "</characters>", "</pages>"])
def test_a_box_outside_of_any_page_is_lost_and_an_error(tmp_path, place):
    draw(tmp_path / "images/B/003.jpg", WIDE, TALL)
    stray = '<body id="z" xmin="1" ymin="1" xmax="9" ymax="9" character="01"/><face id="y" xmin="1" ymin="1" xmax="9" ymax="9"/>'  # noqa: E501
    write(tmp_path / "annotations/B.xml", MANGA.replace(place, place + stray))
    told = examine(reader("manga109", tmp_path), QUIET).errors
    assert any("B.xml: 2 boxes outside any page (lost): body (1), face (1)" in line for line in told)


def test_outlines_of_ebdtheque_that_are_not_read_are_an_error(tmp_path):
    draw(tmp_path / "Pages/A_001.jpg", WIDE, TALL)
    extra = '<g><polygon points="1,1 9,1 9,9"/></g><rect x="1" y="1" width="5" height="5"/>'
    write(tmp_path / "GT/A_001.svg", SVG.replace('<svg class="Balloon">', f'<svg class="Balloon">{extra}'))
    told = examine(reader("ebdtheque", tmp_path), QUIET).errors
    assert any("2 outlines not a polygon directly in a group of its class (lost)" in line for line in told)


@pytest.mark.parametrize("name", ["coco", "voc"])
def test_boxes_of_classes_that_nobody_knows_here_are_told_with_the_setting(tmp_path, name):
    draw(tmp_path / "JPEGImages/a.jpg", WIDE, TALL)
    write(tmp_path / "Annotations/a.xml", VOC_XML)
    dataset = coco(tmp_path, [[5, 5, 30, 30]], category_id=2)
    told = examine(dataset if name == "coco" else reader("voc", tmp_path), QUIET).warnings
    wanted = "none has a known class: cat" if name == "coco" else "has a known class: person (2), dog (1)"
    assert any(wanted in line and f"--set {name}.body=person" in line for line in told)


def test_names_in_voc_are_found_in_either_case(tmp_path):
    draw(tmp_path / "JPEGImages/a.jpg", WIDE, TALL)
    write(tmp_path / "Annotations/a.xml", VOC_XML.replace("person", " Face "))
    assert len(every(reader("voc", tmp_path))["a"].boxes) == 2
