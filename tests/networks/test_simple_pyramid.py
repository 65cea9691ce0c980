"""ViTDet's simple pyramid: detectron2's shapes, its arithmetic written out, what a cell sees, the heads behind it."""

import math

import pytest
import torch

from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import NotApplicable, UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.simple_pyramid import DENSE, OnPyramid, SimplePyramid
from inkbench.tasks.detection.simple_levels import SimpleLevels
from inkbench.tasks.detection.task import Detection, DetectionConfig
from inkbench.tasks.saliency import Saliency, SaliencyConfig
from inkbench.tasks.segmentation.task import Segmentation, SegmentationConfig

VITDET_B = {
    2: [(768, 384, 2, 2), (384,), (384,), (384,), (384, 192, 2, 2), (192,), (256, 192, 1, 1)],
    3: [(768, 384, 2, 2), (384,), (256, 384, 1, 1)],
    4: [(256, 768, 1, 1)],
    5: [(256, 768, 1, 1)],
}
"""Shapes of ``backbone.simfp_N`` in detectron2's weights of ViTDet-B up to its 1x1 convolution, in their order."""
BEHIND = [(256,), (256,), (256, 256, 3, 3), (256,), (256,)]
"""Shapes of the norm of the 1x1 convolution, the 3x3 convolution and its norm, the same of all levels."""


@pytest.mark.fidelity
def test_layers_are_those_of_detectron2():
    with torch.device("meta"):
        pyramid = SimplePyramid(768, DENSE, 256)
    for level, expected in zip(pyramid.levels, VITDET_B.values(), strict=True):
        assert [tuple(one.shape) for one in level.parameters()] == expected + BEHIND


def norm(values, weight, bias):
    """Layer norm over the channels of each cell, in its own words."""
    mean = values.mean(1, keepdim=True)
    centred = (values - mean) / ((values - mean).pow(2).mean(1, keepdim=True) + 1e-6).sqrt()
    return centred * weight[None, :, None, None] + bias[None, :, None, None]


def doubled(values, weight, bias):
    """A transposed convolution of 2x2 and stride 2: each cell becomes four, each a linear map of it alone."""
    four = torch.einsum("bchw,cdij->bdhiwj", values, weight)
    batch, channels, high, _, wide, _ = four.shape
    return four.reshape(batch, channels, 2 * high, 2 * wide) + bias[None, :, None, None]


def three(values, weight):
    """A 3x3 convolution with zeros around, as the sum of nine shifted linear maps."""
    padded = torch.nn.functional.pad(values, (1, 1, 1, 1))
    high, wide = values.shape[-2:]
    return sum(
        torch.einsum("bchw,dc->bdhw", padded[:, :, i : i + high, j : j + wide], weight[:, :, i, j])
        for i in range(3)
        for j in range(3)
    )


@pytest.mark.fidelity
def test_each_level_is_its_arithmetic_written_out():
    torch.manual_seed(0)
    pyramid = SimplePyramid(16, (2, 1, 0, -1, -2), 8)
    with torch.no_grad():
        for one in pyramid.parameters():
            one.add_(torch.randn_like(one) * 0.3)
    last = torch.randn(2, 16, 6, 4)
    with torch.no_grad():
        found = pyramid(last)
        for level, values, doublings in zip(pyramid.levels, (last,) * 4, (2, 1, 0, -1), strict=True):
            of = iter(list(level.parameters()))
            if doublings == -1:
                values = torch.stack([values[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]).amax(0)
            for k in range(doublings):
                if k:
                    values = norm(values, next(of), next(of))
                    values = values * (1 + torch.erf(values / math.sqrt(2))) / 2
                values = doubled(values, next(of), next(of))
            values = norm(torch.einsum("bchw,dc->bdhw", values, next(of)[:, :, 0, 0]), next(of), next(of))
            values = norm(three(values, next(of)), next(of), next(of))
            torch.testing.assert_close(found[2 - doublings], values, atol=1e-5, rtol=1e-5)
        assert torch.equal(found[4], found[3][:, :, ::2, ::2])


@pytest.mark.parametrize(("level", "doublings"), list(enumerate(DENSE)))
def test_a_place_of_a_level_sees_its_own_cell_and_those_that_the_last_convolution_reaches(level, doublings):
    """A 3x3 convolution alone mixes places: nothing else of the pyramid looks at a neighbour."""
    torch.manual_seed(0)
    pyramid = SimplePyramid(16, DENSE, 8)
    last = torch.randn(1, 16, 8, 8, requires_grad=True)
    out = pyramid(last)[level]
    scale = 2.0**doublings
    assert out.shape[-2:] == (8 * scale, 8 * scale)
    y, x = out.shape[-2] // 2, out.shape[-1] // 2
    out[0, :, y, x].pow(2).sum().backward()
    seen = {tuple(place) for place in last.grad.abs().sum((0, 1)).nonzero().tolist()}
    reached = {
        (math.floor((y + dy + part[0]) / scale), math.floor((x + dx + part[1]) / scale))
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
        for part in ([(0, 0)] if scale >= 1 else [(i / 2, j / 2) for i in (0, 1) for j in (0, 1)])
    }
    assert seen <= reached
    assert {(math.floor(y / scale), math.floor(x / scale))} <= seen


@pytest.mark.parametrize(("stride", "side"), [(16, 128), (14, 128), (8, 256), (16, 200), (32, 256)])
def test_a_detector_s_levels_have_the_sizes_of_their_strides(stride, side):
    levels = SimpleLevels(32, stride, (8, 16, 32, 64), 32, side)
    cells = math.ceil(side / stride)
    sizes = [tuple(level.shape[-2:]) for level in levels([torch.randn(1, 32, cells, cells)])]
    assert sizes == [(math.ceil(side / level),) * 2 for level in (8, 16, 32, 64)]


def test_levels_that_do_not_halve_are_refused():
    for strides in ((8, 32), (64, 128)):
        with pytest.raises(UsageError, match=r"set detection\.strides to such as 8,16,32,64"):
            SimpleLevels(32, 16, strides, 32, 128)


HEADS = {
    "detection": (Detection, DetectionConfig, {"side": 64, "fpn_channels": 32, "convolutions": 1}, "frozen@1"),
    "saliency": (Saliency, SaliencyConfig, {"side": 64, "pyramid_width": 8, "width": 4}, "frozen@1"),
    "segmentation": (Segmentation, SegmentationConfig, {"side": 64, "pyramid_width": 8, "width": 4}, "fcn@1"),
}


@pytest.mark.parametrize("name", HEADS)
def test_heads_learn_through_the_last_map_alone(name):
    kind, config, settings, protocol = HEADS[name]
    torch.manual_seed(0)
    task = kind(config(**settings, pyramid="simple"))
    if name == "segmentation":
        task.classes = ("a", "b")
    backbone = Backbone("test_vit", BackboneSettings())
    head = task.head(backbone, protocol).eval()
    maps = [level.detach().requires_grad_(True) for level in backbone(torch.randn(2, 3, 64, 64))]
    out = head(maps)
    (out["scores"] if isinstance(out, dict) else out).square().sum().backward()
    assert [level.grad is not None for level in maps] == [False] * (len(maps) - 1) + [True]
    with pytest.raises(UsageError, match=rf"{name}.pyramid=simple .* test_resnet have strides .* --backbone"):
        task.head(Backbone("test_resnet", BackboneSettings()), protocol)
    assert not {"pyramid", "pyramid_width"} & config().plain().keys()


def test_one_linear_layer_has_no_pyramid():
    task = Segmentation(SegmentationConfig(side=64, pyramid="simple"))
    task.classes = ("a", "b")
    with pytest.raises(NotApplicable, match="linear@1 is one linear layer"):
        task.head(Backbone("test_vit", BackboneSettings()), "linear@1")


def test_what_the_head_reads_is_never_finer_than_its_grid():
    seen = []

    class Head(torch.nn.Module):
        def forward(self, maps, targets):
            seen.extend(level.shape[-1] for level in maps)

    OnPyramid(SimplePyramid(8, DENSE, 4), Head(), 10)([torch.randn(1, 8, 4, 4)])
    assert seen == [10, 8, 4, 2]
