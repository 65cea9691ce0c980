"""Holes: how much they take away, where they lie, and the band along their edge."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import binary_erosion, distance_transform_cdt

from inkbench.benchmark import augment


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(max_examples=25, deadline=None)
@given(kind=st.sampled_from(sorted(augment.HOLES)), share=st.floats(0.1, 0.5), side=st.integers(32, 96))
def test_holes_are_of_zeros_and_ones_and_take_away_their_share(kind, share, side):
    mask = augment.HOLES[kind](16, side, share, generator(side))
    assert mask.shape == (16, 1, side, side)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    areas = mask.mean((1, 2, 3))
    if kind == "central":
        assert areas.tolist() == pytest.approx([round(side * share**0.5) ** 2 / side**2] * 16, abs=1e-6)
    elif kind == "random_block":
        assert float(areas.max()) <= share + 1e-6
        assert float(areas.min()) >= int(side * (share / 5) ** 0.5) ** 2 / side**2 - 1e-6
    else:
        assert float((areas - share).abs().max()) <= 0.05 + 1e-6


def test_the_central_hole_is_the_middle_quarter():
    mask = augment.HOLES["central"](2, 64, 0.25, generator())
    expected = torch.zeros(64, 64)
    expected[16:48, 16:48] = 1
    assert (mask[:, 0] == expected).all()


@pytest.mark.parametrize("kind", ["random_block", "random_region"])
def test_random_holes_reach_everywhere_and_differ(kind):
    mask = augment.HOLES[kind](600, 48, 0.25, generator())
    assert float(mask.mean(0).min()) > 0
    assert len({bytes(m.numpy().tobytes()) for m in mask}) == 600
    assert (augment.HOLES[kind](600, 48, 0.25, generator()) == mask).all()


@settings(max_examples=25, deadline=None)
@given(width=st.integers(0, 6), kind=st.sampled_from(sorted(augment.HOLES)), seed=st.integers(0, 2**31))
def test_the_band_is_what_erosion_takes_away(width, kind, seed):
    """Differential against scipy: square structuring element; beyond the image counts as hole."""
    mask = augment.HOLES[kind](3, 40, 0.3, generator(seed))
    band = augment.inner_band(mask, width)
    for hole, edge in zip(mask[:, 0].bool().numpy(), band[:, 0].bool().numpy(), strict=True):
        if width == 0:
            assert not edge.any()
            continue
        kept = binary_erosion(hole, [[True] * (2 * width + 1)] * (2 * width + 1), border_value=1)
        assert (edge == (hole & ~kept)).all()


@pytest.mark.fidelity
@pytest.mark.parametrize("side", [64, 128])
@pytest.mark.seconds
def test_random_regions_are_as_thick_as_the_authors(side):
    """Against the authors' way: one pattern, 0.06 cells of noise a pixel, bicubic by Pillow, below 0.25, and windows of
    it that cover 20 to 30 %. Measured: how deep in the hole its pixels lie, and how long its edge is."""
    r = np.random.default_rng(0)
    cells = 180
    noise = Image.fromarray(r.random((cells, cells)).astype(np.float32))
    pattern = np.asarray(noise.resize((3000, 3000), Image.Resampling.BICUBIC)) < 0.25
    theirs: list[np.ndarray] = []
    while len(theirs) < 300:
        y, x = r.integers(0, 3000 - side, 2)
        window = pattern[y : y + side, x : x + side]
        if 0.2 < window.mean() < 0.3:
            theirs.append(window)
    ours = [
        mask for seed in range(10) for mask in augment.HOLES["random_region"](30, side, 0.25, generator(seed))[:, 0]
    ]

    def figures(masks):
        masks = [np.asarray(mask, dtype=bool) for mask in masks]
        deep = [
            distance_transform_cdt(np.pad(mask, 1, "edge"), "chessboard")[1:-1, 1:-1][mask].mean() for mask in masks
        ]
        edge = [(mask[1:] != mask[:-1]).mean() + (mask[:, 1:] != mask[:, :-1]).mean() for mask in masks]
        return np.mean(deep), np.mean(edge)

    for mine, his in zip(figures(ours), figures(theirs), strict=True):
        assert mine == pytest.approx(his, rel=0.06)
