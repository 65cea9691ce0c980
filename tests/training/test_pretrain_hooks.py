"""What a method says of rates, weight decay and gradients reaches its optimisers: schedules, clipping, groups."""

import copy

import pytest
import torch
from torch import nn

from inkbench.benchmark.pretext.adamw import weight_groups
from inkbench.benchmark.training.pretrain import Full
from inkbench.benchmark.training.updates import clip


def network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    loss = 10 * net(torch.randn(8, 3, 3, 3)).square().sum()
    loss.backward()
    return net


def norms(net):
    return torch.stack([parameter.grad.norm() for parameter in net.parameters()])


def test_what_has_one_dimension_does_not_decay():
    net = network()
    decayed, plain = weight_groups(net.parameters(), 0.1)
    assert {id(p) for p in decayed["params"]} == {id(net[0].weight), id(net[3].weight)}
    assert {id(p) for p in plain["params"]} == {id(net[0].bias), id(net[1].weight), id(net[1].bias), id(net[3].bias)}
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)
    assert weight_groups([net[0].bias], 0.1) == [{"params": [net[0].bias], "weight_decay": 0.0}]


def test_a_gradient_is_shortened_as_a_whole_or_parameter_by_parameter():
    net = network()
    before = norms(net)
    whole, each, free = copy.deepcopy(net), copy.deepcopy(net), copy.deepcopy(net)
    for other in (whole, each, free):
        for mine, theirs in zip(other.parameters(), net.parameters(), strict=True):
            mine.grad = theirs.grad.clone()
    clip(whole, 0.5, each=False)
    assert float(norms(whole).norm()) == pytest.approx(0.5, rel=1e-4)
    assert torch.allclose(norms(whole) / norms(whole).norm(), before / before.norm(), rtol=1e-4)
    bound = float(before.median())
    clip(each, bound, each=True)
    assert torch.allclose(norms(each), before.clamp_max(bound), rtol=1e-4)
    assert (before > bound).any()
    clip(free, 0.0, each=False)
    assert torch.equal(norms(free), before)


def test_rates_and_decays_are_factors_of_what_each_group_began_with():
    net = network()
    optimizer = torch.optim.AdamW(weight_groups(net.parameters(), 0.04), lr=2e-3)
    full = Full.of({"net": optimizer})
    for rate, decay in ((0.5, 1.0), (0.25, 10.0), (1.0, 0.5)):
        full.scale({"net": optimizer}, rate, decay)
        assert [group["lr"] for group in optimizer.param_groups] == [2e-3 * rate] * 2
        assert [group["weight_decay"] for group in optimizer.param_groups] == [0.04 * decay, 0.0]
