"""Every pretext task takes a step under every preset and on each kind of backbone that it says it takes."""

import numpy as np
import pytest
from method_steps import built, drive

from inkbench.benchmark import registry
from inkbench.benchmark.config import PRESETS

PRETEXTS = [name for name in registry.names("methods") if registry.load("methods", name).pretrains]
KINDS = {"any": ("test_resnet", "test_vit", "mobilenetv2_050"), "vit": ("test_vit", "test_vit2")}


def resolved(name, preset):
    kind = registry.load("methods", name)
    return kind(kind.Config.resolve(name, preset))


@pytest.mark.parametrize(
    "preset", [pytest.param(preset, marks=[pytest.mark.slow] if preset == "paper" else []) for preset in PRESETS]
)
@pytest.mark.parametrize("name", PRETEXTS)
@pytest.mark.seconds
def test_a_step_under_every_preset(name, preset):
    method = resolved(name, preset)
    nets = built(method, KINDS[method.backbones][0])
    for stage in range(len(method.stages())):
        assert np.isfinite(drive(method, nets, stage, n=2)).all()


@pytest.mark.parametrize(
    ("name", "backbone"), [(n, b) for n in PRETEXTS for b in KINDS[resolved(n, "quick").backbones]]
)
@pytest.mark.seconds
def test_a_step_on_every_kind_of_backbone(name, backbone):
    method = resolved(name, "quick")
    nets = built(method, backbone)
    for stage in range(len(method.stages())):
        assert np.isfinite(drive(method, nets, stage, n=2)).all()
