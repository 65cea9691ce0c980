"""Jigsaw puzzles: places and gaps, labels, settings, learning."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inkbench.benchmark.api import Context, UsageError
from inkbench.benchmark.drawing.style import GUTTER, LINE, MARGIN
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.pretext.puzzle_pictures import draw_puzzles, reassemble
from inkbench.methods.jigsaw.method import Jigsaw, JigsawConfig


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def context(seed=0):
    return Context(0, 0, 1, torch.device("cpu"), generator(seed))


def coordinates(side):
    """An image whose red is its row and whose green is its column; blue is the column too."""
    row = torch.arange(side, dtype=torch.uint8)
    return torch.stack([row[:, None].expand(side, side), row.expand(side, side), row.expand(side, side)])[None]


def corners(method, n=64, seed=0):
    """Row and column of each tile's corner in its true place, per channel for rows of red, columns of green."""
    cut = method.cut(coordinates(method.config.crop).expand(n, -1, -1, -1), generator(seed))
    true = torch.from_numpy(method.permutations.astype(np.int64))[cut.labels]
    grid = method.config.grid
    corner = cut.pixels[:, :, :, 0, 0].long()
    placed = torch.empty_like(corner)
    placed.scatter_(1, true[:, :, None].expand_as(corner), corner)
    return placed.view(n, grid, grid, 3)


SMALL = {"crop": 60, "cell": 20, "tile": 12, "permutations": 12}


@settings(max_examples=15, deadline=None)
@given(
    tile=st.integers(2, 20),
    extra=st.integers(0, 9),
    grid=st.sampled_from([2, 3]),
    shift=st.integers(1, 4),
    jittering=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_gaps_are_between_0_and_twice_cell_less_tile(tile, extra, grid, shift, jittering, seed):
    config = JigsawConfig(
        crop=20 * grid + extra, cell=20, tile=tile, grid=grid, color_jittering=jittering, shift=shift, permutations=4
    )
    placed = corners(Jigsaw(config), 16, seed)
    slack = config.cell - tile
    for places, axis in ((placed[..., 0], 1), (placed[..., 1], 2)):
        gaps = places.diff(dim=axis) - tile
        overlap = max(shift - slack, 0) if jittering else 0  # without room in its cell a channel reads beyond it
        assert int(gaps.min()) >= -overlap
        assert int(gaps.max()) <= 2 * slack + overlap
        assert int(places.max()) <= config.crop - tile


def test_tiles_use_their_whole_cell():
    placed = corners(Jigsaw(JigsawConfig(**SMALL)), 400)[..., 0] - torch.arange(3)[None, :, None] * 20
    assert set(placed.unique().tolist()) == set(range(9))


def test_without_jitter_the_gap_is_constant_and_20_as_jigsawpanel_cut_it():
    method = Jigsaw(JigsawConfig(recipe="jigsawpanel", crop=240, cell=80, tile=60))
    placed = corners(method, 4)
    assert (placed[..., 0].diff(dim=1) - 60 == 20).all()
    assert (placed[..., 1].diff(dim=2) - 60 == 20).all()
    assert (placed[:, 0, 0] == 10).all()
    own = JigsawConfig(recipe="jigsawpanel")
    assert own.cell - own.tile == 20
    assert not own.jitter


def test_without_gap_tiles_touch_wherever_the_block_lies():
    method = Jigsaw(JigsawConfig(**SMALL, gap=False, color_jittering=False))
    placed = corners(method, 64)
    assert (placed[..., 0].diff(dim=1) == 12).all()
    assert (placed[..., 1].diff(dim=2) == 12).all()
    assert len(placed[:, 0, 0, 0].unique()) > 5


def test_color_jittering_moves_channels_apart_and_off_keeps_them_together():
    for jittering, expected in ((True, {-2, -1, 0, 1, 2}), (False, {0})):
        placed = corners(Jigsaw(JigsawConfig(**SMALL, color_jittering=jittering, shift=2)), 64)
        assert set((placed[..., 2] - placed[..., 1]).unique().tolist()) == expected


def test_no_tile_gives_its_place_away_by_channels_that_could_not_move():
    placed = corners(Jigsaw(JigsawConfig(**SMALL, shift=2)), 2000)
    together = (placed[..., 2] == placed[..., 1]).double().mean(0)
    assert float(together.max() - together.min()) < 0.08
    assert float(together.mean()) == pytest.approx(1 / 3, abs=0.03)


def test_reassembling_by_the_true_permutation_gives_the_image():
    method = Jigsaw(JigsawConfig(crop=36, cell=12, tile=12, gap=False, color_jittering=False, permutations=30))
    images = torch.randint(0, 256, (20, 3, 36, 36), generator=generator(5), dtype=torch.uint8)
    cut = method.cut(images, generator())
    assert len(cut.labels.unique()) > 5
    for image, tiles, label in zip(images, cut.pixels.numpy(), cut.labels, strict=True):
        whole = reassemble(tiles, method.permutations[label])
        rows = [np.concatenate(whole[3 * k : 3 * k + 3], axis=2) for k in range(3)]
        assert (np.concatenate(rows, axis=1) == image.numpy()).all()
    assert not all((method.permutations[label] == np.arange(9)).all() for label in cut.labels)


def test_labels_are_uniform_and_follow_the_generator_alone():
    method = Jigsaw(JigsawConfig(**SMALL))
    images = torch.randint(0, 256, (3000, 3, 60, 60), generator=generator(), dtype=torch.uint8)
    first, again, other = (method.cut(images, generator(seed)) for seed in (1, 1, 2))
    assert torch.bincount(first.labels).tolist() == pytest.approx([250] * 12, abs=70)
    assert (first.labels == again.labels).all()
    assert (first.pixels == again.pixels).all()
    assert (first.labels != other.labels).any()
    blank = method.cut(torch.zeros_like(images), generator(1))
    assert (blank.labels == first.labels).all()


@pytest.mark.parametrize("normalize", [True, False])
def test_appearance_is_float32_finite_and_normalised_as_asked(normalize):
    method = Jigsaw(JigsawConfig(**SMALL, normalize=normalize, intensity=2, greyscale=0.5, projection=0.5))
    method.build(Backbone("test_resnet"))
    pixels = torch.randint(0, 256, (6, 9, 3, 12, 12), generator=generator(), dtype=torch.uint8)
    pixels[0] = 255
    with torch.autocast("cpu", torch.bfloat16):
        tiles = method.appearance(pixels, generator())
    assert tiles.shape == pixels.shape
    assert tiles.dtype == torch.float32
    assert torch.isfinite(tiles).all()
    assert bool((tiles[1:].mean((3, 4)).abs() < 1e-4).all()) == normalize


@pytest.mark.parametrize(
    "sets",
    [
        {},
        {"features": "pooled", "tile_width": "0", "hidden": "0"},
        {"batch_norm": "true", "grid": "2", "crop": "80", "optimizer": "sgd", "puzzles": "2", "dropout": "0.5"},
    ],
)
def test_a_step_gives_one_loss_and_every_trained_weight_a_gradient(sets):
    method = Jigsaw(JigsawConfig.resolve("jigsaw", "smoke", sets))
    nets = method.build(Backbone("test_resnet"))
    trained = {name: p for name, p in nets["net"].named_parameters() if p.requires_grad}
    optimizer = method.optimizer("net", trained.values())
    side = method.views()["image"].side
    images = torch.randint(0, 256, (4, side, side, 3), generator=generator(), dtype=torch.uint8).permute(0, 3, 1, 2)
    (loss,) = method.step(nets, {"image": images}, context())
    assert loss.shape == ()
    loss.backward()
    assert [name for name, p in trained.items() if p.grad is None or not p.grad.isfinite().all()] == []
    assert float(next(nets["net"].backbone.parameters()).grad.abs().sum()) > 0
    before = nets["net"].fc8.weight.clone()
    optimizer.step()
    assert (nets["net"].fc8.weight != before).any()
    assert method.crops_per_image() == method.config.grid**2 * method.config.puzzles


def quadrants(n, seed):
    """Images in which every place has its own texture: easy, and impossible from one colour alone."""
    rows = torch.arange(48)
    cell = (rows // 16)[:, None] * 3 + (rows // 16)[None]
    wave = torch.sin(rows[:, None] * (0.3 + 0.22 * (cell // 3)) + rows[None] * (0.3 + 0.22 * (cell % 3)))
    noise = torch.rand(n, 3, 48, 48, generator=generator(seed)) * 60
    return (128 + 60 * wave + noise).clamp(0, 255).to(torch.uint8)


@pytest.mark.seconds
def test_it_learns_planted_places_and_says_so_on_unseen_images():
    torch.manual_seed(0)
    config = JigsawConfig(crop=48, cell=16, tile=12, permutations=8, tile_width=32, hidden=64, schedule="constant")
    method = Jigsaw(config)
    nets = method.build(Backbone("test_resnet"))
    optimizer = method.optimizer("net", [p for p in nets["net"].parameters() if p.requires_grad])

    def accuracy():
        nets["net"].eval()
        found = method.pretext(nets, {"image": quadrants(96, 99)}, context(7))["accuracy"]
        assert found.shape == (96,)
        assert set(found) <= {0.0, 1.0}
        again = method.pretext(nets, {"image": quadrants(96, 99)}, context(7))["accuracy"]
        assert (found == again).all()
        nets["net"].train()
        return found.mean()

    assert accuracy() < 0.4
    for step in range(40):
        (loss,) = method.step(nets, {"image": quadrants(32, step)}, context(step))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert accuracy() > 0.8
    assert method.trivial() == {"accuracy": 1 / 8}
    picture = method.pictures(nets, {"image": quadrants(5, 3)}, context())["puzzles"]
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3
    assert min(picture.shape[:2]) > 300


def test_pictures_frame_right_tiles_green_and_wrong_ones_red():
    permutations = np.array([[0, 1, 2, 3], [0, 1, 3, 2]], dtype=np.uint8)
    tiles = np.full((1, 4, 8, 8, 3), 255, dtype=np.uint8)

    def coloured(label, guess):
        picture = draw_puzzles(tiles, permutations, np.array([label]), np.array([guess]))
        below = picture.shape[0] - MARGIN - LINE - GUTTER - LINE - 2  # the verdict, which has a colour too
        picture = picture[:below].reshape(-1, 3).astype(int)
        greens = ((picture[:, 1] - picture[:, 0]) > 60).sum()
        reds = ((picture[:, 0] - picture[:, 1]) > 60).sum()
        return greens, reds

    greens, reds = coloured(1, 1)
    assert greens > 0
    assert reds == 0
    greens, reds = coloured(1, 0)
    assert greens == reds > 0


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ({"tile": "50"}, "tile 50 is larger than its cell 40"),
        ({"cell": "60"}, "3 cells of 60 px do not fit a crop of 120"),
        ({"grid": "2", "permutations": "25"}, "4 tiles have 24 permutations"),
        ({"greyscale": "0.7", "projection": "0.4"}, "add up to more than 1"),
        ({"permutations": "200", "min_distance": "7"}, "lower the minimum distance"),
        ({"grid": "2", "min_distance": "5", "permutations": "4"}, "min_distance 5 is not in 2..4"),
        ({"generator": "maximum"}, "generator"),
        ({"til": "3"}, "did you mean 'tile'"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(sets, said):
    with pytest.raises(UsageError, match=said) as refused:
        JigsawConfig.resolve("jigsaw", "quick", sets)
    assert "\n" not in str(refused.value)
    assert "jigsaw" in str(refused.value)


@pytest.mark.seconds
def test_a_tile_that_the_backbone_cannot_take_is_refused():
    method = Jigsaw(JigsawConfig(tile=30))
    with pytest.raises(UsageError, match="does not accept tiles of 30 px"):
        method.build(Backbone("beit_base_patch16_224"))


@pytest.mark.parametrize("preset", ["smoke", "quick", "standard", "paper"])
def test_every_preset_resolves_and_changes_nothing_of_itself(preset):
    assert JigsawConfig.resolve("jigsaw", preset).changed(preset) == {}


def test_a_recipe_lies_between_preset_and_set_and_its_values_show():
    for preset in ("quick", "standard", "paper"):
        panel = JigsawConfig.resolve("jigsaw", preset, {"recipe": "jigsawpanel", "permutations": "30"})
        assert (panel.crop, panel.cell, panel.tile, panel.fit) == (360, 120, 100, "squash")
        assert (panel.permutations, panel.lr, panel.optimizer) == (30, 1e-3, "adam")
        assert panel.changed(preset)["recipe"] == "jigsawpanel"
        assert panel.model_dump()["intensity"] == 2
        assert JigsawConfig(**panel.model_dump()) == panel
    paper = JigsawConfig.resolve("jigsaw", "paper")
    assert (paper.crop, paper.cell, paper.tile, paper.permutations) == (255, 85, 64, 1000)
    assert JigsawConfig.resolve("jigsaw", "paper", {"gap": "false"}).changed("paper") == {"gap": False}


def test_the_schedule_falls_as_its_source_does():
    paper = Jigsaw(JigsawConfig(recipe="noroozi"))
    iterations = [0, 99_999, 100_000, 199_999, 200_000, 349_999]
    assert [paper.rate(k / 350_000) for k in iterations] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.001])
    panel = Jigsaw(JigsawConfig(recipe="jigsawpanel"))
    assert [panel.rate(epoch / 300) for epoch in (44, 45, 90, 299)] == pytest.approx([1, 0.2, 0.04, 0.2**6])
    cosine = Jigsaw(JigsawConfig())
    assert cosine.rate(cosine.config.warmup) == pytest.approx(1)
    assert cosine.rate(0.999) < 0.01
    assert math.isclose(Jigsaw(JigsawConfig(schedule="constant")).rate(0.7), 1)
