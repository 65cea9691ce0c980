import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures_of import draw, write

from inkbench.benchmark.contracts.dataset import Box
from inkbench.benchmark.data.layouts.char_reid import CharReid
from inkbench.benchmark.data.reading.appearances import paired
from inkbench.benchmark.data.reading.character_lists import Instance, face_square
from inkbench.benchmark.errors import UsageError

HEADER = "series_id,page_id,type,index,char_index,x_0,y_0,x1,y_1\n"
SERIES = {"train": "10", "val": "20", "test": "30"}


def reid(root: Path) -> Path:
    """One series a split with two characters, of which the second has no body in panel 1."""
    for split, series in SERIES.items():
        faces = {"a": [f"{series}_1_0_face_0", f"{series}_1_1_face_0"], "b": [f"{series}_1_0_face_1"]}
        bodies = {"a": [f"{series}_1_0_body_0"], "b": [f"{series}_1_0_body_1"]}
        write(root / f"{split}_char_faces.json", json.dumps(faces))
        write(root / f"{split}_char_bodies.json", json.dumps(bodies))
        for panel, index in (("1_0", 0), ("1_0", 1), ("1_1", 0)):
            draw(root / f"comics_crops_large_faces/{series}/{panel}/{index}.jpg")
        for index in (0, 1):
            draw(root / f"comics_crops/{series}/1_0/bodies/{index}.jpg")
        sequence = {
            "seq_id": "+".join(f"{series}_1_{k}" for k in range(4)),
            "annotations": [
                {"charId": "a", "charInstances": [{"face": f"{series}_1_0_face_0", "body": f"{series}_1_0_body_0"}]},
                {"charId": "b", "charInstances": [{"face": f"{series}_1_0_face_1", "speech_bubbles": []}]},
            ],
        }
        prefix = "validation" if split == "val" else split
        write(root / f"{prefix}_sequences.json", json.dumps([sequence]))
    return root


def with_panels(root: Path) -> Path:
    rows = []
    for series in SERIES.values():
        draw(root / f"raw_panel_images/{series}/1_0.jpg", 100, 80)
        rows += [
            f"{series},1_0,face,0,0,10,10,30,50",
            f"{series},1_0,body,0,0,5,5,60,99",
            f"{series},1_0,face,7,4,2,2,9,9",
        ]
    write(root / "merged_face_body.csv", HEADER + "\n".join(rows) + "\n")
    return root


def test_instances_have_identity_series_panel_and_split(tmp_path):
    dataset = CharReid(reid(tmp_path))
    assert dataset.offers() == {"identities", "faces", "bodies", "characters", "face_pairs", "body_pairs"}
    assert dataset.classes("identities") == ("a", "b")
    assert dataset.classes() == ()
    for split, series in SERIES.items():
        instances = dataset.instances(split)
        assert len(instances) == 5
        first = instances[0]
        assert (first.id, first.kind, first.identity) == (f"{series}_1_0_face_0", "face", "a")
        assert (first.series, first.panel, first.split) == (series, f"{series}/1_0", split)
        assert first.path == tmp_path / f"comics_crops_large_faces/{series}/1_0/0.jpg"
        assert instances[-1].path == tmp_path / f"comics_crops/{series}/1_0/bodies/1.jpg"
        assert first.crop is None


def test_sequences_of_validation_have_a_longer_prefix(tmp_path):
    [sequence] = CharReid(reid(tmp_path)).sequences("val")
    assert sequence.panels == ("20/1_0", "20/1_1", "20/1_2", "20/1_3")
    assert (sequence.series, sequence.split) == ("20", "val")
    assert sequence.characters == {"a": (("20_1_0_face_0", "20_1_0_body_0"),), "b": (("20_1_0_face_1", None),)}


def test_panels_have_boxes_with_identities_where_the_raw_panels_are(tmp_path):
    dataset = CharReid(with_panels(reid(tmp_path)))
    assert dataset.offers() > {"identities", "panels", "boxes:face", "boxes:body"}
    [panel] = dataset.items("panels", "test")
    assert panel.id == "30/1_0"
    assert panel.boxes == (
        Box("face", 10, 10, 30, 50, "a"),
        Box("body", 5, 5, 60, 80, "a"),
        Box("face", 2, 2, 9, 9, None),
    )
    assert any("merged_face_body.csv:9: box extends beyond the image (clamped)" in line for line in dataset.warnings)


def test_an_instance_without_a_file_is_cut_from_its_panel_or_named(tmp_path):
    (with_panels(reid(tmp_path)) / "comics_crops_large_faces/10/1_0/0.jpg").unlink()
    (tmp_path / "comics_crops/10/1_0/bodies/1.jpg").unlink()
    dataset = CharReid(tmp_path)
    instances = {instance.id: instance for instance in dataset.instances("train")}
    face = instances["10_1_0_face_0"]
    assert (face.path, face.crop) == (tmp_path / "raw_panel_images/10/1_0.jpg", (0, 6, 44, 54))
    assert "10_1_0_body_1" not in instances
    assert "instances without a crop left out (1): 10_1_0_body_1" in dataset.warnings


def test_the_square_of_a_face_as_the_authors_cut_it():
    """reference: scaled (8, 6, 32, 54), the shorter side grown symmetrically, cut towards zero, then clamped."""
    assert face_square((10, 10, 30, 50)) == (-4, 6, 44, 54)
    assert face_square((10, 10, 30, 50), (40, 50)) == (0, 6, 40, 50)
    assert face_square((1, 10, 12, 15))[:2] == (0, 5), "-0.1 becomes 0, not -1"


@given(st.tuples(*[st.integers(0, 200)] * 2), st.tuples(*[st.integers(1, 80)] * 2))
def test_the_square_is_one_and_holds_the_face(corner, size):
    (x, y), (width, height) = corner, size
    left, top, right, bottom = face_square((x, y, x + width, y + height))
    assert abs((right - left) - (bottom - top)) <= 2, "each side is cut by less than a pixel"
    assert left <= x
    assert top <= y
    assert right >= x + width
    assert bottom >= y + height


def test_a_series_in_two_splits_is_held_out_as_a_whole(tmp_path):
    write(reid(tmp_path) / "val_char_faces.json", json.dumps({"z": ["10_1_1_face_5"]}))
    draw(tmp_path / "comics_crops_large_faces/10/1_1/5.jpg")
    dataset = CharReid(tmp_path)
    assert dataset.instances("train") == []
    assert {instance.series for instance in dataset.instances("val")} == {"10", "20"}
    assert any("1 series into several splits: 10" in line for line in dataset.warnings)


def test_the_sidecar_is_the_split_and_gives_the_style(tmp_path):
    known = {"10": {"split": "test", "style": "toon"}, "20": {"split": "train"}, "30": {"split": "val"}}
    write(reid(tmp_path) / "series.json", json.dumps(known))
    dataset = CharReid(tmp_path)
    assert {(entry.series, entry.style) for entry in dataset.instances("test")} == {("10", "toon")}
    assert dataset.sequences("test")[0].series == "10"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "val_char_faces.json",
            '{"a": ["20_face_0"]}',
            "a: '20_face_0' is not SERIES_PAGE_PANEL_face|body_K",
        ),
        ("val_char_faces.json", '{"a": 3}', "character a is int, not a list"),
        ("val_char_faces.json", '{"a": ["10_1_0_face_0"]}', "10_1_0_face_0 also belongs to a of train"),
        ("val_char_faces.json", "{", "is not JSON"),
        ("merged_face_body.csv", HEADER.replace("x1", "x_1"), "no column x1 in its first line"),
        ("merged_face_body.csv", HEADER + "20,1_0,hand,0,0,1,2,3,4\n", ":2: type 'hand' is neither face nor body"),
        ("merged_face_body.csv", HEADER + "20,1_0,face,0,0,1,2,3\n", ":2: 8 values for 9 columns"),
    ],
)
def test_malformed_files_are_refused_with_file_and_place(tmp_path, name, text, said):
    write(with_panels(reid(tmp_path)) / name, text)
    dataset = CharReid(tmp_path)
    with pytest.raises(UsageError) as caught:
        dataset.items("panels", "train")
    assert name in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_faces_and_bodies_are_items_and_pairs_lie_in_one_order(tmp_path):
    dataset = CharReid(reid(tmp_path))
    for split in SERIES:
        faces, bodies = (dataset.items(kind, split) for kind in ("faces", "bodies"))
        assert {item.id for item in (*faces, *bodies)} == {instance.id for instance in dataset.instances(split)}
        pairs = dataset.items("face_pairs", split), dataset.items("body_pairs", split)
        assert [(item.panel, item.identity) for item in pairs[0]] == [(item.panel, item.identity) for item in pairs[1]]
        assert set(pairs[0]) <= set(faces)
        assert set(pairs[1]) <= set(bodies)


def edited(path: Path, change) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_what_tells_characters_apart_and_the_strips_that_name_an_appearance(tmp_path):
    root = with_panels(reid(tmp_path))
    strip = "30_1_0+30_1_1+30_1_2+30_1_3"
    second = {"seq_id": "30_2_0+30_2_1", "annotations": [{"charId": "b", "charInstances": [{"face": "30_1_0_face_1"}]}]}
    edited(root / "test_sequences.json", lambda sequences: sequences.append(second))
    edited(root / "test_char_faces.json", lambda faces: faces.update(c=["30_1_1_face_3"]))
    draw(root / "comics_crops_large_faces/30/1_1/3.jpg")
    dataset = CharReid(root)
    faces = {item.id: item for item in dataset.items("faces", "test")}
    assert faces["30_1_0_face_0"].apart == (strip,)
    assert faces["30_1_0_face_1"].apart == (strip, "30_2_0+30_2_1")
    assert faces["30_1_1_face_0"].apart == (strip,), "its character is named, though not this appearance"
    assert (faces["30_1_0_face_0"].strips, faces["30_1_1_face_0"].strips) == ((strip,), ())
    assert faces["30_1_1_face_3"].apart == ("character c",), "told apart from nobody"
    assert (faces["30_1_0_face_0"].place, faces["30_1_0_face_1"].place) == ((10, 10, 30, 50), None)
    assert dataset.strips("test")[strip] == ("30/1_0", "30/1_1", "30/1_2", "30/1_3")
    assert dataset.strips("val").keys() == {"20_1_0+20_1_1+20_1_2+20_1_3"}


def test_without_sequences_a_cast_is_exact_and_that_is_said(tmp_path):
    dataset = CharReid(reid(tmp_path))
    for name in ("train", "validation", "test"):
        (tmp_path / f"{name}_sequences.json").unlink()
    assert {item.apart for item in dataset.items("faces", "test")} == {()}
    assert "no sequences: all characters of a series are assumed to differ" in dataset.warnings


def test_characters_are_a_face_a_body_or_both(tmp_path):
    """One pair is annotated, one is the boxes' file's, one stands alone in its panel; the rest are halves."""
    root = with_panels(reid(tmp_path))
    lists = {
        "faces": {"a": ["30_1_0_face_0", "30_1_1_face_0", "30_1_2_face_0", "30_1_2_face_1"], "b": ["30_1_0_face_1"]},
        "bodies": {"a": ["30_1_0_body_0", "30_1_2_body_0", "30_1_2_body_1"], "b": ["30_1_0_body_1", "30_1_3_body_0"]},
    }
    for part, of in lists.items():
        write(root / f"test_char_{part}.json", json.dumps(of))
    for index in (0, 1):
        draw(root / f"comics_crops_large_faces/30/1_2/{index}.jpg")
        draw(root / f"comics_crops/30/1_2/bodies/{index}.jpg")
    draw(root / "comics_crops/30/1_3/bodies/0.jpg")
    rows = ["30,1_2,face,0,5,1,1,9,9", "30,1_2,body,1,5,1,1,9,9", "30,1_2,face,1,6,1,1,9,9", "30,1_2,body,0,7,1,1,9,9"]
    write(root / "merged_face_body.csv", (root / "merged_face_body.csv").read_text() + "\n".join(rows) + "\n")
    items = CharReid(root).items("characters", "test")
    assert [item.id for item in items] == [
        "30_1_0_face_0+30_1_0_body_0",
        "30_1_1_face_0",
        "30_1_2_face_0+30_1_2_body_1",
        "30_1_2_face_1",
        "30_1_0_face_1+30_1_0_body_1",
        "30_1_2_body_0",
        "30_1_3_body_0",
    ]
    both, alone = items[0], items[-1]
    assert list(both.parts) == ["face", "body"]
    assert both.parts["body"].path == root / "comics_crops/30/1_0/bodies/0.jpg"
    assert (both.identity, both.panel, both.path) == ("a", "30/1_0", both.parts["face"].path)
    assert (list(alone.parts), alone.path) == (["body"], alone.parts["body"].path)


def test_a_pair_of_two_characters_or_panels_is_none():
    """What is said is checked: whose they are and where, and that one is a face and the other a body."""
    shown = {
        name: Instance(name, Path(name), kind, identity, "s", panel, "test")
        for name, kind, identity, panel in [
            ("f", "face", "a", "p"),
            ("g", "face", "a", "p"),
            ("x", "body", "b", "p"),
            ("y", "body", "a", "q"),
            ("z", "body", "a", "p"),
        ]
    }
    said = [("f", "x"), ("f", "y"), ("f", "g"), ("z", "f"), ("f", None), ("f", "gone"), ("g", "z"), ("f", "z")]
    assert paired(shown, said) == [("f", None), ("g", "z"), (None, "x"), (None, "y")]
