"""One sheet for all pictures: nothing overlaps, nothing is cut off, the same input gives the same bytes."""

import ast
import io
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inkbench.benchmark.audit.pictures import MAP, draw_average
from inkbench.benchmark.drawing import style
from inkbench.benchmark.drawing.boxes import draw_boxes
from inkbench.benchmark.drawing.classes import draw_confusion, draw_examples
from inkbench.benchmark.drawing.labels import VOID, draw_labels, named_colours
from inkbench.benchmark.drawing.letters import spelled
from inkbench.benchmark.drawing.maps import draw_maps
from inkbench.benchmark.drawing.marked import Marked
from inkbench.benchmark.drawing.places import fit, flat, mosaic, reason
from inkbench.benchmark.drawing.rows import draw_rows
from inkbench.benchmark.drawing.sheet import Place, Sheet, Text
from inkbench.benchmark.drawing.strips import Shown, draw_strip

ROOT = Path(__file__).resolve().parents[2]
SHAPES = ((16, 16), (1, 900), (900, 1), (40, 1300), (1300, 40), (2000, 1500))
"""Height and width of images that no sheet may stumble over."""


def image(height, width, value=90):
    return np.full((height, width, 3), value, dtype=np.uint8)


sides = st.integers(1, 90)
texts = st.text(max_size=60)
captions = st.lists(st.builds(Text, texts, st.just(style.WRONG), st.booleans()) | texts, max_size=3)
frames = st.sampled_from([None, style.HAIR, style.WRONG])
places = st.none() | st.builds(Place, st.builds(image, sides, sides), captions, frames)


@st.composite
def sheets(draw):
    sheet = Sheet(
        draw(st.lists(texts, max_size=4)),
        title=draw(texts),
        footnote=draw(texts),
        legend=draw(st.lists(st.tuples(texts, st.just(style.INK)), max_size=4)),
        column=draw(st.integers(0, 60)),
        gutter=draw(st.integers(1, 12)),
        turned=draw(st.booleans()),
    )
    for row in draw(st.lists(st.lists(places, max_size=4), max_size=3)):
        sheet.row(row, draw(texts))
    return sheet


@settings(max_examples=60, deadline=None)
@given(sheets())
@pytest.mark.seconds
def test_everything_lies_on_the_canvas_and_nothing_on_anything_else(sheet):
    width, height = sheet.size
    boxes = [spot.box for spot in sheet.spots]
    for left, top, right, bottom in boxes:
        assert style.MARGIN <= left <= right <= width - style.MARGIN
        assert style.MARGIN <= top <= bottom <= height - style.MARGIN
    for one, other in combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)
    pixels = sheet.pixels
    assert pixels.shape == (height, width, 3)
    assert (pixels[: style.MARGIN] == 255).all()
    assert (pixels[:, -style.MARGIN :] == 255).all()


@settings(max_examples=100, deadline=None)
@given(texts, st.integers(0, 200), st.booleans())
def test_a_text_fits_whole_or_with_an_ellipsis(text, most, tail):
    said = style.shorten(text, most, tail=tail)
    assert style.width_of(said) <= most
    whole = " ".join(spelled(text).split())
    if said != whole:
        assert style.width_of(whole) > most
        assert said == "" or said[0 if tail else -1] == "…"
        assert said.strip("…").strip() in whole


def test_the_end_of_a_long_name_is_kept_where_that_tells_more():
    name = "a/very/long/path/that/nobody/reads/007.png"
    assert style.shorten(name, 80, tail=True).endswith("007.png")
    assert style.shorten(name, 80).startswith("a/very")


def test_a_word_that_is_too_long_is_shortened_in_a_wrapped_text():
    lines = style.wrap(f"short {'long' * 40} end", 120)
    assert len(lines) == 3
    assert lines[1].endswith("…")
    assert all(style.width_of(line) <= 120 for line in lines)


def test_the_same_input_gives_the_same_bytes():
    def png():
        sheet = Sheet(("one", "two"), title="a title", footnote="a note", legend=[("ink", style.INK)])
        sheet.row([Place(image(30, 40), ["caption"]), None], "row")
        return sheet.png

    assert png() == png()
    assert png().startswith(b"\x89PNG")
    assert Image.open(io.BytesIO(png())).mode == "RGB"


def test_an_empty_sheet_is_white_paper():
    sheet = Sheet()
    assert sheet.pixels.shape[:2] == sheet.size[::-1]
    assert (sheet.pixels == 255).all()


def test_a_picture_lies_where_it_is_said_to_lie():
    sheet = Sheet(("heading",))
    sheet.row([Place(image(20, 30, 7), frame=style.WRONG)])
    left, top, right, bottom = next(spot.box for spot in sheet.spots if isinstance(spot.what, Place))
    assert sheet.pixels[top, left].tolist() == list(style.WRONG)
    inner = sheet.pixels[top + style.EDGE : bottom - style.EDGE, left + style.EDGE : right - style.EDGE]
    assert inner.shape == (20, 30, 3)
    assert (inner == 7).all()


@pytest.mark.parametrize("legend", [(), [("ink", style.INK)]])
@pytest.mark.parametrize("footnote", ["", "a note"])
@pytest.mark.parametrize("caption", [(), ["caption"]])
def test_the_margins_are_equal_whatever_stands_below(caption, footnote, legend):
    sheet = Sheet(footnote=footnote, legend=legend)
    sheet.row([Place(image(30, 40), caption)])
    boxes = np.array([spot.box for spot in sheet.spots])
    height = sheet.size[1]
    assert boxes[:, :2].min() == style.MARGIN
    assert height - boxes[:, 3].max() == style.MARGIN
    picture = next(spot.box for spot in sheet.spots if isinstance(spot.what, Place))
    below = picture[3] + (2 + style.LINE if caption else 0)
    rest = [top for _, top, _, _ in boxes.tolist() if top >= below]
    assert min(rest, default=below + style.GUTTER) == below + style.GUTTER


def test_a_picture_starts_where_its_texts_do_and_stands_on_its_caption():
    sheet = Sheet(("wide", "high"), column=100)
    sheet.row([Place(image(10, 60), ["first"]), Place(image(80, 20), ["second"])])
    sheet.row([Place(image(10, 60)), Place(image(80, 20))])
    placed = [spot.box for spot in sheet.spots if isinstance(spot.what, Place)]
    texts = {spot.what.text: spot.box for spot in sheet.spots if isinstance(spot.what, Text)}
    for box, name in zip(placed, ("first", "second"), strict=False):
        assert box[0] == texts[name][0]
        assert texts[name][1] - box[3] == 2
    assert placed[2][1] == placed[3][1], "without captions they hang below their headings"


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_of_any_shape_fits_and_keeps_its_proportion(shape):
    small = fit(image(*shape), 112, 112)
    assert 1 <= min(small.shape[:2]) <= max(small.shape[:2]) == 112
    assert small.shape[0] == max(round(shape[0] * 112 / max(shape)), 1)


def test_tiles_of_a_mosaic_are_apart_by_the_gap():
    board = mosaic([image(4, 4, value) for value in (10, 20, 30)], 2, 3)
    assert board.shape == (11, 11, 3)
    assert board[0, 0, 0] == 10
    assert board[0, 7, 0] == 20
    assert board[7, 0, 0] == 30
    assert (board[4:7] == 255).all()
    assert (board[7:, 7:] == 255).all()
    framed = mosaic([image(4, 4)], 1, 3, [style.RIGHT])
    assert framed.shape == (10, 10, 3)
    assert framed[0, 0].tolist() == list(style.RIGHT)


def test_squares_hold_their_text():
    assert flat("100", 34, (0, 0, 255)).shape == (34, 34, 3)
    assert flat("a text that is too long", 8, (0, 0, 255)).shape == (8, 8, 3)
    bad = reason("cannot be read " * 80, 100)
    assert bad.shape == (100, 100, 3)
    assert (bad[:, -6:] == 200).all()


def test_names_on_an_image_stay_within_it_and_apart():
    marked = Marked(image(100, 300), 300, 100)
    for _ in range(2):
        marked.name((20, 40, 200, 80), "someone", style.WRONG, style.PAPER)
    marked.name((290, -50, 400, 500), "a name far too long for so small an image " * 3, style.RIGHT, style.PAPER)
    reds = (marked.pixels == style.WRONG).all(axis=2)
    assert reds[:40, 20:25].any(), "above the left corner"
    assert reds[:40, 195:200].any(), "the second above the right one, where no tag is"
    assert marked.pixels.shape == (100, 300, 3)


def test_no_name_hides_another_as_long_as_there_is_room():
    marked = Marked(image(30, 600), 600, 30)
    for number in range(8):
        marked.name((10, 5, 40, 25), f"name {number}", style.WRONG, style.PAPER)
    reds = (marked.pixels == style.WRONG).all(axis=2).any(axis=0)
    whole = sum(style.width_of(f"name {number}") + 6 for number in range(8))
    assert reds.sum() == whole


def test_what_is_not_there_is_told_in_words():
    def lines(truth, prediction):
        return draw_boxes(image(50, 400), truth, prediction, ["face"]).shape[0]

    some = {"boxes": np.array([[5.0, 5, 30, 30]]), "labels": np.array([0]), "scores": np.array([0.5])}
    none = {"boxes": np.zeros((0, 4)), "labels": np.zeros(0, int), "scores": np.zeros(0)}
    one = lines(some, none)
    assert lines(none, some) == one
    assert lines(some, some) == one - style.LINE - 2
    assert lines(none, none) == one + style.LINE


def test_every_colour_of_a_mask_has_a_name():
    named = named_colours([0, 2, 7, VOID], ["background", "body", "face"])
    assert [name for name, _ in named] == ["background", "face", "class 7", "does not count"]
    assert len({colour for _, colour in named}) == 4
    assert named[-1][1] == style.PAPER
    mask = np.full((40, 40), VOID, dtype=np.uint8)
    drawn = draw_labels(image(40, 40), mask, mask, ["background"])
    assert (drawn[-style.MARGIN - style.LINE :] == style.FAINT).all(axis=2).any(), "a white swatch has an edge"


def test_the_colours_of_a_map_are_those_of_its_values_up_to_the_corners():
    flat_map = np.full((8, 8), 0.25)
    peak = flat_map.copy()
    peak[4, 4] = 1
    drawn = draw_average({"flat": flat_map, "peak": peak})
    top = style.MARGIN + style.LINE + 4 + 1
    board = drawn[top : top + MAP, style.MARGIN + 1 : style.MARGIN + 1 + MAP]
    assert (board == board[0, 0]).all()
    assert (drawn != board[0, 0]).any()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.seconds
def test_every_drawer_takes_images_of_any_shape(shape):
    height, width = shape
    picture, mask = image(height, width), np.zeros(shape, dtype=np.uint8)
    found = {
        "boxes": np.array([[0, 0, width, height]], dtype=float), "labels": np.array([0]), "scores": np.array([0.5]),
    }  # fmt: skip
    drawn = [
        draw_boxes(picture, found, found, ["a class with a long name " * 9]),
        draw_examples([picture] * 7, ["true"] * 7, ["guess" * 30] * 7, [0.5] * 7),
        draw_labels(picture, mask, mask, ["background"], "(mIoU 0.50)"),
        draw_maps(picture, np.ones((8, 8)), np.ones((8, 8)), np.array([[0, 0]]), "(CC 0.50)"),
        draw_rows({"one": torch.rand(2, 3, height, width), "another name": torch.rand(2, 3, height, width)}),
        draw_strip({"p": picture, "q": picture}, [Shown("p", (0, 0, width, height), "someone" * 20, 30)]),
    ]
    for sheet in drawn:
        assert sheet.dtype == np.uint8
        assert sheet.shape[2] == 3
        assert max(sheet.shape[:2]) < 2000


def test_a_confusion_has_a_number_in_each_cell_that_is_not_nothing():
    diagonal = draw_confusion([0, 1], [0, 1], ["first", "a class with a name that is long"])
    other = draw_confusion([0, 1], [1, 0], ["first", "a class with a name that is long"])
    assert diagonal.shape == other.shape
    assert (diagonal != other).any()


DRAWN_ELSEWHERE = ("benchmark/drawing/", "benchmark/data/synth/")
NO_SHEETS = ("benchmark/data/images.py", "benchmark/data/by_rows.py", "submissions/bundle.py")
"""The first two lay an image that is seen through on white, by strips of rows too; the third draws a server's logo."""


@pytest.mark.seconds
def test_no_other_module_makes_a_canvas_or_a_font():
    """One sheet for all: what the program draws as comics is no sheet."""
    others = ("benchmark", "leaderboards", "methods", "submissions", "tasks")
    files = [path for package in others for path in (ROOT / package).rglob("*.py")]
    found = set()
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(DRAWN_ELSEWHERE[0]) or name in NO_SHEETS:
            continue
        if name.startswith(DRAWN_ELSEWHERE[1]) and not name.endswith("/sheet.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if (node.value.id, node.attr) == ("Image", "new") or node.value.id in ("ImageFont", "ImageDraw"):
                    found.add(name)
            elif isinstance(node, ast.ImportFrom) and node.module == "PIL":
                found |= {name for alias in node.names if alias.name in ("ImageFont", "ImageDraw")}
    assert found == set()
    assert len(files) > 100
