"""LARS against the update rule written out, and against timm's where the two are the same."""

import numpy as np
import pytest
import torch
from timm.optim import Lars as TimmLars
from torch import nn

from inkbench.methods.simclr.lars import Lars
from inkbench.methods.simclr.method import Simclr


def gradients(steps, shape, seed=0):
    return torch.randn(steps, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.fidelity
@pytest.mark.parametrize("adapts", [True, False])
def test_it_is_the_rule_of_simclr(adapts):
    """v <- .9 v + lr trust (g + wd w), w <- w - v, trust = .001 |w| / |g + wd w| or 1, the rate changing on the way."""
    rates, decay = [0.3, 0.2, 0.1, 0.05], 1e-2
    start = torch.randn(5, 7, generator=torch.Generator().manual_seed(9))
    parameter = nn.Parameter(start.clone())
    optimizer = Lars([{"params": [parameter], "adapts": adapts}], lr=1.0, weight_decay=decay)
    w, v = start.double().numpy(), np.zeros((5, 7))
    for rate, gradient in zip(rates, gradients(4, (5, 7)), strict=True):
        optimizer.param_groups[0]["lr"] = rate
        parameter.grad = gradient.clone()
        optimizer.step()
        g = gradient.double().numpy() + decay * w
        trust = 1e-3 * np.sqrt((w**2).sum()) / np.sqrt((g**2).sum()) if adapts else 1.0
        v = 0.9 * v + rate * trust * g
        w = w - v
    np.testing.assert_allclose(parameter.detach().numpy(), w, rtol=1e-5, atol=1e-6)


@pytest.mark.fidelity
def test_it_is_timms_where_neither_the_rate_nor_the_decay_differ():
    """timm's rate is outside the momentum and its decay enters the norms otherwise: one rate, no decay."""
    start = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    mine, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    one = Lars([mine], lr=0.3)
    other = TimmLars([theirs], lr=0.3, momentum=0.9, weight_decay=0.0, trust_coeff=1e-3, always_adapt=True)
    for gradient in gradients(6, (4, 6)):
        mine.grad, theirs.grad = gradient.clone(), gradient.clone()
        one.step()
        other.step()
    assert torch.allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(mine, start, atol=1e-3)


def test_what_is_zero_moves_by_its_gradient_and_what_has_no_gradient_stays():
    zero, still, flat = (nn.Parameter(torch.zeros(3)) for _ in range(3))
    optimizer = Lars([zero, still, flat], lr=0.1)
    zero.grad, flat.grad = torch.ones(3), torch.zeros(3)
    optimizer.step()
    assert torch.allclose(zero, torch.full((3,), -0.1))
    assert not still.any()
    assert not flat.any()


@pytest.mark.fidelity
def test_simclr_at_paper_is_trained_by_it_with_its_exclusions():
    """Chen et al. 2020, section 2.2 and appendix B.6: rate .3 B / 256, decay 1e-6; not for biases and batch norm."""
    method = Simclr(Simclr.Config.resolve("simclr", "paper"))
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    optimizer = method.optimizer("net", net.parameters())
    assert isinstance(optimizer, Lars)
    of = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in net.named_parameters():
        kernel = name in ("0.weight", "2.weight")
        group = of[id(parameter)]
        assert (group["lr"], group["weight_decay"], group["adapts"]) == (0.3, 1e-6 if kernel else 0.0, kernel), name
    quick = Simclr(Simclr.Config.resolve("simclr", "quick")).optimizer("net", net.parameters())
    assert isinstance(quick, torch.optim.AdamW)
    assert [group["weight_decay"] for group in quick.param_groups] == [1e-2, 0.0]
