"""Panels out of pages: white and black gutters, panels that bleed or have no frame; files, series, what is left."""

import json

import cv2
import numpy as np
import pytest
from pictures_of import draw, write
from PIL import Image

from inkbench.benchmark.cli import data as commands
from inkbench.benchmark.data.cut import cutting, whole_pages
from inkbench.benchmark.data.cut.panels import panels_of
from inkbench.benchmark.data.cut.score import matched
from inkbench.benchmark.data.layouts.folder import Folder
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress

QUIET = Progress(quiet=True)
WIDE, TALL = 400, 600


def texture(wide: int, tall: int, seed: int) -> np.ndarray:
    """What a panel shows, uint8 (tall, wide): blobs of middle greys, neither a gutter's white nor its black."""
    small = np.random.default_rng(seed).integers(60, 190, (max(tall // 8, 2), max(wide // 8, 2)), dtype=np.uint8)
    return cv2.resize(small, (wide, tall), interpolation=cv2.INTER_LINEAR)


def grid(margin: int, gap: int, rows=((0.4,), (0.3, 0.7), (0.5, 0.5))) -> list[tuple[int, int, int, int]]:
    """Boxes of a page: the first row has one panel, the others as many as they have shares."""
    heights = (TALL - 2 * margin - gap * (len(rows) - 1)) / len(rows)
    boxes = []
    for k, shares in enumerate(rows):
        top = margin + k * (heights + gap)
        room, left = WIDE - 2 * margin - gap * (len(shares) - 1), float(margin)
        for share in shares if len(shares) > 1 else (1.0,):
            boxes.append((round(left), round(top), round(left + share * room), round(top + heights)))
            left += share * room + gap
    return boxes


def page(boxes, paper: int, frame: int | None = None) -> np.ndarray:
    """A page of a colour with textures in its boxes, framed where a colour is given."""
    grey = np.full((TALL, WIDE), paper, dtype=np.uint8)
    for seed, (x0, y0, x1, y1) in enumerate(boxes):
        grey[y0:y1, x0:x1] = texture(x1 - x0, y1 - y0, seed)
        if frame is not None:
            cv2.rectangle(grey, (x0, y0), (x1 - 1, y1 - 1), frame, 2)
    return grey


def found_all(grey, boxes) -> bool:
    made = panels_of(grey)
    return len(made) == len(boxes) and matched(made, boxes) == len(boxes)


@pytest.mark.parametrize("tone", [170, 205, 232, 250])
def test_paper_that_has_yellowed_and_has_a_grain_is_paper(tone):
    boxes = grid(20, 8)
    grain = np.random.default_rng(0).normal(0, 3, (TALL, WIDE))
    drawn = np.zeros((TALL, WIDE), bool)
    for x0, y0, x1, y1 in boxes:
        drawn[y0:y1, x0:x1] = True
    made = page(boxes, tone, 0)
    made[~drawn] = np.clip(tone + grain, 0, 255)[~drawn].astype(np.uint8)
    assert found_all(made, boxes)


@pytest.mark.parametrize(
    ("paper", "frame"), [(255, 0), (255, None), (0, 255), (0, None), (248, 20)],
    ids=["white", "borderless", "black", "black borderless", "off-white"],
)  # fmt: skip
@pytest.mark.parametrize("margin", [20, 0], ids=["margin", "bleeding"])
@pytest.mark.parametrize("gap", [5, 14])
def test_panels_of_white_and_black_gutters_bleeding_and_borderless(paper, frame, margin, gap):
    boxes = grid(margin, gap)
    assert found_all(page(boxes, paper, frame), boxes)


def test_panels_with_white_insides_and_frames_are_not_cut_where_they_are_empty():
    boxes = grid(20, 8)
    grey = np.full((TALL, WIDE), 255, dtype=np.uint8)
    for x0, y0, x1, y1 in boxes:
        cv2.rectangle(grey, (x0, y0), (x1 - 1, y1 - 1), 0, 2)
        cv2.circle(grey, ((x0 + x1) // 2, (y0 + y1) // 2), 15, 0, -1)
    assert found_all(grey, boxes)


def test_a_balloon_over_a_gutter_does_not_join_panels():
    boxes = grid(20, 8)
    grey = page(boxes, 255, 0)
    x, y = boxes[1][2] + 4, (boxes[1][1] + boxes[1][3]) // 2
    cv2.ellipse(grey, (x, y), (35, 12), 0, 0, 360, 255, -1)
    cv2.ellipse(grey, (x, y), (35, 12), 0, 0, 360, 0, 1)
    assert found_all(grey, boxes)


def test_a_slanted_gutter_is_one():
    grey = np.full((TALL, WIDE), 255, dtype=np.uint8)
    art = texture(WIDE, TALL, 1)
    for corners in ([[20, 20], [380, 20], [380, 250], [20, 330]], [[20, 350], [380, 270], [380, 580], [20, 580]]):
        inside = cv2.fillPoly(np.zeros_like(grey), [np.array(corners)], 1).astype(bool)
        grey[inside] = art[inside]
    assert matched(panels_of(grey), [(20, 20, 380, 330), (20, 270, 380, 580)]) == 2


def test_one_picture_is_no_page_and_an_empty_one_has_no_panel():
    assert len(panels_of(texture(WIDE, TALL, 3))) == 1
    assert panels_of(np.full((TALL, WIDE), 255, dtype=np.uint8)) == []


def save(path, grey) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey).save(path)


@pytest.fixture
def pages(tmp_path):
    """Two series of two pages, one page without gutters, and one file that is not an image."""
    boxes = grid(20, 8)
    for series in "ab":
        for k in range(2):
            save(tmp_path / f"pages/{series}/{k}.png", page(boxes, 255, 0))
    save(tmp_path / "pages/b/splash.png", texture(WIDE, TALL, 5))
    write(tmp_path / "pages/b/broken.png", "no image")
    return tmp_path / "pages"


def cut(pages, out, *words):
    return commands.run(["cut", str(pages), "--out", str(out), "--quiet", "--results", str(out.parent / "r"), *words])


def test_panels_become_files_series_are_kept_and_what_is_left_is_listed(pages, tmp_path, capsys):
    assert cut(pages, tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "20 panels of 4 pages" in said.out
    assert "2 pages could not be cut" in said.out
    assert (tmp_path / "out/uncut.txt").read_text().splitlines()[1] == "b/splash\tno gutter was found"
    assert (tmp_path / "out/uncut.txt").read_text().startswith("b/broken\t")
    assert len(list((tmp_path / "r/check").glob("cut-*.png"))) == 1
    made, source = Folder(tmp_path / "out"), Folder(pages)
    split_of = {item.series: item.split for s in ("train", "val", "test") for item in source.items("panels", s)}
    cut_out = [item for split in ("train", "val", "test") for item in made.items("panels", split)]
    assert len(cut_out) == 20
    assert {(item.series, item.split) for item in cut_out} == set(split_of.items())
    left = np.asarray(Image.open(tmp_path / "out/a/0_01.png").convert("L"))
    x0, y0, x1, y1 = panels_of(page(grid(20, 8), 255, 0))[0]
    np.testing.assert_array_equal(left, page(grid(20, 8), 255, 0)[y0:y1, x0:x1])


@pytest.mark.seconds
def test_a_cutting_goes_on_where_it_was_and_does_only_what_changed(pages, tmp_path, monkeypatch):
    cut(pages, tmp_path / "out")
    whole = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.png")}
    lines = (tmp_path / "out/cut.jsonl").read_text().splitlines()
    (tmp_path / "out/cut.jsonl").write_text("\n".join(lines[:3]) + '\n{"page": "b/0", "st')
    (tmp_path / "out/a/0_01.png").unlink()
    seen = []
    real = cutting.panels_of
    monkeypatch.setattr(cutting, "panels_of", lambda grey: seen.append(1) or real(grey))
    cut(pages, tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.png")} == whole
    assert 0 < len(seen) < 6
    seen.clear()
    cut(pages, tmp_path / "out")
    assert not seen
    save(pages / "a/1.png", page(grid(20, 8, ((1.0,), (0.5, 0.5))), 255, 0))
    cut(pages, tmp_path / "out")
    assert (len(seen), len(list((tmp_path / "out/a").glob("1_*.png")))) == (1, 3)


@pytest.mark.seconds
def test_splits_of_folders_survive_a_cut(tmp_path):
    for split in ("train", "test"):
        for k in range(3):
            save(tmp_path / f"pages/{split}/c{k}_{split}.png", page(grid(20, 8), 255, 0))
    assert cut(tmp_path / "pages", tmp_path / "out") == 0
    made = open_dataset(str(tmp_path / "out"), "quick", (), tmp_path / "r")
    assert {item.id.split("_")[1] for item in made.items("panels", "test")} == {"test"}
    assert len(made.items("panels", "test")) == 15


def test_places_that_cannot_be_cut_into_are_refused(pages, tmp_path):
    draw(tmp_path / "full/1.png")
    with pytest.raises(UsageError, match="is inside the folder of the pages"):
        cut(pages, pages / "panels")
    with pytest.raises(UsageError, match="contains other files"):
        cut(pages, tmp_path / "full")
    with pytest.raises(UsageError, match="needs --out DIR"):
        commands.run(["cut", str(pages), "--results", str(tmp_path / "r")])
    with pytest.raises(UsageError, match="no panels are annotated"):
        commands.run(["cut", str(pages), "--score", "--results", str(tmp_path / "r")])


@pytest.mark.seconds
def test_whole_pages_taken_for_panels_are_told_and_panels_are_not(pages, tmp_path, capsys):
    (pages / "b/broken.png").unlink()
    commands.run(["check", str(pages), "--json", "--quiet", "--results", str(tmp_path / "r")])
    told = [line for line in json.loads(capsys.readouterr().out)["warnings"] if "complete pages" in line]
    assert len(told) == 1
    assert f"data cut {pages} --out DIR" in told[0]
    cut(pages, tmp_path / "out")
    assert whole_pages.told(Folder(tmp_path / "out")) == ""


@pytest.mark.slow
def test_synth_s_pages_are_cut_into_its_panels(small_synth, capsys, tmp_path):
    words = ["cut", str(small_synth / "dcm772"), "--score", "--quiet", "--results", str(tmp_path / "r")]
    assert commands.run(words) == 0
    recall, precision = figures(capsys.readouterr().out)
    assert recall >= 0.8
    assert precision >= 0.75


@pytest.mark.slow
def test_open_mantra_s_panels_at_iou_seven_tenths(shared, capsys, tmp_path):
    """The figures of docs/data.md, which stand there to three digits, may not sink unseen."""
    words = ["cut", str(shared / "data/open-mantra"), "--score", "--quiet", "--results", str(tmp_path / "r")]
    assert commands.run(words) == 0
    said = capsys.readouterr().out
    print(said)
    assert "of 1,069 annotated panels" in said.splitlines()[-1]
    recall, precision = figures(said)
    assert recall >= RECALL
    assert precision >= PRECISION


RECALL, PRECISION = 0.67, 0.73
"""Just below what docs/data.md states: 0.679 and 0.735."""


def figures(said: str) -> tuple[float, float]:
    last = said.splitlines()[-1]
    return float(last.split("recall ")[1].split()[0]), float(last.split("precision ")[1].split()[0])
