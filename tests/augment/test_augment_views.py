"""Random views: boxes inside, crops that are what they say, colours against torchvision, blur against scipy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d
from torchvision.transforms.v2 import functional

from inkbench.benchmark import augment


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(max_examples=30, deadline=None)
@given(low=st.floats(0.01, 1), high=st.floats(0.01, 1), seed=st.integers(0, 2**31))
def test_boxes_lie_inside_and_have_the_area_that_was_asked_for(low, high, seed):
    low, high = sorted([low, high])
    x, y, width, height = augment.random_boxes(64, (low, high), generator(seed)).unbind(1)
    for centre, side in ((x, width), (y, height)):
        assert (centre - side / 2 >= -1e-6).all()
        assert (centre + side / 2 <= 1 + 1e-6).all()
    drawn = (width < 1) | (height < 1)  # where ten tries do not fit it is the whole square, as in torchvision
    assert (width * height <= high + 1e-5)[drawn].all()
    assert (width * height >= low - 1e-5)[drawn].all()
    assert drawn.all() or high > 0.75


def test_a_box_of_whole_pixels_is_cut_exactly_and_mirrored():
    images = torch.randint(0, 256, (2, 3, 40, 40), dtype=torch.uint8)
    box = torch.tensor([[0.35, 0.6, 0.5, 0.5]] * 2)
    cut = augment.crop_resize(images, box, 20, torch.tensor([False, True]))
    expected = images[:, :, 14:34, 4:24].float() / 255
    assert torch.allclose(cut[0], expected[0], atol=1e-5)
    assert torch.allclose(cut[1], expected[1].flip(-1), atol=1e-5)


@pytest.mark.parametrize("what", ["brightness", "contrast", "saturation"])
def test_one_change_of_colour_equals_torchvision(what):
    images = torch.rand(6, 3, 12, 12) * 0.5 + 0.2
    mine = augment.jitter_colours(images, generator(), augment.Jitter(**{what: 0.3}))
    state = generator()
    augment.coin(6, 1.0, state)
    for name in ("brightness", "contrast", "saturation"):
        drawn = torch.rand(6, generator=state)
        if name == what:
            factors = 1 + 0.3 * (2 * drawn - 1)
    theirs = [getattr(functional, f"adjust_{what}")(image, float(f)) for image, f in zip(images, factors, strict=True)]
    assert torch.allclose(mine, torch.stack(theirs), atol=2e-3)
    assert not torch.allclose(mine, images, atol=1e-2)


def test_a_turned_hue_keeps_luma_and_grey():
    images = torch.rand(4, 3, 8, 8) * 0.4 + 0.3
    luma = torch.tensor(augment.LUMA).view(1, 3, 1, 1)
    turned = augment.jitter_colours(images, generator(), augment.Jitter(hue=0.1))
    assert torch.allclose((turned * luma).sum(1), (images * luma).sum(1), atol=1e-4)
    grey = images.mean(1, keepdim=True).expand_as(images)
    assert torch.allclose(augment.jitter_colours(grey, generator(), augment.Jitter(hue=0.5)), grey, atol=1e-4)


def test_shares_of_grey_and_blur():
    images = torch.rand(400, 3, 12, 12)
    grey = augment.grey_some(images, 0.25, generator())
    touched = (grey != images).flatten(1).any(1)
    assert 60 < int(touched.sum()) < 140
    assert torch.equal(grey[touched][:, 0], grey[touched][:, 2])
    blurred = augment.blur_some(images, 0.5, generator(), sigma=(1.0, 1.0))
    touched = (blurred != images).flatten(1).any(1)
    assert 150 < int(touched.sum()) < 250
    index = int(touched.nonzero()[0])
    expected = images[index].numpy()
    for axis in (1, 2):
        expected = gaussian_filter1d(expected, 1.0, axis=axis, mode="mirror", radius=4)
    assert np.allclose(blurred[index].numpy(), expected, atol=1e-5)
    assert augment.blur_some(images, 0.0, generator()) is images


def test_colours_that_are_dropped_leave_one_channel_and_noise():
    pixels = torch.rand(30, 2, 3, 8, 8)
    dropped = augment.drop_colours(pixels, generator())
    strength = dropped.abs().amax((-2, -1))
    kept = strength > 0.5 / 255
    assert (kept.sum(-1) == 1).all()
    assert 1 < int((kept[:, 0] == kept[:, 1]).all(1).sum()) < 25, "every patch keeps a channel of its own"
    assert torch.allclose(dropped[kept].mean((-2, -1)), torch.zeros(60), atol=1e-6)


def test_downsampling_touches_its_share_and_loses_detail():
    pixels = torch.rand(200, 3, 32, 32)
    small = augment.downsample(pixels, 0.33, 0.3, generator())
    touched = (small - pixels).flatten(1).abs().amax(1) > 0.1
    assert 40 < int(touched.sum()) < 90
    assert small[touched].var() < pixels[touched].var()
    assert torch.equal(augment.downsample(pixels, 0.0, 0.3, generator()), pixels)


def test_division_by_rms_keeps_the_relation_of_channels():
    pixels = torch.rand(5, 2, 3, 16, 16)
    pixels[:, :, 1] *= 0.1
    pixels[4] = 0.5
    divided = augment.divide_by_rms(pixels.clone())
    assert torch.allclose(divided[:4].square().mean((-3, -2, -1)), torch.ones(4, 2), atol=1e-4)
    assert (divided[:4, :, 1].std((-2, -1)) < 0.2 * divided[:4, :, 0].std((-2, -1))).all()
    assert (divided[4] == 0).all()


IMAGES = torch.randint(0, 256, (6, 3, 40, 40), dtype=torch.uint8, generator=generator(9))
FLOATS = IMAGES.float() / 255


@pytest.mark.parametrize(
    "change",
    [
        lambda g: augment.crop_resize(IMAGES, augment.random_boxes(6, (0.1, 1), g), 32, augment.coin(6, 0.5, g)),
        lambda g: augment.jitter_colours(FLOATS, g, augment.Jitter(0.5, 0.5, 0.5, 0.1)),
        lambda g: augment.grey_some(FLOATS, 0.5, g),
        lambda g: augment.blur_some(FLOATS, 0.9, g),
        lambda g: augment.recolour(FLOATS, augment.colour_matrices(6, 0.5, 0.3, g)),
        lambda g: augment.drop_colours(FLOATS[:, None], g),
        lambda g: augment.downsample(FLOATS, 0.8, 0.2, g),
        lambda g: augment.divide_by_rms(FLOATS[:, None]),
        lambda g: augment.standardise(FLOATS[:, None].clone()),
        lambda g: augment.HOLES["random_region"](6, 40, 0.25, g),
        lambda g: augment.inner_band(augment.HOLES["random_block"](6, 40, 0.25, g), 3),
    ],
)
def test_autocast_changes_nothing(change):
    """Steps run under bf16 autocast; places and grey levels have more than its eight bits."""
    plain = change(generator(1))
    with torch.autocast("cpu", torch.bfloat16):
        cast = change(generator(1))
    assert cast.dtype == torch.float32
    assert (cast == plain).all()


def test_solarisation_inverts_the_bright_half_of_its_share_as_torchvision_does():
    images = torch.rand(400, 3, 6, 6)
    solarised = augment.solarise_some(images, 0.3, generator())
    touched = (solarised != images).flatten(1).any(1)
    assert 80 < int(touched.sum()) < 160
    assert torch.allclose(solarised[touched], functional.solarize(images[touched], 0.5))
    assert torch.equal(augment.solarise_some(images, 0.0, generator()), images)
