"""Batch norm over ranks: two of 16 images are one of 32, in outputs, running statistics and gradients."""

import copy

import numpy as np
import pytest
import torch
from ranks import alone, finish, two_ranks
from timm.layers import BatchNormAct2d
from torch import nn

from inkbench.benchmark import registry
from inkbench.benchmark.store.arrays import read_arrays
from inkbench.benchmark.training.sync_batch_norm import desynchronise, synchronise

SCRIPT = "distributed_batch_norm.py"


def over_ranks(name, sync, folder):
    two_ranks(SCRIPT, *((name, 2, sync, folder / f"{sync}{rank}.npz") for rank in range(2)))
    return [read_arrays(folder / f"{sync}{rank}.npz") for rank in range(2)]


def furthest(shares, whole, kind):
    """The largest difference of arrays of a kind from those of one device, in shares of the kind's largest value."""
    apart = 0.0
    names = [key for key in whole if key.startswith(kind)]
    scale = max(float(np.abs(whole[key]).max()) for key in names)
    for key in names:
        for rank, share in enumerate(shares):
            expected = whole[key][:, rank::2] if kind == "out" else whole[key]
            apart = max(apart, float(np.abs(share[key].astype(float) - expected).max()) / scale)
    return apart


@pytest.mark.fidelity
@pytest.mark.parametrize("name", ["toy", "simclr", "identity_simclr", "dino"])
@pytest.mark.slow
def test_two_ranks_of_16_are_one_process_of_32(name, tmp_path):
    finish(alone(SCRIPT, name, 1, "auto", tmp_path / "alone.npz"))
    whole = read_arrays(tmp_path / "alone.npz")
    shares = over_ranks(name, "auto", tmp_path)
    assert any(np.abs(array).max() > 1e-3 for key, array in whole.items() if key.startswith("gradient"))
    for kind in ("out", "buffer", "gradient"):
        assert furthest(shares, whole, kind) < 1e-9, kind  # in float64


@pytest.mark.fidelity
@pytest.mark.slow
def test_without_it_two_ranks_are_not_one(tmp_path):
    """Else the test above could not fail; and ``off`` is what it says."""
    finish(alone(SCRIPT, "toy", 1, "auto", tmp_path / "alone.npz"))
    whole = read_arrays(tmp_path / "alone.npz")
    shares = over_ranks("toy", "off", tmp_path)
    assert all(furthest(shares, whole, kind) > 1e-3 for kind in ("out", "buffer", "gradient"))


def layers():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), BatchNormAct2d(4), nn.Flatten(), nn.Linear(16, 3), nn.BatchNorm1d(3)
    )


def test_a_network_keeps_its_names_its_parameters_and_what_it_does_in_evaluation():
    net, plain = layers(), layers()
    parameters = list(net.parameters())
    names = list(net.state_dict())
    synchronise(net)
    assert [type(layer).__name__ for layer in net] != [type(layer).__name__ for layer in plain]
    assert list(net.state_dict()) == names
    plain.load_state_dict(net.state_dict())
    images = torch.randn(5, 3, 4, 4)
    assert torch.allclose(net.eval()(images), plain.eval()(images), atol=1e-6)
    again = copy.deepcopy(net)
    for one in (net, again):
        desynchronise(one)
        assert [type(layer) for layer in one] == [type(layer) for layer in plain]
        assert torch.equal(one.eval()(images), plain(images))
    assert all(a is b for a, b in zip(net.parameters(), parameters, strict=True))
    desynchronise(net)


def test_methods_whose_papers_have_it_say_so():
    """SimCLR 2020, 2.1 (global BN); DINO's main_dino.py; comic_char_reid's ``sync_batchnorm: True``."""
    wanted = {name for name in registry.names("methods") if registry.load("methods", name).sync_batch_norm}
    assert {"simclr", "dino", "identity_simclr"} <= wanted
