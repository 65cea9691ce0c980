"""Windows of three panels: who stands in them, where the hole lies, whose face is the reference."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures_of import draw, write
from test_layouts_char_reid import HEADER, SERIES, reid

from inkbench.benchmark.api import Item
from inkbench.benchmark.contracts.dataset import Box
from inkbench.benchmark.data.layouts.char_reid import CharReid
from inkbench.benchmark.data.reading.panel_windows import hole_of, windows

SIZE = (100, 80)


def panel(k, *faces, series="s"):
    boxes = tuple(Box("face", x, 10, x + side, 10 + side, who) for x, side, who in faces)
    return Item(f"{series}/{k}", Path(f"{k}.jpg"), series, "train", boxes=(*boxes, Box("body", 0, 0, 50, 50)))


def story():
    return [
        panel(0, (10, 20, "a"), (50, 30, "b")),
        panel(1, (20, 20, "c")),
        panel(2, (30, 16, "a"), (60, 24, "d")),
        panel(3),
        panel(4, (5, 10, "a")),
        panel(5, (5, 10, "b")),
        panel(6, (7, 12, None)),
        panel(0, (1, 9, "a"), series="t"),
    ]


def test_every_face_of_a_panel_whose_two_predecessors_show_one():
    found = windows(story(), lambda panel: SIZE)
    assert [item.id for item in found] == ["s/2_face_0", "s/2_face_1", "s/6_face_0"]
    first = found[0]
    assert {name: part.id for name, part in first.parts.items()} == {
        "panel": "s/2", "previous": "s/1", "before": "s/0", "reference": "s/0",
    }  # fmt: skip
    assert (first.identity, first.panel, first.series, first.split) == ("a", "s/2", "s", "train")
    assert first.hole == first.parts["panel"].hole == (30, 10, 46, 26)
    assert first.parts["panel"].boxes == (Box("panel", 0, 0, 100, 80),)
    assert first.parts["previous"].hole is None


def test_the_reference_is_the_characters_latest_face_or_the_largest_of_the_panel_before():
    known, stranger, nobody = windows(story(), lambda panel: SIZE)
    assert (known.parts["reference"].id, known.parts["reference"].crop) == ("s/0", (10, 10, 30, 30))
    assert (stranger.parts["reference"].id, stranger.parts["reference"].crop) == ("s/1", (20, 10, 40, 30))
    assert (nobody.parts["reference"].id, nobody.parts["reference"].crop) == ("s/5", (5, 10, 15, 20))


def test_a_face_of_the_same_panel_is_no_reference():
    """Both faces of the last panel are said to be a's: none may be the other's answer."""
    twice = [panel(0, (1, 9, "a")), panel(1, (2, 9, "b")), panel(2, (10, 20, "a"), (50, 20, "a"))]
    assert [item.parts["reference"].id for item in windows(twice, lambda panel: SIZE)] == ["s/0", "s/0"]


def test_a_panel_that_cannot_be_read_has_no_windows():
    assert windows(story(), lambda panel: None if panel.id == "s/0" else SIZE)[0].id == "s/6_face_0"


@given(
    st.floats(0, 90), st.floats(0, 70), st.floats(0.4, 200), st.floats(0.4, 200), st.integers(1, 90), st.integers(1, 90)
)
def test_a_hole_is_a_square_in_the_panel_that_covers_its_face(x, y, w, h, width, height):
    face = Box("face", min(x, width - 0.4), min(y, height - 0.4), min(x + w, width), min(y + h, height))
    if face.x1 <= face.x0 or face.y1 <= face.y0:
        return
    x0, y0, x1, y1 = hole_of(face, (width, height))
    assert 0 <= x0 < x1 <= width
    assert 0 <= y0 < y1 <= height
    side = max(round(max(face.x1 - face.x0, face.y1 - face.y0)), 1)
    assert (x1 - x0, y1 - y0) == (min(side, width), min(side, height))
    assert x0 <= face.x0 + 1
    assert x1 >= face.x1 - 1
    assert y0 <= face.y0 + 1
    assert y1 >= face.y1 - 1


def test_the_reader_of_char_reid_makes_windows_of_its_raw_panels(tmp_path):
    rows = []
    for series in SERIES.values():
        for k in range(3):
            draw(tmp_path / f"raw_panel_images/{series}/1_{k}.jpg", 100, 80)
            rows.append(f"{series},1_{k},face,0,0,10,10,{30 + k},50")
    write(tmp_path / "merged_face_body.csv", HEADER + "\n".join(rows) + "\n")
    dataset = CharReid(reid(tmp_path))
    assert "sequences" in dataset.offers()
    [item] = dataset.items("sequences", "val")
    assert (item.id, item.hole) == ("20/1_2_face_0", (1, 10, 41, 50))
    assert [item.parts[name].id for name in ("panel", "previous", "before")] == ["20/1_2", "20/1_1", "20/1_0"]
    assert item.parts["panel"].path == tmp_path / "raw_panel_images/20/1_2.jpg"


def test_without_raw_panels_there_are_none(tmp_path):
    assert "sequences" not in CharReid(reid(tmp_path)).offers()
    with pytest.raises(Exception, match="has no sequences"):
        CharReid(tmp_path).items("sequences", "train")
