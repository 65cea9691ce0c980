"""Classes and label images as files: what is written is read back as it was; what is wrong is told by file."""

import io

import numpy as np
import pytest
from PIL import Image

from inkbench.benchmark.errors import UsageError
from inkbench.submissions.findings import Report
from inkbench.submissions.formats import labels, scores
from inkbench.submissions.formats.files import Folder, Rooted
from inkbench.submissions.formats.spec import Spec
from inkbench.tasks.metrics import classification, segmentation

IDS = ["s/1_0", "s/1_1", "t/2_0"]
CLASSES = {"classes": ["ant", "bee", "2", "cat"]}


def laid(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def refusal(form, folder, truths, options=CLASSES):
    with pytest.raises(UsageError) as caught:
        form.read(folder, IDS, truths, options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- classes
def predicted():
    rng = np.random.default_rng(0)
    found = [{"scores": rng.random(4, dtype=np.float32), "stages": rng.random((5, 4))} for _ in IDS]
    names = [CLASSES["classes"][int(one["scores"].argmax())] for one in found]
    return found, {"id": np.array(IDS), "predicted": np.array(names)}


TRUTHS = [{"label": np.array(k)} for k in (0, 2, 1)]


def test_scores_come_back_as_they_were(tmp_path):
    found, items = predicted()
    files = scores.write(items, found, {}, Spec())
    assert set(files) == {"scores.csv"}
    back = scores.read(laid(tmp_path, files), IDS, TRUTHS, CLASSES)
    for one, other in zip(found, back, strict=True):
        np.testing.assert_array_equal(one["scores"], other["scores"].astype(np.float32))
    before = [{"scores": one["scores"]} for one in found]
    ours, theirs = (classification.score_items(some, TRUTHS, **CLASSES) for some in (before, back))
    assert classification.aggregate(ours) == classification.aggregate(theirs)


def test_one_class_an_image_by_name_or_place(tmp_path):
    found, items = predicted()
    files = scores.write(items, found, {}, Spec("classes"))
    back = scores.read(laid(tmp_path / "a", files), IDS, TRUTHS, CLASSES)
    assert [int(one["scores"].argmax()) for one in back] == [int(one["scores"].argmax()) for one in found]
    by_place = laid(tmp_path / "b", {"c.csv": "id,class\ns/1_0,1\ns__1_1,2\nt/2_0.jpg,4\n"})
    back = scores.read(by_place, IDS, TRUTHS, CLASSES)
    assert [int(one["scores"].argmax()) for one in back] == [0, 2, 3], "'2' is the name of the third class"


def test_a_head_of_names_may_stand_in_any_order(tmp_path):
    told = "id,cat,ant,bee,2\ns/1_0,4,1,2,3\ns/1_1,0,0,0,1\nt/2_0,0,0,1,0\n"
    back = scores.read(laid(tmp_path, {"x.csv": told}), IDS, TRUTHS, CLASSES)
    assert back[0]["scores"].tolist() == [1, 2, 3, 4]


LINES = "s/1_0,1,0,0,0\ns/1_1,0,1,0,0\nt/2_0,0,0,1,0\n"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"x.csv": LINES}, "has no header that begins with id"),
        ({"x.csv": "id,a,b\n" + LINES}, "3 lines with another number of columns than the header"),
        ({"x.csv": "id,score_1,score_2\ns/1_0,1,2\n"}, "has 2 columns of scores (score_1, score_2) for 4 classes"),
        ({"x.csv": f"id,ant,bee,cat,dog\n{LINES}"}, "has 4 columns of scores (ant, bee, cat, dog) for 4 classes"),
        ({"x.csv": f"id,score_1,score_2,score_3,score_4\n{LINES[:28]}"}, "1 of 3 images missing: t/2_0"),
        ({"x.csv": "id,score_1,score_2,score_3,score_4\n" + LINES + "s__1_0,0,0,0,1\n"}, "1 duplicate id"),
        ({"x.csv": "id,score_1,score_2,score_3,score_4\n" + LINES.replace("1", "nan", 3)}, "NaN or infinite values"),
        ({"x.csv": "id,score_1,score_2,score_3,score_4\n" + LINES.replace(",1,0", ",much,0")}, "is not a number"),
        ({"x.csv": "id,class\ns/1_0,ant\ns/1_1,wasp\nt/2_0,9\n"}, "2 unknown classes: 9, wasp"),
        ({"x.csv": b"id,class\n\xff\xfe"}, "cannot be read"),
        ({"x.csv": "", "y.csv": ""}, "are several files of classes"),
        ({"x.txt": "id"}, "contains no classes"),
    ],
)
def test_classes_that_are_refused(tmp_path, files, said):
    assert said in refusal(scores, laid(tmp_path, files), TRUTHS)


def test_one_class_for_all_is_warned_of_and_strangers_are_left_out(tmp_path):
    told = "id,class\ns/1_0,ant\ns/1_1,ant\nt/2_0,ant\nu/9_9,bee\n"
    findings = []
    scores.read(laid(tmp_path, {"x.csv": told}), IDS, TRUTHS, CLASSES, findings)
    assert [finding.level for finding in findings] == ["warning", "warning"]
    assert "predicts the same class for every image" in str(findings[1])


def test_a_file_is_judged_without_a_reference_too(tmp_path):
    report = Report()
    files = Rooted(Folder(laid(tmp_path, {"scores.csv": "id,score_1,score_2\na,1,0\nb,0,1\n"})), report, flat=True)
    found = dict(scores.examine(files, None, None, {}, report))
    assert {item: one["scores"].tolist() for item, one in found.items()} == {"a": [1, 0], "b": [0, 1]}
    assert report.findings == []


# --- label images
def masks():
    rng = np.random.default_rng(1)
    return [{"mask": rng.integers(0, 4, (6, 9), dtype=np.uint8)} for _ in IDS]


def png(array) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def test_label_images_come_back_as_they_were_and_true_ones_have_every_optimum(tmp_path):
    files = labels.write({"id": np.array(IDS)}, masks(), {}, Spec())
    assert set(files) == {"s__1_0.png", "s__1_1.png", "t__2_0.png"}
    back = labels.read(laid(tmp_path, files), IDS, masks(), CLASSES)
    for one, other in zip(masks(), back, strict=True):
        np.testing.assert_array_equal(one["mask"], other["mask"])
    figures = segmentation.aggregate(segmentation.score_items(back, masks(), ids=IDS, **CLASSES))
    assert set(figures.values()) == {1.0}
    grey = {name: png(one["mask"]) for name, one in zip(files, masks(), strict=True)}
    back = labels.read(laid(tmp_path / "grey", grey), IDS, masks(), CLASSES)
    np.testing.assert_array_equal(back[0]["mask"], masks()[0]["mask"])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (png(np.zeros((6, 8), np.uint8)), "is 8 x 6 pixels, the truth 9 x 6"),
        (png(np.full((6, 9), 4, np.uint8)), "contains label 4; label each pixel 0 to 3"),
        (png(np.full((6, 9), 255, np.uint8)), "contains label 255"),
        (png(np.zeros((6, 9, 3), np.uint8)), "is RGB, not class numbers"),
        (png(np.zeros((6, 9), np.uint16)), "not class numbers"),
        (b"nothing", "cannot be read"),
        (None, "1 of 3 label images missing"),
    ],
)
def test_label_images_that_are_refused(tmp_path, data, said):
    files = labels.write({"id": np.array(IDS)}, masks(), {}, Spec())
    files = {name: content for name, content in (files | {"s__1_1.png": data}).items() if content is not None}
    assert said in refusal(labels, laid(tmp_path, files), masks())


def test_what_is_no_label_image_is_not_written():
    with pytest.raises(UsageError, match=r"the mask of item s/1_0 is float64 \(6, 9\), not uint8"):
        labels.write({"id": np.array(IDS)}, [{"mask": np.zeros((6, 9))}] * 3, {}, Spec())


def test_one_label_everywhere_is_warned_of(tmp_path):
    files = labels.write({"id": np.array(IDS)}, [{"mask": np.zeros((6, 9), np.uint8)}] * 3, {}, Spec())
    findings = []
    labels.read(laid(tmp_path, files), IDS, masks(), CLASSES, findings)
    assert len(findings) == 3
    assert "has label 0 everywhere" in str(findings[0])
