"""Items of several images: squares by view, absent ones grey, repeated ones kept once, damaged ones listed."""

from dataclasses import dataclass

import numpy as np
import pytest
from pictures_of import draw

from inkbench.benchmark.api import Item, View
from inkbench.benchmark.data.cache import Caching, build
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.training.task_data import TaskData

VIEWS = {"face": View(16, "squash", "characters"), "body": View(24, "pad", "characters")}


@dataclass
class Pairs:
    """A task as far as ``TaskData`` looks at it."""

    name = "pairs"

    def views(self):
        return VIEWS

    def truth(self, item, width, height):
        return {"size": np.array([width, height])}


def item(name, **parts):
    return Item(name, next(iter(parts.values())).path, "s", "train", parts=parts)


def part(folder, name, width=40, height=30):
    return Item(name, draw(folder / f"{name}.png", width, height), "s", "train")


def data(items, folder):
    return TaskData.of(
        Pairs(),
        items,
        lambda name, parts: build(parts, VIEWS[name], Caching(folder / "cache", "key", Progress(quiet=True))),
    )


@pytest.fixture
def some(tmp_path):
    (tmp_path / "cache").mkdir()
    face, body = part(tmp_path, "f"), part(tmp_path, "b", 60, 80)
    broken = Item("bad", tmp_path / "bad.png", "s", "train")
    broken.path.write_bytes(b"no picture")
    items = [
        item("both", face=face, body=body),
        item("face only", face=face),
        item("damaged", face=face, body=broken),
        item("body only", body=body),
    ]
    return data(items, tmp_path)


def test_squares_by_view_and_grey_where_there_is_none(some):
    assert [one.id for one in some.items] == ["both", "face only", "body only"]
    batch, there = some.batch(np.arange(3)), some.present(np.arange(3))
    assert {name: squares.shape for name, squares in batch.items()} == {"face": (3, 16, 16, 3), "body": (3, 24, 24, 3)}
    assert {name: has.tolist() for name, has in there.items()} == {
        "face": [True, True, False],
        "body": [True, False, True],
    }
    assert (batch["face"][2] == 128).all()
    assert (batch["body"][1] == 128).all()
    assert np.array_equal(batch["face"][0], batch["face"][1])
    assert np.array_equal(batch["body"][0], batch["body"][2])


def test_sizes_are_those_of_the_first_image_that_is_there(some):
    assert [truth["size"].tolist() for truth in some.truths] == [[40, 30], [40, 30], [60, 80]]
    assert [place.scale_x for place in some.placements] == [16 / 40, 16 / 40, 24 / 80]


def test_a_damaged_part_leaves_the_item_out_and_says_so(some):
    [failure] = some.failures
    assert failure["item"] == "damaged"
    assert "image" in failure["reason"]


def test_an_image_that_several_items_show_is_kept_once(some):
    assert {name: len(cache.images) for name, cache in some.caches.items()} == {"face": 1, "body": 1}
    assert [count for _, count in some.sources()] == [2, 2]


def test_a_subset_keeps_squares_and_order(some):
    few = some.subset(np.array([2, 0]))
    assert [one.id for one in few.items] == ["body only", "both"]
    assert np.array_equal(few.batch(np.arange(2))["body"], some.batch(np.array([2, 0]))["body"])


def test_nothing_readable_is_one_line(tmp_path):
    (tmp_path / "cache").mkdir()
    with pytest.raises(RunError, match="has none of the images"):
        data([Item("a", tmp_path / "a.png", "s", "train", parts={"other": part(tmp_path, "o")})], tmp_path)
