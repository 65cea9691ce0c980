import pytest
from pictures_of import draw, write

from inkbench.benchmark.contracts.dataset import Box
from inkbench.benchmark.data.layouts.ssupergan import SSuperGan, SSuperGanConfig
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError


def faces(root):
    """Four books of four panels; every panel shows a face, the third of each two; the last book has no list."""
    for book in range(4):
        for k in range(4):
            draw(root / f"raw_panel_images/{book}/1_{k}.jpg", 100, 80)
        lines = [f"{book}/1_{k}.jpg 10 10 {40 + k} 45 0.95" for k in range(4)]
        lines += [f"{book}/1_2.jpg -5 30 25 60 0.91", f"{book}/1_2.jpg 50 50 60 60 0.4"]
        if book < 3:
            write(root / f"golden_face_annot/{book}.txt", "\n".join(lines) + "\n")
    return root


def items(dataset, kind):
    return {item.id: item for split in ("train", "val", "test") for item in dataset.items(kind, split)}


def test_panels_have_the_faces_that_are_sure_enough(tmp_path):
    dataset = SSuperGan(faces(tmp_path))
    assert dataset.offers() == {"panels", "boxes:face", "sequences"}
    panels = items(dataset, "panels")
    assert panels["1/1_2"].boxes == (Box("face", 10, 10, 42, 45), Box("face", 0, 30, 25, 60))
    assert panels["1/1_2"].labels == {"face"}
    assert (panels["3/1_2"].boxes, panels["3/1_2"].labels) == ((), frozenset())
    assert any("1.txt:5: box extends beyond the image (clamped)" in line for line in dataset.warnings)
    less = SSuperGan(tmp_path, SSuperGanConfig(confidence=0.3))
    assert len(items(less, "panels")["1/1_2"].boxes) == 3
    assert less.fingerprint() != dataset.fingerprint()


def test_windows_of_three_panels_the_last_of_a_book_among_them(tmp_path):
    windows = items(SSuperGan(faces(tmp_path)), "sequences")
    own = {name: item for name, item in windows.items() if item.series == "0"}
    assert list(own) == ["0/1_2_face_0", "0/1_2_face_1", "0/1_3_face_0"]
    assert own["0/1_2_face_0"].hole == (8, 10, 43, 45)
    assert own["0/1_2_face_0"].identity is None
    assert own["0/1_3_face_0"].parts["reference"].id == "0/1_2"
    assert not [item for item in windows.values() if item.series == "3"]


def test_the_folder_is_recognised_before_comics(tmp_path):
    assert isinstance(open_dataset(str(faces(tmp_path)), "quick", [], tmp_path / "results"), SSuperGan)


@pytest.mark.parametrize("line", ["0/1_0.jpg 1 2 3 4", "7/1_0.jpg 1 2 3 4 0.9", "0/1_0.jpg 1 2 x 4 0.9"])
def test_a_line_that_is_not_understood_is_told_with_its_place(tmp_path, line):
    write(faces(tmp_path) / "golden_face_annot/0.txt", f"0/1_1.jpg 1 2 30 40 0.9\n{line}\n")
    with pytest.raises(UsageError, match=r"0\.txt:2: "):
        SSuperGan(tmp_path).items("panels", "train")
