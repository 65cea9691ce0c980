"""Strips: the whole long side of a panel, of which every step shows another square, and how much of it is seen."""

import json
import random
from collections import namedtuple

import numpy as np
import pytest
import torch
from pictures_of import draw, noise
from PIL import Image

from inkbench.benchmark import augment
from inkbench.benchmark.api import View
from inkbench.benchmark.cli.shown import covered
from inkbench.benchmark.cli.verbs import verb_describe
from inkbench.benchmark.config import PretrainSettings
from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data import cache, once
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.data.strips import build_strips, expected_bytes
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.training import batches, engine

QUIET = Progress(quiet=True)
SIZES = [(90, 40), (40, 90), (48, 48), (300, 40), (41, 40)]


class Heard(Progress):
    """Keeps what is said."""

    def __init__(self):
        super().__init__(quiet=True)
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def items(folder, sizes=SIZES):
    return [
        Item(str(k), draw(folder / f"{k}.png", width, height, seed=k), "s", "train")
        for k, (width, height) in enumerate(sizes)
    ]


def strips(folder, of, view=None, threads=1, progress=QUIET):
    return build_strips(of, view or View(32), cache.Caching(folder / "cache", "k", progress, threads))


def test_a_square_of_a_strip_is_the_panel_at_that_place(tmp_path):
    """A ramp says where along the panel each column lies: the places are spread evenly, and no column is resized."""
    ramp = np.zeros((40, 160, 3), dtype=np.uint8)
    ramp[..., 0] = np.arange(160)
    for name, picture in (("wide", ramp), ("tall", ramp.transpose(1, 0, 2))):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    of = [Item(name, tmp_path / f"{name}.png", "s", "train") for name in ("wide", "tall")]
    made = strips(tmp_path, of, View(40))
    assert made.lengths.tolist() == [160, 160]
    at = np.linspace(0, 0.999, 7)
    wide = made.batch([0] * 7, at=at)
    tall = made.batch([1] * 7, at=at)
    assert wide.shape == (7, 40, 40, 3)
    assert np.array_equal(wide[:, 0, 0, 0], [0, 20, 40, 60, 80, 100, 120])
    assert (np.diff(wide[:, 0, :, 0].astype(int), axis=1) == 1).all()
    assert np.array_equal(tall, wide.transpose(0, 2, 1, 3))
    assert made.batch([0])[0, 0, 0, 0] == 60, "without a place it is the centre"


def test_the_centre_of_a_strip_is_the_square_that_a_task_sees(tmp_path):
    of = items(tmp_path / "in")
    whole, squares = strips(tmp_path, of), cache.build(of, View(32), cache.Caching(tmp_path / "cache", "k", QUIET))
    every = np.arange(len(of))
    near = np.abs(whole.batch(every).astype(int) - squares.batch(every))
    assert near.mean() < 12, "noise, up to half a pixel apart"
    assert np.array_equal(whole.batch([2]), squares.batch([2])), "a square panel has one square"


def test_of_very_long_images_the_middle_is_kept_and_the_bytes_are_bounded(tmp_path):
    made = strips(tmp_path, items(tmp_path / "in", [(4000, 40), (40, 4000)]), View(16))
    assert made.lengths.tolist() == [16 * cache.LONGEST] * 2
    assert made.pixels.nbytes == 2 * 3 * 16 * 16 * cache.LONGEST


def test_squeezed_strips_show_twice_as_much(tmp_path):
    of = items(tmp_path / "in", [(80, 40), (160, 40), (40, 40)])
    made = strips(tmp_path, of, View(32, reach=2.0))
    assert made.lengths.tolist() == [32, 64, 32]
    plain = cache.build(of, View(32, "squash"), cache.Caching(tmp_path / "cache", "k", QUIET))
    assert np.array_equal(made.batch([0, 2]), plain.batch([0, 2])), "up to 2:1 the whole panel, squeezed"


def test_bits_do_not_depend_on_threads(tmp_path):
    of = items(tmp_path / "in", SIZES * 9)
    one, four = strips(tmp_path / "one", of), strips(tmp_path / "four", of, threads=4)
    at = np.random.default_rng(0).random(len(of))
    assert np.array_equal(one.batch(np.arange(len(of)), at=at), four.batch(np.arange(len(of)), at=at))


def test_the_unreadable_are_named_and_pairs_stay_together(tmp_path):
    of = items(tmp_path / "in")
    of[1].path.write_bytes(b"")
    made = strips(tmp_path, of)
    again = strips(tmp_path, of)
    assert [item.id for item in made.items] == ["0", "2", "3", "4"]
    assert made.failures == again.failures == [("1", "is an empty file")]
    both = cache.aligned(
        {"a": made, "b": cache.build(items(tmp_path / "two"), View(16), cache.Caching(tmp_path / "c", "k", QUIET))}
    )
    assert [item.id for item in both["a"].items] == [item.id for item in both["b"].items] == ["0", "2", "3", "4"]
    assert np.array_equal(both["a"].batch([1, 3]), made.batch([1, 3]))
    with pytest.raises(IndexError):
        made.batch([4])


def test_bytes_are_told_before_they_are_written_and_a_full_disk_is_one_line(tmp_path, monkeypatch):
    heard, of = Heard(), items(tmp_path / "in", SIZES * 8)
    made = strips(tmp_path, of, View(64), progress=heard)
    [line] = heard.lines
    assert f"about {made.pixels.nbytes / 2**20:.0f} MiB" in line
    assert expected_bytes(of, View(64)) == made.pixels.nbytes
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(once.shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1000))
    with pytest.raises(RunError, match=r"MiB left .*make room or give another folder with --results DIR"):
        strips(tmp_path, of, View(65))


@pytest.mark.fidelity
@pytest.mark.parametrize(("width", "height"), [(96, 64), (64, 96), (500, 40), (33, 90), (20, 20)])
def test_squares_of_tasks_have_the_bytes_that_they_had(tmp_path, width, height):
    """Short side to the side and the centre cut out, by Pillow in one step, as they were before there were strips."""
    path = draw(tmp_path / "a.png", width, height)
    side, short = 32, min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    with Image.open(path) as image:
        box = (left, top, left + short, top + short)
        expected = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR, box, reducing_gap=3.0)
    made = cache.build([Item("a", path, "s", "test")], View(side), cache.Caching(tmp_path / "c", "k", QUIET))
    assert np.array_equal(made.images[0], np.asarray(expected))


def described(capsys, *words):
    """What ``describe`` prints."""
    assert verb_describe([str(word) for word in words]) == 0
    return capsys.readouterr().out


class Rank:
    """A device of one of several ranks."""

    def __init__(self, rank, world):
        self.torch = torch.device("cpu")
        self.fabric = namedtuple("fabric", "global_rank world_size")(rank, world)


def test_windows_are_a_function_of_seed_and_step_on_any_number_of_ranks(tmp_path):
    made = strips(tmp_path, items(tmp_path / "in", [(200, 40)] * 16))
    settings = PretrainSettings(batch=8)

    def batch(seed, step, rank=0, world=1):
        return batches.batch(Rank(rank, world), {"image": made}, {}, settings, seed, step)["image"]

    whole = batch(0, 3)
    assert torch.equal(whole, batch(0, 3)), "the same when it is taken up again"
    assert torch.equal(whole[0::2], batch(0, 3, 0, 2))
    assert torch.equal(whole[1::2], batch(0, 3, 1, 2))
    chosen = engine.batch_indices(16, 8, 0, "pretrain", 3)
    assert not torch.equal(whole, engine.images_at(made, chosen, torch.device("cpu")))
    settings = PretrainSettings(batch=8, window="centre")
    assert torch.equal(batch(0, 3), engine.images_at(made, chosen, torch.device("cpu")))


def test_over_epochs_all_of_a_panel_is_seen_evenly(tmp_path):
    ramp = np.zeros((40, 160, 3), dtype=np.uint8)
    ramp[..., 0] = np.arange(160)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    made = strips(tmp_path, [Item("a", tmp_path / "a.png", "s", "train")], View(40))
    settings = PretrainSettings(batch=16)
    begins = np.concatenate(
        [
            batches.batch(Rank(0, 1), {"image": made}, {}, settings, 0, step)["image"][:, 0, 0, 0].numpy()
            for step in range(60)
        ]
    )
    assert begins.min() == 0
    assert begins.max() == 120
    assert np.histogram(begins, 4, (0, 121))[0] == pytest.approx([240] * 4, rel=0.2)
    chosen = np.zeros(2, dtype=np.int64)
    held_out = batches.at(Rank(0, 1), {"image": made}, {}, chosen)
    assert held_out["image"][:, 0, 0, 0].tolist() == [60, 60], "held-out figures see the centre"
    assert held_out["image_size"].tolist() == [[160, 40]] * 2


@pytest.mark.fidelity
@pytest.mark.parametrize(("squares", "epochs"), [(1.5, 1), (1.5, 6), (2.5, 3), (4, 10), (1, 2)])
def test_the_share_that_is_seen_is_what_draws_give(squares, epochs):
    """Windows thrown on a strip of 600 places, and the places that at least one of them covers counted."""
    rng, length = random.Random(0), 600
    size = round(length / squares)
    shares = []
    for _ in range(1500):
        seen = np.zeros(length, dtype=bool)
        for _ in range(epochs):
            begin = rng.randint(0, length - size)
            seen[begin : begin + size] = True
        shares.append(seen.mean())
    assert covered(squares, epochs) == pytest.approx(np.mean(shares), abs=0.01)


def test_describe_tells_the_mean_share_of_a_panel(tmp_path, capsys):
    """1 / aspect of each panel in an epoch, from the sizes of the files; more over the budget; all if squeezed."""
    for k, (width, height) in enumerate([(80, 40), (40, 60), (50, 50), (200, 40)] * 5):
        draw(tmp_path / f"data/book {k}/{k}.png", width, height, seed=k)
    said = json.loads(described(capsys, "jigsaw", "--json", "--data", tmp_path / "data"))["seen"]["image"]
    data = open_dataset(str(tmp_path / "data"), "quick", [], tmp_path)
    train = []
    for item in data.items("panels", "train"):
        with Image.open(item.path) as image:
            train.append(image.size)
    expected = np.mean([min(size) / max(size) for size in train])
    assert said["one_epoch"] == pytest.approx(expected)
    assert said["epochs"] == pytest.approx(40_000 / len(train))
    kept = [min(1, cache.LONGEST * min(size) / max(size)) for size in train]
    assert said["budget"] == pytest.approx(np.mean(kept), abs=0.01)
    plain = described(capsys, "jigsaw", "--data", tmp_path / "data", "--set", "pretrain.window=centre")
    assert f"one epoch shows {expected:.0%} of an image" in plain
    assert f"epochs of quick {expected:.0%}" in plain
    squash = described(capsys, "jigsaw", "--data", tmp_path / "data", "--set", "jigsaw.fit=squash")
    assert "one epoch shows 100% of an image" in squash


def test_describe_of_comics_that_are_not_drawn_knows_their_layout(tmp_path, capsys):
    said = json.loads(described(capsys, "simclr", "--json", "--results", tmp_path, "--preset", "smoke"))["seen"]
    data = open_dataset("synth", "smoke", [], tmp_path)
    assert said["image"]["images"] == len(data.foretold("panels", "train")) > 0
    assert said["image"]["view"]["side"] == augment.source_side(48, 0.2)
    assert 0.9 < said["image"]["one_epoch"] <= 1
    assert not list(tmp_path.glob("cache/synth/*/labels"))
    assert "share of an image that is seen: unknown" in described(capsys, "supervised", "--results", tmp_path)


@pytest.mark.slow
def test_the_foretold_sizes_are_those_that_are_drawn(tmp_path):
    data = open_dataset("synth", "smoke", [("synth.series", "6")], tmp_path)
    foretold = data.foretold("panels", "train")
    data.prepare(QUIET)
    crops = [item.crop for item in data.items("panels", "train")]
    assert sorted((x1 - x0, y1 - y0) for x0, y0, x1, y1 in crops) == sorted(foretold)


def test_noise_is_what_it_was():
    """``draw`` writes it; a blank picture would make every comparison here true."""
    assert noise(8, 8).std() > 20
