"""Augmentations on the device: what moves, what stays, and that nothing is drawn twice from one generator."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inkbench.benchmark import augment


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=2, side=24, seed=0):
    return torch.randint(0, 256, (n, side, side, 3), generator=generator(seed), dtype=torch.uint8).permute(0, 3, 1, 2)


@pytest.mark.parametrize("layout", ["channels last", "contiguous", "float"])
def test_cut_reads_the_named_places(layout):
    source = images()
    source = {"contiguous": source.contiguous(), "float": source.float()}.get(layout, source)
    y, x = torch.tensor([[0, 5, 16], [3, 3, 0]]), torch.tensor([[16, 2, 16], [0, 4, 9]])
    tiles = augment.cut(source, y, x, 8)
    assert tiles.shape == (2, 3, 3, 8, 8)
    assert tiles.dtype == source.dtype
    for n in range(2):
        for k in range(3):
            assert (tiles[n, k] == source[n, :, y[n, k] : y[n, k] + 8, x[n, k] : x[n, k] + 8]).all()


def test_cut_reads_each_channel_at_its_own_place():
    source = images(1)
    y, x = torch.tensor([[[0, 1, 2]]]), torch.tensor([[[2, 0, 1]]])
    tile = augment.cut(source, y, x, 8)[0, 0]
    for channel in range(3):
        top, left = int(y[0, 0, channel]), int(x[0, 0, channel])
        assert (tile[channel] == source[0, channel, top : top + 8, left : left + 8]).all()


def test_a_place_outside_the_image_is_an_error():
    with pytest.raises(IndexError):
        augment.cut(images(1), torch.tensor([[17]]), torch.tensor([[0]]), 8)


@settings(max_examples=20, deadline=None)
@given(most=st.integers(1, 4), seed=st.integers(0, 2**31))
def test_channel_shift_moves_each_channel_by_0_to_k_pixels(most, seed):
    corner = torch.zeros(40, 9, dtype=torch.int64)
    y, x = augment.channel_shift(corner, corner, most, generator(seed))
    for places in (y, x):
        assert places.shape == (40, 9, 3)
        assert set(places.unique().tolist()) == set(range(most + 1))
        assert (places[..., 0] != places[..., 1]).any()
    assert (y != x).any()


def test_a_shift_is_spatial_and_keeps_intensities():
    ramp = torch.arange(24, dtype=torch.uint8).expand(1, 3, 24, 24)
    _, x = augment.channel_shift(torch.zeros(1, 1, dtype=torch.int64), torch.full((1, 1), 4), 2, generator(1))
    tile = augment.cut(ramp, torch.zeros_like(x), x, 8)
    assert (tile[0, 0, :, 0, 0].long() - 4 == x[0, 0] - 4).all()
    assert (tile[..., 1:].long() - tile[..., :-1].long() == 1).all()


def test_an_intensity_offset_adds_whole_levels_and_moves_nothing():
    pixels = augment.to_float(torch.full((30, 9, 3, 4, 4), 100, dtype=torch.uint8))
    moved = (augment.intensity_offset(pixels, 2, generator()) - pixels) * 255
    assert torch.allclose(moved, moved.round(), atol=1e-3)
    assert set(moved.round().unique().tolist()) == {-2.0, -1.0, 0.0, 1.0}
    assert (moved == moved[..., :1, :1]).all()
    assert float(augment.intensity_offset(pixels * 0, 2, generator()).min()) == 0


def test_the_shares_of_grey_and_projected_images_are_as_asked():
    matrices = augment.colour_matrices(4000, 0.3, 0.2, generator())
    grey = (matrices == matrices[:, :1]).all((1, 2))
    same = (matrices == torch.eye(3)).all((1, 2))
    assert float(grey.float().mean()) == pytest.approx(0.3, abs=0.03)
    assert float(same.float().mean()) == pytest.approx(0.5, abs=0.03)
    assert (augment.colour_matrices(20, 0, 0, generator()) == torch.eye(3)).all()


def test_the_projection_is_that_of_the_caffe_code():
    matrix = augment.colour_matrices(1, 0, 1, generator())[0]
    reported = [[0.8333, 0.3333, -0.1667], [0.3333, 0.3333, 0.3333], [-0.1667, 0.3333, 0.8333]]
    assert torch.allclose(matrix, torch.tensor(reported), atol=1e-4)
    assert torch.allclose(matrix @ matrix, matrix, atol=1e-6)


def test_all_tiles_of_a_grey_puzzle_are_grey_also_under_autocast():
    tiles = augment.to_float(torch.randint(0, 256, (4, 9, 3, 8, 8), generator=generator(), dtype=torch.uint8))
    with torch.autocast("cpu", torch.bfloat16):
        grey = augment.recolour(tiles, augment.colour_matrices(4, 1, 0, generator()))
    assert grey.dtype == torch.float32
    assert torch.allclose(grey[:, :, 0], grey[:, :, 2])
    luma = (tiles * torch.tensor(augment.LUMA).view(3, 1, 1)).sum(2)
    assert torch.allclose(grey[:, :, 0], luma, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(level=st.integers(0, 255), size=st.integers(2, 40), seed=st.integers(0, 2**31))
def test_standardise_gives_mean_0_and_deviation_1_and_blank_tiles_stay_finite(level, size, seed):
    pixels = torch.randint(0, 256, (2, 3, 3, size, size), generator=generator(seed), dtype=torch.uint8)
    pixels[..., 0, 0], pixels[..., 0, 1] = 0, 255
    pixels[0, 1] = level
    done = augment.standardise(augment.to_float(pixels))
    assert torch.isfinite(done).all()
    assert (done[0, 1] == 0).all()
    rest = torch.stack([done[0, 0], done[0, 2], *done[1]])
    assert torch.allclose(rest.mean((2, 3)), torch.zeros(5, 3), atol=1e-5)
    assert torch.allclose(rest.std((2, 3), correction=0), torch.ones(5, 3), atol=1e-4)


def test_one_odd_pixel_is_not_taken_for_a_blank_tile():
    pixels = torch.full((1, 1, 3, 128, 128), 200, dtype=torch.uint8)
    pixels[..., 5, 5] = 201
    assert float(augment.standardise(augment.to_float(pixels)).std(correction=0)) == pytest.approx(1, abs=1e-2)


def test_integers_are_uniform_and_inclusive():
    drawn = augment.integers((4000,), 3, generator())
    assert torch.bincount(drawn).tolist() == pytest.approx([1000] * 4, abs=120)
