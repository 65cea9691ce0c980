"""Context prediction: where the patches lie, what a swap does to the label, settings, learning."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from method_steps import batch, built, context, drive, generator, noise

from benchmark.api import Refusal
from methods.context_prediction import NEIGHBOURS, ContextPrediction, ContextPredictionConfig


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
def test_the_second_patch_lies_in_the_direction_of_its_label(patch, gap, jitter, extra):
    side = max(8, 2 * patch + gap + 2 * jitter + extra)
    config = ContextPredictionConfig(side=side, patch=patch, gap=gap, jitter=jitter)
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
    config = ContextPredictionConfig(jitter=0, side=200)
    places, labels = corners(config)
    swapped = places.flip(1)
    for k in range(8):
        offsets = (swapped[labels == k][:, 1] - swapped[labels == k][:, 0]).unique(dim=0)
        opposite = (places[labels == 7 - k][:, 1] - places[labels == 7 - k][:, 0]).unique(dim=0)
        assert offsets.tolist() == opposite.tolist()
        assert [-a for a in NEIGHBOURS[k]] == list(NEIGHBOURS[7 - k])


def test_no_place_gives_the_label_away():
    """The first patch of a pair whose second lies above is found as low as that of its mirror image is high."""
    config = ContextPredictionConfig()
    places, labels = corners(config, 8000)
    rows = places[:, :, 0].double()
    assert float(rows[labels == 1].mean()) == pytest.approx(float(rows[labels == 6].mean()), abs=1.5)
    assert torch.bincount(labels).tolist() == pytest.approx([1000] * 8, abs=130)
    blank = ContextPrediction(config).cut(torch.zeros(8000, 3, 120, 120, dtype=torch.uint8), generator())
    assert (blank.labels == labels).all()


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


def test_it_learns_where_a_patch_lies_and_says_so_on_unseen_images():
    config = ContextPredictionConfig(
        side=60,
        patch=20,
        gap=4,
        jitter=1,
        colours="none",
        downsampling=0,
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
        ({"patch": "60"}, "two patches of 60 px with a gap of 12 that move by 2 do not fit 120 px; raise side to 136"),
        ({"colours": "droping"}, "colours"),
        ({"downsampling": "1.5"}, "downsampling"),
        ({"jiter": "3"}, "did you mean 'jitter'"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(sets, said):
    with pytest.raises(Refusal, match=said) as refused:
        ContextPredictionConfig.resolve("context_prediction", "quick", sets)
    assert "\n" not in str(refused.value)


def test_cues_are_what_the_settings_leave():
    assert set(ContextPrediction(ContextPredictionConfig()).cues()) == {"colour"}
    bare = ContextPrediction(ContextPredictionConfig(gap=0, jitter=0, normalize=False, colours="none"))
    assert set(bare.cues()) == {"gap", "normalisation", "channel shift", "colour"}
    for changed in bare.cues().values():
        ContextPredictionConfig(**{**bare.config.model_dump(), **changed})
