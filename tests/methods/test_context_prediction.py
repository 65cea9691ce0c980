"""Context prediction: where the patches lie, what a swap does to the label, settings, learning."""

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from method_steps import batch, built, context, drive, generator, noise

from inkbench.benchmark import augment
from inkbench.benchmark.api import UsageError
from inkbench.methods.context_prediction import NEIGHBOURS, ContextPrediction, ContextPredictionConfig


def coordinates(side):
    """An image whose red is its row and whose green is its column."""
    row = torch.arange(side, dtype=torch.uint8)
    return torch.stack([row[:, None].expand(side, side), row.expand(side, side), row.expand(side, side)])[None]


def corners(config, n=400, seed=0):
    """Row and column of both patches (n, 2, 2), and the labels."""
    pairs = ContextPrediction(config).cut(coordinates(config.side).expand(n, -1, -1, -1), generator(seed))
    return pairs.pixels[:, :, :2, 0, 0].long(), pairs.labels


@settings(max_examples=20, deadline=None)
@given(patch=st.integers(2, 30), gap=st.integers(0, 20), jitter=st.integers(0, 5), extra=st.integers(0, 60))
@pytest.mark.seconds
def test_the_second_patch_lies_in_the_direction_of_its_label(patch, gap, jitter, extra):
    side = max(8, 2 * patch + gap + 2 * jitter + extra)
    config = ContextPredictionConfig(side=side, patch=patch, gap=gap, jitter=jitter, least_scale=1)
    places, labels = corners(config, n=4_000)  # enough to meet both edges, whatever the sizes
    assert int(places.min()) >= 0
    assert int(places.max()) <= side - patch
    apart = (places[:, 1] - places[:, 0]).double() - torch.tensor(NEIGHBOURS)[labels] * config.pitch
    assert float(apart.abs().max()) <= 2 * jitter
    between = (places[:, 1] - places[:, 0]).abs().amax(1) - patch
    assert int(between.min()) >= gap - 2 * jitter
    if side > 2 * patch + gap + 2 * jitter + 20:
        assert int(places.min()) == 0
        assert int(places.max()) == side - patch


def test_swapping_two_patches_maps_label_k_to_7_minus_k():
    """By the pixels: what is cut for k with its patches swapped is where 7 - k looks for them."""
    config = ContextPredictionConfig(jitter=0, side=200, least_scale=1)
    places, labels = corners(config)
    swapped = places.flip(1)
    for k in range(8):
        offsets = (swapped[labels == k][:, 1] - swapped[labels == k][:, 0]).unique(dim=0)
        opposite = (places[labels == 7 - k][:, 1] - places[labels == 7 - k][:, 0]).unique(dim=0)
        assert offsets.tolist() == opposite.tolist()
        assert [-a for a in NEIGHBOURS[k]] == list(NEIGHBOURS[7 - k])


@pytest.mark.seconds
def test_no_place_gives_the_label_away():
    """The first patch of a pair whose second lies above is found as low as that of its mirror image is high."""
    config = ContextPredictionConfig(least_scale=1)
    places, labels = corners(config, 8000)
    rows = places[:, :, 0].double()
    assert float(rows[labels == 1].mean()) == pytest.approx(float(rows[labels == 6].mean()), abs=1.5)
    assert torch.bincount(labels).tolist() == pytest.approx([1000] * 8, abs=130)
    blank = ContextPrediction(config).cut(torch.zeros(8000, 3, 120, 120, dtype=torch.uint8), generator())
    assert (blank.labels == labels).all()


def quartiles(values):
    return np.quantile(np.asarray(values, dtype=float), [0.25, 0.5, 0.75])


@pytest.mark.fidelity
@pytest.mark.parametrize("side", [96, 32])
def test_downsampled_sides_are_distributed_as_the_authors_draw_them(side):
    """Their rule, typed again: int(sqrt(U * (95 * 95 - 10 * 10) + 10 * 10)) of 96 px (deepcontext, train.py).

    What was made k x k and large again has rank k, whatever the code calls it.
    """
    draw = random.Random(1)
    theirs = [int(math.sqrt(draw.random() * (95 * 95 - 10 * 10) + 10 * 10)) * side / 96 for _ in range(20_000)]
    patches = torch.rand(500, 1, side, side, dtype=torch.float64, generator=generator(1))
    config = ContextPredictionConfig.resolve("context_prediction", "paper" if side == 96 else "quick")
    assert config.patch == side
    assert config.downsampling == 0.33
    small = augment.downsample(patches, 1.0, config.least_side, generator())[:, 0]
    ours = torch.linalg.matrix_rank(small, rtol=1e-9).numpy()
    assert quartiles(ours) == pytest.approx(quartiles(theirs), abs=0.04 * side)
    for most, tolerance in ((39 / 96, 0.05), (25 / 96, 0.035)):
        there = np.mean(np.array(theirs) <= most * side)
        assert np.mean(ours <= most * side) == pytest.approx(there, abs=tolerance)


@pytest.mark.fidelity
def test_each_patch_keeps_a_channel_of_its_own():
    """The authors draw it in prep_image, once a patch: two of a pair share it in a third of the pairs, not in all."""
    method = ContextPrediction(ContextPredictionConfig(downsampling=0, normalize=False))
    built(method)
    method._normalize = lambda pixels: pixels
    shown = method.appearance(noise(1800, 8).view(900, 2, 3, 8, 8), generator())
    kept = shown.square().mean((3, 4)).argmax(2)
    table = torch.bincount(kept[:, 0] * 3 + kept[:, 1], minlength=9) / 900
    assert table.tolist() == pytest.approx([1 / 9] * 9, abs=0.04)


@pytest.mark.fidelity
@pytest.mark.seconds
def test_panels_are_shown_at_the_authors_sizes():
    """150,000 to 450,000 pixels, uniform (deepcontext, train.py: gri_targpixels).

    On a ramp from 0 to 255 a patch spans so much of the ramp as its own size is to the panel's.
    """
    paper = ContextPredictionConfig.resolve("context_prediction", "paper")
    assert paper.side**2 == pytest.approx(450_000, rel=0.01)
    assert paper.side**2 * paper.least_scale == pytest.approx(150_000, rel=0.01)
    config = ContextPredictionConfig(side=224, patch=32, gap=16, jitter=2, least_scale=paper.least_scale)
    ramp = torch.linspace(0, 255, 224).round().to(torch.uint8).expand(400, 3, 224, 224)
    pixels = ContextPrediction(config).cut(ramp, generator()).pixels.double()
    spans = (pixels[..., -1] - pixels[..., 0]).mean((1, 2, 3)) / 255  # of 31 pixels
    areas = (31 / spans) ** 2 / 224**2 * 450_000
    assert quartiles(areas) == pytest.approx([225_000, 300_000, 375_000], rel=0.05)
    assert float(areas.min()) > 140_000
    assert float(areas.max()) < 475_000


def test_patches_of_a_small_panel_lie_in_it_and_those_of_a_step_have_one_size():
    """Nothing of the black around a panel that was made smaller, and `pairs` at one scale an image."""
    config = ContextPredictionConfig()
    method = ContextPrediction(config)
    white = torch.full((300, 3, config.side, config.side), 255, dtype=torch.uint8)
    assert int(method.cut(white, generator()).pixels.min()) == 255
    ramp = torch.linspace(0, 255, config.side).round().to(torch.uint8).expand(50, 3, config.side, config.side)
    pixels = method.cut(ramp, generator(), pairs=4).pixels.double().view(50, 8, 3, 32, 32)
    spans = (pixels[..., -1] - pixels[..., 0]).mean((2, 3))
    assert float((spans.amax(1) - spans.amin(1)).max()) <= 2.0
    assert float(spans.mean(1).max() - spans.mean(1).min()) > 15


@pytest.mark.parametrize("normalize", [True, False])
def test_colours_dropped_leave_one_channel(normalize):
    method = ContextPrediction(ContextPredictionConfig(normalize=normalize, downsampling=0))
    built(method)
    pixels = noise(64, 32).view(32, 2, 3, 32, 32)
    shown = method.appearance(pixels, generator())
    assert shown.shape == pixels.shape
    assert shown.isfinite().all()
    if normalize:
        return  # the others are noise of a hundredth, and each patch is divided by its own
    others = (shown - shown.mean((3, 4), keepdim=True)).square().mean((3, 4)).sort(2).values
    assert float((others[..., 1] / others[..., 2]).max()) < 0.1


def test_projection_removes_the_green_magenta_axis_and_grey_is_grey():
    axis = torch.tensor([-1.0, 2.0, -1.0])
    for sets, expected in (({"colours": "projection"}, True), ({"colours": "none"}, False)):
        method = ContextPrediction(ContextPredictionConfig(**sets, downsampling=0, normalize=False))
        net = built(method)["net"].backbone
        shown = method.appearance(noise(8, 32).view(4, 2, 3, 32, 32), generator()).flatten(0, 1)
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (net.mean, net.std))
        along = torch.einsum("nchw,c->nhw", shown * std + mean, axis)
        assert bool((along.abs() < 1e-4).all()) == expected
    method = ContextPrediction(ContextPredictionConfig(colours="none", greyscale=1.0, downsampling=0))
    built(method)
    shown = method.appearance(noise(8, 32).view(4, 2, 3, 32, 32), generator())
    assert torch.allclose(shown[:, :, 0], shown[:, :, 2], atol=1e-5)


@pytest.mark.parametrize("sets", [{}, {"patch_width": "0"}, {"hidden": "0", "batch_norm": "false", "dropout": "0.3"}])
@pytest.mark.seconds
def test_a_step_trains_both_streams_which_are_one(sets):
    method = ContextPrediction(ContextPredictionConfig.resolve("context_prediction", "smoke", sets))
    nets = built(method)
    ((loss,),) = drive(method, nets, 0)
    assert 0 < loss < 20
    assert method.crops_per_image() == 2 * method.config.pairs
    assert float(next(nets["net"].backbone.parameters()).grad.abs().sum()) > 0


def waves(n, seed):
    """Images whose frequency across grows to the right and whose frequency down grows downwards: a map to learn."""
    line = torch.arange(60.0)
    phase = torch.rand(n, 1, 1, generator=generator(seed)) * 6.3
    image = torch.sin(line**2 * 0.012 + phase) + torch.sin((line**2 * 0.012)[:, None] + phase)
    return (128 + 50 * image).clamp(0, 255).to(torch.uint8)[:, None].expand(-1, 3, -1, -1).contiguous()


@pytest.mark.seconds
def test_it_learns_where_a_patch_lies_and_says_so_on_unseen_images():
    config = ContextPredictionConfig(
        side=60,
        patch=20,
        gap=4,
        jitter=1,
        colours="none",
        downsampling=0,
        least_scale=1,
        patch_width=32,
        hidden=64,
        warmup=0.0,
        lr=3e-3,
    )
    method = ContextPrediction(config)
    nets = built(method)
    optimizer = method.optimizer("net", nets["net"].parameters())

    def accuracy():
        nets["net"].eval()
        found = method.pretext(nets, {"image": waves(256, 99)}, context(7))["accuracy"]
        assert set(found) <= {0.0, 1.0}
        nets["net"].train()
        return found.mean()

    assert accuracy() < 0.3
    for step in range(60):
        (loss,) = method.step(nets, {"image": waves(16, step)}, context(step))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert accuracy() > 0.5
    assert method.trivial() == {"accuracy": 1 / 8}


def test_pictures_show_pairs():
    method = ContextPrediction(ContextPredictionConfig.resolve("context_prediction", "smoke"))
    nets = built(method)
    nets["net"].eval()
    picture = method.pictures(nets, batch(method, 5), context())["pairs"]
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert min(picture.shape[:2]) > 100


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (
            {"patch": "60"},
            "two patches of 60 px with a gap of 12 that move by 2 do not fit 84 px, the least of a side of 120 with "
            "least_scale 0.5; raise side to 193 or least_scale, or lower patch, gap or jitter",
        ),
        ({"colours": "droping"}, "colours"),
        ({"downsampling": "1.5"}, "downsampling"),
        ({"jiter": "3"}, "did you mean 'jitter'"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(sets, said):
    with pytest.raises(UsageError, match=said) as refused:
        ContextPredictionConfig.resolve("context_prediction", "quick", sets)
    assert "\n" not in str(refused.value)


def test_cues_are_what_the_settings_leave():
    assert set(ContextPrediction(ContextPredictionConfig()).cues()) == {"colour"}
    bare = ContextPrediction(ContextPredictionConfig(gap=0, jitter=0, normalize=False, colours="none"))
    assert set(bare.cues()) == {"gap", "normalisation", "channel shift", "colour"}
    for changed in bare.cues().values():
        ContextPredictionConfig(**{**bare.config.model_dump(), **changed})
