"""Submissions as others write them: whose numbers, in which units, in what zip, in which pictures; and what is told."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from submission_data import gaze_folder, good, zipped

from inkbench.benchmark.errors import UsageError
from inkbench.submissions.check import check
from inkbench.submissions.findings import Report
from inkbench.submissions.formats import boxes, maps
from inkbench.submissions.formats.box_rows import doubtful
from inkbench.submissions.formats.files import Folder, Rooted
from inkbench.submissions.formats.numbers import OWN
from inkbench.submissions.reference import Asked, form_of, read_reference
from inkbench.submissions.score import score, score_here

BOXES = {"face": (10.0, 8.0, 20.0, 24.0), "body": (40.0, 8.0, 30.0, 40.0)}


def coco_folder(root, numbers, categories):
    """A COCO folder whose test images b7, b8 and b9 have ``numbers``, and boxes that differ from image to image."""
    root.mkdir()
    for split, names in (("train", range(4)), ("val", (5, 6)), ("test", (7, 8, 9))):
        images, annotations = [], []
        for k, name in enumerate(names):
            number = numbers[k] if split == "test" else 100 + name
            (root / "images" / f"b{name}").mkdir(parents=True)
            pixels = np.random.default_rng(name).integers(0, 255, (64, 96, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(root / "images" / f"b{name}" / f"{name}.png")
            images.append({"id": number, "file_name": f"b{name}/{name}.png", "width": 96, "height": 64})
            for label, (x, y, w, h) in BOXES.items():
                box = [x + 3 * k, y + 2 * k, w, h]
                entry = {"image_id": number, "category_id": categories[label], "bbox": box, "iscrowd": 0}
                annotations.append({"id": len(annotations) + 1, "area": w * h, **entry})
        listed = [{"id": number, "name": name} for name, number in categories.items()]
        told = {"images": images, "annotations": annotations, "categories": listed}
        (root / f"{split}.json").write_text(json.dumps(told))
    return root


def perfect(numbers, categories, change=lambda entry: entry):
    """The truth of ``coco_folder`` as a results list of others."""
    rows = [
        {"image_id": number, "category_id": categories[label], "bbox": [x + 3 * k, y + 2 * k, w, h]}
        for k, number in enumerate(numbers)
        for label, (x, y, w, h) in BOXES.items()
    ]
    return [change({**row, "score": 0.9 - place / 100}) for place, row in enumerate(rows)]


def scored(root, rows, tmp_path, data=None):
    reference = read_reference(Asked("detection", str(root)))
    path = zipped(tmp_path / "x.zip", {"predictions.json": data or json.dumps(rows).encode()})
    return score_here(path, reference).metrics["ap"]["value"], path, reference


def told(path, reference):
    return check(path, form_of(reference.task), reference.read_options, reference)


def as_text(entry):
    return {**entry, "image_id": str(entry["image_id"]), "category_id": str(entry["category_id"])}


def as_float(entry):
    return {**entry, "image_id": float(entry["image_id"]), "category_id": float(entry["category_id"])}


@pytest.mark.parametrize(
    ("numbers", "categories"),
    [
        ((3, 1, 2), {"body": 1, "face": 2}),  # of the truth's own order, not ours
        ((0, 1, 2), {"face": 0, "body": 1}),  # from 0, in the truth too
        ((397133, 37777, 252219), {"face": 90, "body": 1}),
        (("b9", "b7", "b8"), {"face": "F", "body": "B"}),
    ],
)
@pytest.mark.parametrize("change", [dict, as_text, as_float])
def test_numbers_are_those_of_the_truths_own_file(numbers, categories, change, tmp_path):
    if change is as_float and isinstance(numbers[0], str):
        change = dict
    root = coco_folder(tmp_path / "ref", numbers, categories)
    value, path, reference = scored(root, perfect(numbers, categories, change), tmp_path)
    assert value == pytest.approx(1.0)
    assert told(path, reference) == []


def test_images_may_be_called_by_their_files_names(tmp_path):
    numbers, categories = (3, 1, 2), {"body": 1, "face": 2}
    root = coco_folder(tmp_path / "ref", numbers, categories)
    for spelled in ("b{}/{}.png", "b{}/{}", "b{}__{}.png"):
        names = {number: spelled.format(k, k) for number, k in zip(numbers, (7, 8, 9), strict=True)}
        rows = perfect(numbers, categories, lambda entry, names=names: {**entry, "image_id": names[entry["image_id"]]})
        assert scored(root, rows, tmp_path)[0] == pytest.approx(1.0)


def test_a_bundle_and_a_run_read_the_same_numbers(tmp_path):
    from inkbench.benchmark.data.own_numbers import reading_options
    from inkbench.submissions.program import Truth
    from inkbench.submissions.reference import reference_files
    from inkbench.submissions.server import lay

    numbers, categories = (3, 1, 2), {"body": 1, "face": 2}
    reference = read_reference(Asked("detection", str(coco_folder(tmp_path / "ref", numbers, categories))))
    lay(tmp_path / "laid", reference_files(reference, reference.options, True, {}))
    assert Truth.load(tmp_path / "laid").read_options[OWN] == json.loads(json.dumps(reference.read_options[OWN]))
    options = reading_options(reference.data, reference.ids, reference.options)
    (tmp_path / "p.json").write_text(json.dumps(perfect(numbers, categories)))
    found = boxes.read(tmp_path / "p.json", reference.ids, reference.truths, options)
    assert all(len(one["boxes"]) == 2 for one in found)
    path = zipped(tmp_path / "x.zip", {"predictions.json": json.dumps(perfect(numbers, categories)).encode()})
    assert score(path, reference).metrics["ap"]["value"] == pytest.approx(1.0), "through the server's own program"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: {**e, "image_id": e["image_id"] - 1}, "image numbers begin at 0"),
        (
            lambda e: {**e, "image_id": e["image_id"] + 50},
            "not in the reference: 51, 52, 53; image_id is that of the tr",
        ),
        (
            lambda e: {**e, "category_id": e["category_id"] - 1},
            "category_id 0; numbers begin at 0; there are 1 body, 2 f",
        ),
        (lambda e: {**e, "image_id": 1.5}, "neither number nor text"),
        (lambda e: {**e, "image_id": True}, "neither number nor text"),
    ],
)
def test_numbers_of_another_counting_are_refused_not_guessed(change, message, tmp_path):
    numbers, categories = (1, 2, 3), {"body": 1, "face": 2}
    root = coco_folder(tmp_path / "ref", numbers, categories)
    with pytest.raises(UsageError, match=message):
        scored(root, perfect(numbers, categories, change), tmp_path)


def test_results_over_all_splits_count_for_those_that_are_asked_about(tmp_path):
    numbers, categories = (3, 1, 2), {"body": 1, "face": 2}
    root = coco_folder(tmp_path / "ref", numbers, categories)
    others = [{"image_id": 105, "category_id": 1, "bbox": [1, 1, 9, 9], "score": 0.95}]
    value, path, reference = scored(root, perfect(numbers, categories) + others, tmp_path)
    assert value == pytest.approx(1.0)
    assert any("image_id 105" in finding.message and finding.level == "warning" for finding in told(path, reference))


# --- units


def test_boxes_in_shares_percents_and_corners_are_told():
    rng = np.random.default_rng(0)
    sides = np.tile([960.0, 640.0], (40, 1))
    begins = rng.uniform(0, 0.5, (40, 2))
    right = np.concatenate([begins, begins + rng.uniform(0.1, 0.4, (40, 2))], 1) * np.tile(sides, 2)
    assert doubtful(right, sides) == ""
    assert "shares of the image" in doubtful(right / np.tile(sides, 2), sides)
    assert "percents" in doubtful(right / np.tile(sides, 2) * 100, sides)
    as_corners = np.concatenate([right[:, :2], right[:, :2] + right[:, 2:]], 1)  # x1, y1 written as width and height
    assert doubtful(as_corners, sides)
    just_out = as_corners / 1.2
    assert "two corners" in doubtful(just_out, sides) or "far beyond" in doubtful(just_out, sides)
    tiny = np.array([[0.0, 0, 1, 1]])
    assert doubtful(tiny, np.array([[4.0, 4.0]])) == "", "a pixel of a tiny image"


@pytest.mark.parametrize("centred", [False, True])
def test_shares_are_told_by_check_and_score(centred, tmp_path, capsys):
    def share(entry):
        x, y, w, h = entry["bbox"]
        x, y = (x + w / 2, y + h / 2) if centred else (x, y)
        return {**entry, "bbox": [x / 96, y / 64, w / 96, h / 64]}

    numbers, categories = (1, 2, 3), {"body": 1, "face": 2}
    root = coco_folder(tmp_path / "ref", numbers, categories)
    path = scored(root, perfect(numbers, categories, share), tmp_path)[1]
    reference = read_reference(Asked("detection", str(root)))
    assert any("shares of the image" in finding.message for finding in told(path, reference))


# --- zips and texts


@pytest.fixture(scope="module")
def gaze(tmp_path_factory):
    return read_reference(Asked("saliency", str(gaze_folder(tmp_path_factory.mktemp("gaze") / "ref"))))


@pytest.mark.parametrize("prefix", ["./", ".//", "././", ""])
def test_names_with_a_dot_are_those_without(prefix, gaze, tmp_path):
    path = zipped(tmp_path / "x.zip", {prefix + name: data for name, data in good().items()})
    plain = zipped(tmp_path / "plain.zip", good())
    found = check(path, form_of(gaze.task), gaze.options, gaze, strict=True)
    assert [str(one) for one in found] == [
        str(one) for one in check(plain, form_of(gaze.task), gaze.options, gaze, strict=True)
    ]
    assert score(path, gaze).metrics == score(plain, gaze).metrics


def test_a_name_with_and_without_a_dot_is_there_twice(gaze, tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, data in [*good().items(), ("./" + next(iter(good())), b"")]:
            file.writestr(name, data)
    assert any("duplicate" in one.message for one in check(path, form_of(gaze.task), gaze.options, gaze))


@pytest.mark.parametrize(
    "name", ["./../up.png", ".\\..\\up.png", "./a/../../up.png", "/./up.png", "./C:/x/../../up.png"]
)
def test_names_that_climb_stay_refused(name, gaze, tmp_path):
    path = zipped(tmp_path / "x.zip", {**good(), name: b"x"})
    found = check(path, form_of(gaze.task), gaze.options, gaze)
    assert any(one.level == "error" and "path traversal" in one.message for one in found), found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_texts_are_read_with_any_byte_order_mark(encoding, tmp_path):
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    numbers, categories = (3, 1, 2), {"body": 1, "face": 2}
    root = coco_folder(tmp_path / "ref", numbers, categories)
    data = marks.get(encoding, b"") + json.dumps(perfect(numbers, categories)).encode(encoding)
    assert scored(root, None, tmp_path, data)[0] == pytest.approx(1.0)
    report = Report()
    (tmp_path / "p.csv").write_bytes(marks.get(encoding, b"") + "b7__7,10,8,30,32,face,0.5\n".encode(encoding))
    read = dict(boxes.examine(Rooted(Folder(tmp_path / "p.csv"), report, False), ["b7/7"], None, CLASSES, report))
    assert (len(read["b7/7"]["boxes"]), report.findings) == (1, [])


CLASSES = {"classes": ["face", "body"]}


@pytest.mark.parametrize(
    "files",
    [
        {"c6.tif": b"x"},
        {},
        {"a/b/c.png": b"x", "d.png": b"y"},
        {"Yves_01.png": b"x"},
    ],
)
def test_no_message_names_a_scratch_folder(files, gaze, tmp_path):
    path = zipped(tmp_path / "mine.zip", files)
    with pytest.raises(UsageError) as refused:
        score(path, gaze)
    assert "mine.zip has no score" in str(refused.value)
    assert "inkbench-score" not in str(refused.value)
    assert str(tmp_path / "mine.zip") in str(refused.value)


def test_a_bundle_that_is_damaged_is_told_without_a_scratch_folder(gaze, tmp_path):
    from inkbench.submissions.bundle import bundle
    from inkbench.submissions.score import score_with_bundle

    bundle(gaze, "codabench", tmp_path / "mine")
    path = zipped(tmp_path / "mine.zip2", good())
    for break_it in (
        lambda: (tmp_path / "mine" / "reference_data" / "reference.json").write_text("{"),
        lambda: (tmp_path / "mine" / "scoring_program" / "score.py").write_text("import nothing_of_this_name\n"),
        lambda: [
            (tmp_path / "mine" / "scoring_program" / name).write_text("") for name in ("metadata", "metadata.yaml")
        ],
    ):
        break_it()
        with pytest.raises(UsageError) as refused:
            score_with_bundle(path, tmp_path / "mine", run_bundle=True)
        assert not re.search(r"inkbench-(score|truth)-", str(refused.value)), refused.value


# --- maps as pictures


def decoded(image, **saving):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **saving)
    report = Report()
    return maps.decode("m.png", buffer.getvalue(), report), [finding.level for finding in report.findings]


VALUES = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def test_the_numbers_of_a_map_are_read_not_its_colours():
    grey = Image.fromarray(VALUES)
    opaque = Image.merge("LA", (grey, Image.new("L", grey.size, 255)))
    half = Image.merge("LA", (grey, Image.new("L", grey.size, 128)))
    overlay = Image.merge("RGBA", (*(Image.new("L", grey.size, value) for value in (255, 0, 0)), grey))
    palette = Image.fromarray(255 - VALUES, "L").convert("P")
    palette.putpalette([255 - k // 3 for k in range(768)])
    for image in (grey, opaque, half, overlay, palette, grey.convert("RGB"), grey.convert("RGBA")):
        values, levels = decoded(image)
        np.testing.assert_array_equal(values, VALUES, err_msg=image.mode)
        assert levels == ([] if image is grey else ["warning"])
    values, levels = decoded(Image.fromarray(VALUES.astype(np.uint16) * 200))
    np.testing.assert_array_equal(values, VALUES.astype(np.uint16) * 200)
    assert levels == ["warning"]


def test_colours_that_stand_for_values_are_refused():
    red = Image.fromarray(np.stack([VALUES, 255 - VALUES, VALUES // 2], 2))
    coloured = Image.fromarray(VALUES).convert("P")
    coloured.putpalette([value for k in range(256) for value in (k, 255 - k, 40)])
    both = Image.fromarray(np.stack([VALUES] * 3 + [255 - VALUES], 2), "RGBA")
    for image in (red, coloured, both):
        values, levels = decoded(image)
        assert values is None
        assert levels == ["error"]


def test_channels_of_16_bits_are_not_cut_without_a_word():
    from struct import pack
    from zlib import compress, crc32

    def chunk(kind, data):
        return pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data))

    def png(colour, channels):
        lines = b"".join(b"\0" + np.arange(8 * channels, dtype=">u2").tobytes() for _ in range(6))
        head = chunk(b"IHDR", pack(">IIBBBBB", 8, 6, 16, colour, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", compress(lines)) + chunk(b"IEND", b"")

    for colour, channels in ((2, 3), (4, 2), (6, 4)):
        report = Report()
        assert maps.decode("m.png", png(colour, channels), report) is None
        assert "16 bits" in report.findings[0].message
    assert maps.decode("m.png", png(0, 1), Report()).max() == 7


def test_maps_beyond_float32_are_scored_and_kept_as_they_are(gaze, tmp_path):
    truths = {item: truth["map"].astype(np.float64) for item, truth in zip(gaze.ids, gaze.truths, strict=True)}
    for scale in (1e306, 1e-50, 1e-315):
        files = {}
        for item, values in truths.items():
            buffer = io.BytesIO()
            np.save(buffer, values / values.max() * scale)
            files[f"{item}.npy"] = buffer.getvalue()
        found = score_here(zipped(tmp_path / "x.zip", files), gaze).metrics
        assert found["cc"]["value"] == pytest.approx(1, abs=1e-6)
        assert found["sim"]["value"] == pytest.approx(1, abs=1e-6)
    values = 1e6 + np.random.default_rng(0).random((5, 7))
    back = maps.decode("m.npy", maps.encode(values, maps.Spec("npy")), Report())
    np.testing.assert_array_equal(back, values)
    assert maps.decode("m.npy", maps.encode(values.astype(np.float32), maps.Spec("npy")), Report()).dtype == np.float32
