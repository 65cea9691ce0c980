"""NT-Xent: equal to pytorch-metric-learning's, bounded, the same over two ranks as on one device."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ranks import alone, finish, two_ranks

from inkbench.benchmark.losses.nt_xent import found, nt_xent
from inkbench.benchmark.store.arrays import read_arrays

SCRIPT = "distributed_nt_xent.py"


def embeddings(n, d, seed):
    return tuple(torch.randn(n, d, generator=torch.Generator().manual_seed(seed + k)) for k in range(2))


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 24), d=st.integers(2, 32), temperature=st.floats(0.05, 2), seed=st.integers(0, 2**20))
def test_equal_to_pytorch_metric_learning(n, d, temperature, seed):
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    z1, z2 = embeddings(n, d, seed)
    labels = torch.arange(n).repeat(2)
    theirs = losses.NTXentLoss(temperature=temperature)(torch.cat([z1, z2]), labels)
    assert float(nt_xent(z1, z2, temperature)) == pytest.approx(float(theirs), rel=2e-4, abs=2e-5)


def test_its_bounds_and_symmetries():
    z1, z2 = embeddings(8, 16, 0)
    assert float(nt_xent(z1, z2, 0.3)) == pytest.approx(float(nt_xent(z2, z1, 0.3)), rel=1e-6)
    assert float(nt_xent(5 * z1, 0.1 * z2, 0.3)) == pytest.approx(float(nt_xent(z1, z2, 0.3)), rel=1e-5)
    same = torch.ones(8, 16)
    assert float(nt_xent(same, same, 0.3)) == pytest.approx(math.log(15), rel=1e-5)
    apart = torch.eye(8, 16)
    expected = math.log(1 + 14 * math.exp(-1 / 0.3))
    assert float(nt_xent(apart, apart, 0.3)) == pytest.approx(expected, rel=1e-5)


def test_under_bf16_autocast_it_is_the_same():
    z1, z2 = embeddings(32, 64, 3)
    with torch.autocast("cpu", torch.bfloat16):
        cast = nt_xent(z1, z2, 0.07)
    assert cast.dtype == torch.float32
    assert float(cast) == float(nt_xent(z1, z2, 0.07))


def test_found_counts_partners_that_are_nearest():
    z = torch.eye(4, 8)
    assert found(z, z).tolist() == [1, 1, 1, 1]
    assert found(z, z.roll(1, 0)).tolist() == [0, 0, 0, 0]
    near = z.clone()
    near[0] = z[0] + 0.9 * z[1]  # its partner is still nearest to it, and it to its partner
    assert found(z, near).tolist() == [1, 1, 1, 1]
    noise = embeddings(500, 64, 1)
    assert float(found(*noise).mean()) == pytest.approx(1 / 999, abs=0.004)


@pytest.mark.slow
def test_value_and_gradient_over_two_ranks_are_those_of_one_device(tmp_path):
    """Both ranks have the loss of the whole batch; the mean of their gradients is the gradient of one device."""
    two_ranks(SCRIPT, *((2, tmp_path / f"{rank}.npz") for rank in range(2)))
    finish(alone(SCRIPT, 1, tmp_path / "alone.npz"))
    whole = read_arrays(tmp_path / "alone.npz")
    shares = [read_arrays(tmp_path / f"{rank}.npz") for rank in range(2)]
    for share in shares:
        assert float(share["loss"]) == pytest.approx(float(whole["loss"]), rel=1e-6)
        np.testing.assert_allclose(share["gradient"], whole["gradient"], rtol=1e-4, atol=1e-7)
        assert share["found"].tolist() == [1.0] * 5, "a rank judges its own held-out images, whatever the others see"
    assert np.abs(whole["gradient"]).max() > 1e-3
    assert np.abs(whole["loss"] - whole["loss of half the batch"]) > 1e-2, "gathering changes nothing here"
