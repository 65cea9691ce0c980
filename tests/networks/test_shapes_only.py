"""What stands for functions on the meta device changes no shape, no count of operations, no dependence."""

import plan_matrix
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.networks.backbones import Backbone, skeleton
from inkbench.benchmark.networks.shapes_only import STANDS, ShapesOnly

PLAIN = BackboneSettings()
KINDS = ("test_resnet", "test_vit", "beit_base_patch16_224", "convnext_atto", "swin_tiny_patch4_window7_224")
"""Batch norm; plain attention; attention with a learned bias; layer norm of maps; windows."""


def asked(name, mode):
    """Shapes of all maps, operations, and the parameters that no map depends on."""
    bones = skeleton(name, PLAIN)
    images = torch.zeros(2, 3, bones.native_side, bones.native_side, device="meta")
    bones.model.requires_grad_(True)
    try:
        with mode(), FlopCounterMode(display=False) as counter:
            maps = bones.eval().through(images)
        torch.stack([one.sum() for one in maps]).sum().backward()
        unused = [key for key, parameter in bones.model.named_parameters() if parameter.grad is None]
    finally:
        bones.model.zero_grad(set_to_none=True)
        bones.train_for("maps")
    return [tuple(one.shape) for one in maps], counter.get_total_flops(), unused


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.seconds
def test_an_architecture_is_what_torch_itself_says(name):
    assert asked(name, ShapesOnly) == asked(name, lambda: torch.enable_grad())


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(set(plan_matrix.BACKBONES) - set(KINDS)))
def test_every_architecture_of_the_matrix_is_what_torch_itself_says(name):
    assert asked(name, ShapesOnly) == asked(name, lambda: torch.enable_grad())


def test_real_tensors_are_computed_with_as_ever():
    layer, values = torch.nn.LayerNorm(4), torch.randn(2, 4)
    wanted = layer(values)
    with ShapesOnly():
        assert torch.equal(layer(values), wanted)
        assert torch.nn.init.constant_(torch.empty(3), 2.0).tolist() == [2.0] * 3


@pytest.mark.seconds
def test_none_of_it_is_called_in_vain(monkeypatch):
    """Were a stand-in's name to change in torch, the plan would be right and slow, and nobody would see it."""
    called = set()
    for func, stands in STANDS.items():
        monkeypatch.setitem(
            STANDS, func, lambda *args, _func=func, _stands=stands, **how: called.add(_func) or _stands(*args, **how)
        )
    for name in ("test_resnet", "test_vit"):
        with torch.device("meta"), ShapesOnly():
            bones = Backbone(name)
            bones.through(torch.zeros(2, 3, 64, 64))
            torch.nn.GroupNorm(2, 4)(torch.zeros(2, 4, 8, 8))
    assert called == set(STANDS)
