"""Holes: how much they take away, where they lie, and the band along their edge."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion

from benchmark import augment


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
