"""Predictions as files: what is written is read back as it was, whatever the form; what is wrong is told by file."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkbench.benchmark.errors import UsageError
from inkbench.submissions.findings import Report
from inkbench.submissions.formats import boxes, embeddings, images, maps
from inkbench.submissions.formats.files import Folder, Rooted
from inkbench.submissions.formats.names import Names, flat
from inkbench.submissions.formats.spec import Spec
from inkbench.tasks.metrics import reid
from inkbench.tasks.metrics.retrieval import retrieval

IDS = ["s/1_0", "s/1_1", "t/2_0"]
CLASSES = {"classes": ["face", "body"]}
SIZES = [{"size": np.array([90, 60])}] * 3


def laid(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def some_boxes(rng, many):
    corners = rng.uniform(0, 50, (many, 2)).astype(np.float32)
    found = np.concatenate([corners, corners + rng.uniform(1, 9, (many, 2)).astype(np.float32)], 1)
    return {"boxes": found, "scores": rng.random(many, dtype=np.float32), "labels": rng.integers(0, 2, many)}


@pytest.fixture
def detected():
    rng = np.random.default_rng(3)
    return [some_boxes(rng, many) for many in (4, 0, 3)]


ITEMS = {"id": np.array(IDS), "height": np.array([7, 7, 7]), "width": np.array([5, 5, 5])}


def test_names_of_files():
    assert flat("s/1_0") == "s__1_0"
    names = Names(IDS)
    assert [names.find(way) for way in ("s/1_0.png", "s__1_0.png", "maps/s/1_0.png", "x/y/s__1_0.png")] == ["s/1_0"] * 4
    assert (names.find("1_0.png"), names.near("S__1_0.png")) == (None, "s/1_0")
    assert Names(["a.png", "a.jpg"]).find("a.png.npy") == "a.png"
    composed, parted = "caf\u00e9/1", "cafe\u0301/1"
    for known, asked in ((composed, parted), (parted, composed)):
        assert Names([known]).find(f"{asked}.png") == known, "a zip made on macOS"
        assert Names([known]).near(f"{asked.upper()}.png") == known
    assert Names(["vol.3_p03"]).find("vol.3_p03") == Names(["vol.3_p03"]).find("vol.3_p03.png") == "vol.3_p03"
    for ids in (["a/b", "a__b"], ["a/b", "A/b"], [composed, parted]):
        with pytest.raises(UsageError, match="would both be"):
            Names(ids)
    for wrong in ("../a", "/a", "a//b", "a\\b", "C:a", "a\nb", ""):
        with pytest.raises(UsageError, match="cannot be the name of a file"):
            flat(wrong)


@pytest.mark.parametrize("form", boxes.FORMS)
def test_boxes_come_back_as_they_were(tmp_path, detected, form):
    files = boxes.write(ITEMS, detected, CLASSES, Spec(form))
    assert files == boxes.write(ITEMS, detected, CLASSES, Spec(form))
    found = []
    for entry, back in zip(detected, boxes.read(laid(tmp_path, files), IDS, SIZES, CLASSES, found), strict=True):
        for key, values in entry.items():
            np.testing.assert_array_equal(back[key], values, err_msg=key)
    assert found == []


def test_boxes_by_place_by_name_and_by_an_index(tmp_path):
    def rows(*entries):
        return json.dumps([{"bbox": [1, 2, 3, 4], "score": 0.5 + k / 10, **e} for k, e in enumerate(entries)]).encode()

    found = boxes.read(
        laid(
            tmp_path / "a",
            {"x.json": rows({"image_id": 3, "category_id": 2}, {"image_id": "s/1_1.jpg", "category_id": "face"})},
        ),
        IDS,
        SIZES,
        CLASSES,
    )
    assert [len(entry["labels"]) for entry in found] == [0, 1, 1]
    assert (found[1]["labels"][0], found[2]["labels"][0]) == (0, 1)
    np.testing.assert_array_equal(found[1]["boxes"], [[1, 2, 4, 6]])
    told = {"images": [{"id": 70, "file_name": "s/1_0.jpg"}], "categories": [{"id": 9, "name": "body"}]}
    folder = laid(
        tmp_path / "b", {"x.json": rows({"image_id": 70, "category_id": 9}), "images.json": json.dumps(told).encode()}
    )
    assert boxes.read(folder, IDS, SIZES, CLASSES)[0]["labels"].tolist() == [1]
    assert boxes.read(
        folder / "x.json", ["a"] * 0 + [f"i{k}" for k in range(70)], [{}] * 70, {"classes": list("abcdefghi")}
    )[69]["labels"].tolist() == [8]


def coco(**changes):
    entry = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5} | changes
    return json.dumps([{key: value for key, value in entry.items() if value is not ...}]).encode()


COMIX = {"images": [{"id": 1, "file_name": "s/1_0"}], "categories": [{"id": 1, "name": "face"}]}


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.json", b"{", "is not JSON"),
        ("x.json", b"[" * 100_000, "is not JSON"),
        ("x.json", b"3", "contains a int"),
        ("x.json", b"{}", "without annotations"),
        ("x.json", b"[4]", "entry 0 .from 0. is not a dictionary"),
        ("x.json", coco(score=...), "lacks score"),
        ("x.json", coco(score=float("nan")), "NaN or infinite"),
        ("x.json", coco(score="high"), "score that is not a number"),
        ("x.json", coco(bbox=[1, 2, 3]), "bbox that is not four numbers"),
        ("x.json", coco(bbox=[9, 9, -3, 4]), "bbox of -3 x 4"),
        ("x.json", coco(image_id=None), "neither number nor text"),
        ("x.json", coco(image_id=9), "on images that are not in the reference: 9"),
        ("x.json", coco(category_id=3), "category_id 3; there are 1 face, 2 body"),
        ("x.json", coco(category_id="panel"), "classes that are not scored: panel"),
        ("x.json", json.dumps(COMIX | {"annotations": {}}).encode(), "annotations that are not a list"),
        (
            "x.json",
            json.dumps(COMIX | {"annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 1, 1]}]}).encode(),
            "annotation 0 .from 0. lacks score",
        ),
        ("x.json", json.dumps({"images": COMIX["images"] * 2, "annotations": []}).encode(), "several images with id 1"),
        (
            "x.json",
            json.dumps({"images": [3], "annotations": []}).encode(),
            "images that are not a list of id and file_name",
        ),
        ("x.csv", b"s__1_0,1,2,3,4,face", "line 1 has 6 columns, not 7"),
        ("x.csv", b"s__1_0,1,2,3,four,face,.5", "are not numbers"),
        ("x.csv", b"s__1_0,9,2,3,4,face,.5", "ends before it begins"),
        ("x.csv", b"\xff\xff", "is not CSV"),
        ("x.txt", b"", "contains no file of boxes"),
    ],
)
def test_boxes_that_are_refused(tmp_path, name, data, message):
    with pytest.raises(UsageError, match=message):
        boxes.read(laid(tmp_path, {name: data}), IDS, SIZES, CLASSES)


def test_faults_of_many_rows_are_told_once(tmp_path):
    lines = "\n".join(["s__1_0,1,2,3,nan,face,0.5"] * 40)
    report = Report()
    folder = Folder(laid(tmp_path, {"x.csv": lines.encode()}))
    list(boxes.examine(Rooted(folder, report, True), IDS, SIZES, CLASSES, report))
    assert [str(finding) for finding in report.errors] == [
        "error: x.csv: line 1 has a corner or score that is NaN or infinite (and 39 more); write finite numbers"
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(1, 1, [1, 1, 200, 300], 0.5)], "1 of 1 box far beyond"),
        ([(1, 1, [1, k, 2, 3], 0.5) for k in range(9)], "100% of the boxes share their score"),
        ([(1, 1, [1, 1, 2, 3], 0.5)] * 2, "1 duplicate box with"),
        ([(1, 1, [1, 1, 2, 3], k / 999) for k in range(101)], "more than 100 boxes of a class"),
        (
            [(1, 1, [1, 1, 2, 3], 0.5), ("q.png", 1, [1, 1, 2, 3], 0.6)],
            "1 box on images that are not in the reference: q.png",
        ),
        (
            [(1, 1, [1, 1, 2, 3], 0.5), (1, "panel", [1, 1, 2, 3], 0.6)],
            "1 box of classes that are not scored: panel",
        ),
        ([], "contains no box"),
    ],
)
def test_boxes_that_are_legal_but_doubtful_are_warned_of(tmp_path, rows, message):
    keys = ("image_id", "category_id", "bbox", "score")
    data = json.dumps([dict(zip(keys, row, strict=True)) for row in rows]).encode()
    found = []
    boxes.read(laid(tmp_path, {"x.json": data}), IDS, SIZES, CLASSES, found)
    assert any(message in finding.message for finding in found), found


@pytest.fixture
def vectors():
    return [{"embedding": row} for row in np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)]


@pytest.mark.parametrize("form", ["npz", "npy", "csv"])
def test_embeddings_come_back_as_they_were(tmp_path, vectors, form):
    files = embeddings.write(ITEMS, vectors, {}, Spec(form))
    assert files == embeddings.write(ITEMS, vectors, {}, Spec(form))
    back = embeddings.read(laid(tmp_path, files), IDS, [{}] * 3, {})
    for entry, found in zip(vectors, back, strict=True):
        np.testing.assert_array_equal(found["embedding"], entry["embedding"])


def npz(**arrays):
    import io

    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


TOO_LONG = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999,)}".ljust(118)
EYE = np.eye(3, dtype=np.float32)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"e.npz": b"PK"}, "cannot be read"),
        ({"e.npz": npz(id=np.array(IDS))}, "it holds id, not id and embedding"),
        ({"e.npz": npz(id=np.array(IDS[:2]), embedding=EYE)}, "2 ids and vectors float32 of shape"),
        ({"e.npz": npz(id=np.array([*IDS[:2], "q"]), embedding=EYE)}, "1 of 3 items missing: t/2_0"),
        ({"e.npz": npz(id=np.array([*IDS, IDS[0]]), embedding=np.eye(4))}, "1 duplicate id: s/1_0"),
        ({"e.npz": npz(id=np.array(IDS), embedding=EYE * [1, np.nan, 1])}, "3 vectors with NaN"),
        ({"e.npy": npz()}, "there is no ids.csv next to it"),
        (
            {
                "e.npy": TOO_LONG,
                "ids.csv": b"a\n",
            },
            "its header announces",
        ),
        ({"e.csv": b"s__1_0,1,2\ns__1_1,1\n"}, "different numbers of columns"),
        ({"e.csv": b"s__1_0,1,two\n"}, "could not convert"),
        ({"a.csv": b"", "b.npz": b""}, "are several files of embeddings"),
        ({"a.txt": b""}, "contains no embeddings"),
        ({"r.json": b"[]"}, "not a dictionary of lists"),
        ({"r.json": json.dumps({IDS[0]: IDS[1:]}).encode()}, "2 of 3 items without a list"),
        ({"r.json": json.dumps({item: ["q"] for item in IDS}).encode()}, "not in the reference: 3 lists"),
        (
            {"r.json": json.dumps({IDS[0]: [IDS[1]] * 2, IDS[1]: [], IDS[2]: []}).encode()},
            "ranks an item twice: 1 list",
        ),
    ],
)
def test_embeddings_that_are_refused(tmp_path, files, message):
    with pytest.raises(UsageError, match=message):
        embeddings.read(laid(tmp_path, files), IDS, [{}] * 3, {})


@pytest.mark.seconds
def test_ranked_lists_score_as_the_vectors_that_rank_them(tmp_path):
    rng = np.random.default_rng(1)
    ids = [f"c/{k}" for k in range(40)]
    truths = [
        {
            "identity": np.array(f"who {rng.integers(6)}"),
            "series": np.array(f"s{k % 3}"),
            "panel": np.array(f"p{k // 4}"),
        }
        for k in range(40)
    ]
    seen = [{"embedding": row} for row in rng.standard_normal((40, 4))]
    files = embeddings.write({"id": np.array(ids)}, seen, {}, Spec("ranked"))
    ranked = embeddings.read(laid(tmp_path, files), ids, truths, {})
    for exclude in ("none", "panel"):
        whole = reid.aggregate(reid.score_items(seen, truths, exclude=exclude))
        listed = reid.aggregate(reid.score_items(ranked, truths, exclude=exclude))
        assert set(whole) - set(listed) == {*reid.PAIRS, *reid.CLUSTERS}
        assert listed == pytest.approx({name: whole[name] for name in listed}, abs=1e-12)
    assert set(reid.aggregate(reid.score_items(seen, truths, **reid.served({"threshold": 1})))) == {
        *listed,
        *reid.PAIRS,
    }


def test_who_is_not_listed_is_not_found():
    lists = [[3, 1], [3], [0, 1, 3], []]
    figures = retrieval([np.array(row, dtype=int) for row in lists], np.array([*"aaab"]))
    np.testing.assert_allclose(figures["map"], [0.25, 0, 1, np.nan])
    np.testing.assert_allclose(figures["mrr"], [0.5, 0, 1, np.nan])
    np.testing.assert_allclose(figures["p@1"], [0, 0, 1, np.nan])
    np.testing.assert_allclose(figures["map@r"], [0.25, 0, 1, np.nan])


def test_pictures_come_back_as_they_were(tmp_path):
    rng = np.random.default_rng(0)
    faces = [{"face": rng.integers(0, 256, (8, 6, 3), dtype=np.uint8)} for _ in IDS]
    files = images.write(ITEMS, faces, {}, Spec())
    assert sorted(files) == ["s__1_0.png", "s__1_1.png", "t__2_0.png"]
    for entry, back in zip(faces, images.read(laid(tmp_path, files), IDS, faces, {}), strict=True):
        np.testing.assert_array_equal(back["face"], entry["face"])
    other = [{"face": np.zeros((9, 9, 3))}] * 3
    with pytest.raises(UsageError, match=r"s__1_0\.png: is 6 x 8 pixels, the truth 9 x 9"):
        images.read(tmp_path, IDS, other, {})
    for mode, refused in (("I;16", True), ("L", False), ("RGBA", False)):
        Image.new(mode, (6, 8), 7).save(tmp_path / "s__1_0.png")
        found = []
        if refused:
            with pytest.raises(UsageError, match="16-bit"):
                images.read(tmp_path, IDS, faces, {})
        else:
            images.read(tmp_path, IDS, faces, {}, found)
            assert found[0].message == f"is {mode}, not RGB"
    (tmp_path / "s__1_0.png").write_bytes(b"\x89PNG")
    with pytest.raises(UsageError, match=r"s__1_0\.png: cannot be read"):
        images.read(tmp_path, IDS, faces, {})


def test_maps_from_a_folder_with_folders(tmp_path):
    truths = [{"map": np.ones((7, 5), np.uint8)}] * 3
    seen = [{"map": np.random.default_rng(k).random((4, 4)).astype(np.float32)} for k in range(3)]
    flat_files = maps.write(ITEMS, seen, {}, Spec("npy", size="own"))
    nested = {name.replace("__", "/"): data for name, data in flat_files.items()}
    for place, files in (("flat", flat_files), ("nested", nested)):
        found = []
        back = maps.read(laid(tmp_path / place, files), IDS, truths, {}, found)
        for entry, other in zip(seen, back, strict=True):
            np.testing.assert_array_equal(other["map"], entry["map"])
        assert len(found) == 3
        assert "is 4 x 4 pixels, the truth 5 x 7" in found[0].message
    (tmp_path / "flat" / "copy").mkdir()
    (tmp_path / "flat" / "copy" / "s__1_0.npy").write_bytes(flat_files["s__1_0.npy"])
    with pytest.raises(UsageError, match=r"s__1_0\.npy: is a duplicate of copy/s__1_0\.npy"):
        maps.read(tmp_path / "flat", IDS, truths, {})
    with pytest.raises(UsageError, match="no file or folder"):
        maps.read(tmp_path / "none", IDS, truths, {})


def test_a_log_density_is_refused(tmp_path):
    density = np.random.default_rng(0).random((7, 5))
    files = {f"{flat(item)}.npy": density for item in IDS}
    for name, values in files.items():
        np.save(tmp_path / name, np.log(values / values.sum()))
    with pytest.raises(UsageError, match=r"looks like a log-density.*save its exponential"):
        maps.read(tmp_path, IDS, [{"map": np.ones((7, 5))}] * 3, {})


def test_a_head_of_a_csv_is_passed_over(tmp_path):
    rows = [["image", "xmin", "ymin", "xmax", "ymax", "class", "score"], ["s/1_0.jpg", 1, 2, 3, 4, "body", 0.25]]
    with (tmp_path / "x.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    assert boxes.read(tmp_path, IDS, SIZES, CLASSES)[0]["scores"].tolist() == [0.25]
