"""How transformers are read: behind their final norm, by class token, mean or both, as timm's own heads do."""

from types import SimpleNamespace

import pytest
import timm
import torch
from torch.nn import functional

from inkbench.benchmark.api import Method
from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.contracts.fitted_head import FittedHead
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.tokens import readout_of
from inkbench.benchmark.planning.asked import as_read_by
from inkbench.methods.dino.method import Dino
from inkbench.methods.imagenet import ImageNet
from inkbench.methods.jigsaw.method import Jigsaw
from inkbench.methods.mae.method import Mae
from inkbench.methods.random import Random

FAMILIES = {
    "test_vit": 64,  # a class token
    "test_vit2": 64,  # a register, mean of the patches, a norm behind the mean
    "test_vit3": 64,  # attention pooling
    "test_vit4": 64,
    "vit_tiny_patch16_224": 96,
    "vit_little_patch16_reg4_gap_256": 64,
    "vit_xsmall_patch16_clip_224": 64,  # a norm before the blocks
    "deit_tiny_distilled_patch16_224": 64,  # class and distillation token
    "eva02_tiny_patch14_224": 56,  # rotary, a norm behind the mean
    "test_vit_relpos": 160,
    "xcit_nano_12_p16_224": 224,
}
"""Architectures by the side of the images that they are shown here."""


def stirred(name, **settings):
    """A backbone whose norms are not 1 and 0, so that one left out or applied twice is seen."""
    torch.manual_seed(0)
    backbone = Backbone(name, BackboneSettings(**settings)).eval()
    with torch.no_grad():
        for key, parameter in backbone.model.named_parameters():
            if "norm" in key:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return backbone


@pytest.mark.fidelity
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.seconds
def test_the_vector_is_what_timm_s_own_classifier_is_given(name):
    backbone = stirred(name)
    images = torch.randn(2, 3, FAMILIES[name], FAMILIES[name])
    options = {"dynamic_img_size": True} if FAMILIES[name] < 160 else {}
    theirs = timm.create_model(name, num_classes=0, **options).eval()
    theirs.load_state_dict(backbone.model.state_dict())
    with torch.no_grad():
        vector = backbone.pooled(images)
        assert vector.shape == (2, backbone.width)
        assert torch.allclose(vector, theirs(images), atol=1e-5)
        own = theirs.forward_head(theirs.forward_features(images), pre_logits=True)
        assert torch.allclose(vector, own, atol=1e-5)


@pytest.mark.fidelity
@pytest.mark.parametrize("name", ["beit_base_patch16_224", "vit_base_patch16_siglip_224", "cait_xxs24_224"])
@pytest.mark.slow
def test_large_families_are_read_as_timm_reads_them(name):
    backbone = stirred(name)
    images = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.allclose(backbone.pooled(images), backbone.model(images), atol=1e-5)


@pytest.mark.fidelity
@pytest.mark.parametrize("name", [name for name in FAMILIES if not name.startswith("xcit")])
@pytest.mark.seconds
def test_maps_are_the_tokens_of_timm_s_forward_features(name):
    backbone = stirred(name)
    images = torch.randn(2, 3, FAMILIES[name], FAMILIES[name])
    with torch.no_grad():
        coarsest = backbone(images)[-1]
        tokens = backbone.model.forward_features(images)
    patches = tokens[:, -coarsest.shape[2] * coarsest.shape[3] :]
    assert torch.allclose(coarsest.flatten(2).transpose(1, 2), patches, atol=1e-5)


@pytest.mark.fidelity
def test_every_map_has_passed_the_final_norm():
    backbone = stirred("test_vit")
    outputs = []
    for block in backbone.model.blocks:
        block.register_forward_hook(lambda _, inputs, output: outputs.append(output))
    with torch.no_grad():
        maps = backbone(torch.randn(2, 3, 64, 64))
    norm = backbone.model.norm
    for level, index in zip(maps, backbone.indices, strict=True):
        centred = outputs[index] - outputs[index].mean(2, keepdim=True)
        normed = centred / (centred.square().mean(2, keepdim=True) + norm.eps).sqrt() * norm.weight + norm.bias
        assert torch.allclose(level.flatten(2).transpose(1, 2), normed[:, 1:], atol=1e-5)


@pytest.mark.fidelity
@pytest.mark.parametrize(
    ("name", "prefix"), [("test_vit", 1), ("deit_tiny_distilled_patch16_224", 2), ("vit_tiny_patch16_dinov3_qkvb", 5)]
)
@pytest.mark.seconds
def test_class_token_mean_and_both(name, prefix):
    images = torch.randn(2, 3, 64, 64)
    found = {}
    for readout in ("cls", "mean", "cls+mean"):
        backbone = stirred(name, readout=readout)
        with torch.no_grad():
            tokens = backbone.model.forward_features(images)
            found[readout] = backbone.pooled(images)
        assert found[readout].shape[1] == backbone.width
    assert torch.allclose(found["cls"], tokens[:, 0], atol=1e-5)
    assert torch.allclose(found["mean"], tokens[:, prefix:].sum(1) / 16, atol=1e-5)
    assert torch.allclose(found["cls+mean"], torch.cat([found["cls"], found["mean"]], 1), atol=1e-5)


@pytest.mark.fidelity
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vit_small_patch16_224.dino", "cls"),
        ("vit_small_patch14_dinov2.lvd142m", "cls"),
        ("vit_small_patch14_reg4_dinov2.lvd142m", "cls"),
        ("vit_small_patch16_dinov3.lvd1689m", "cls"),  # timm's own head would take the mean
        ("vit_base_patch16_224.mae", "mean"),
        ("vit_tiny_patch16_224.augreg_in21k_ft_in1k", "head"),
        ("vit_medium_patch16_clip_224.tinyclip_yfcc15m", "head"),
        ("resnet18.a1_in1k", "head"),
    ],
)
def test_a_family_is_read_as_its_makers_read_it(name, expected):
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=0)
    assert readout_of(model, "family") == expected
    assert readout_of(model, "mean") == ("head" if name.startswith("resnet") else "mean")


def test_a_class_token_that_is_not_there_is_refused():
    for readout in ("cls", "cls+mean"):
        with pytest.raises(UsageError, match="test_vit2 has no class token to read; set backbone"):
            Backbone("test_vit2", BackboneSettings(readout=readout))
    plain = Backbone("test_resnet", BackboneSettings(readout="cls"))
    assert plain.width == plain.channels[-1]


@pytest.mark.parametrize("name", ["test_resnet", "convnext_atto", "mobilenetv2_050"])
@pytest.mark.seconds
def test_convolutional_networks_are_read_as_before(name):
    torch.manual_seed(0)
    backbone = Backbone(name).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        maps = backbone.model.forward_intermediates(images, indices=backbone.indices, intermediates_only=True)
        assert all(torch.equal(a, b) for a, b in zip(backbone(images), maps, strict=True))
        assert torch.equal(backbone.pooled(images), maps[-1].mean((2, 3)))
    assert backbone.width == backbone.channels[-1]


@pytest.mark.parametrize(
    ("name", "readout"),
    [
        *(("test_vit", readout) for readout in ("family", "cls", "mean", "cls+mean")),
        ("test_vit2", "family"),
        ("test_vit3", "family"),
        ("vit_tiny_patch16_dinov3_qkvb", "family"),
        ("xcit_nano_12_p16_224", "family"),
    ],
)
@pytest.mark.seconds
def test_what_is_trained_has_a_gradient_by_maps_and_by_vector(name, readout):
    backbone = Backbone(name, BackboneSettings(readout=readout))
    side = FAMILIES.get(name, 64)
    images = torch.randn(2, 3, side, side)
    for what in ("vector", "maps"):
        backbone.train_for(what)
        backbone.zero_grad(set_to_none=True)
        outputs = [backbone.pooled(images)] if what == "vector" else backbone(images)
        sum(output.square().sum() for output in outputs).backward()
        for key, parameter in backbone.named_parameters():
            assert (parameter.grad is not None) == parameter.requires_grad, key


def test_the_pooling_s_own_weights_are_trained_with_the_vector_alone():
    backbone = Backbone("test_vit3")
    pooling = dict(backbone.model.attn_pool.named_parameters())
    assert not any(p.requires_grad for p in pooling.values())
    backbone.train_for("vector")
    assert all(p.requires_grad for p in pooling.values())
    assert backbone.model.norm.weight.requires_grad


def test_a_method_says_how_its_weights_are_read_and_a_setting_overrules_it():
    def read(method, **settings):
        return as_read_by(method(method.Config()), BackboneSettings(**settings)).readout

    assert [read(method) for method in (Mae, Jigsaw)] == ["mean", "mean"]
    assert [read(method) for method in (Dino, Random, ImageNet)] == ["family", "family", "family"]
    assert read(Mae, readout="cls") == "cls"
    assert Method.readout == "mean"


@pytest.mark.parametrize("name", ["classification", "reid"])
def test_heads_are_as_wide_as_the_vector(name):
    from inkbench.benchmark import registry

    kind = registry.load("tasks", name)
    task = kind(kind.Config.resolve(name, "smoke", {}))
    if name == "classification":
        task.bind(SimpleNamespace(name="toy", classes=lambda _: ("a", "b", "c")))
    backbone = Backbone("test_vit", BackboneSettings(readout="cls+mean"))
    assert backbone.width == 2 * backbone.channels[-1]
    for protocol in task.protocols:
        others = {"linear@1": "maps", "grid@1": "all", "attentive@1": "last"}
        assert task.reads(protocol) == others.get(protocol, "vector")
        if protocol in others:
            continue
        head = task.head(backbone, protocol)
        if not isinstance(head, FittedHead):
            assert head([torch.randn(4, backbone.width, 1, 1)], None) is not None


def test_rows_that_are_read_in_two_ways_stand_in_one_block(tmp_path):
    """What a method says of its weights is in the id and in the record, and sets no row apart from its control."""
    from inkbench.benchmark.cli.flags import Parser, common, run_flags
    from inkbench.benchmark.cli.launch import request_of
    from inkbench.benchmark.data.locate import open_dataset
    from inkbench.benchmark.planning import planner
    from inkbench.benchmark.running.records import base_record
    from inkbench.benchmark.training import engine
    from inkbench.leaderboards.groups import setup

    words = ["--preset", "smoke", "--backbone", "test_vit", "--results", str(tmp_path)]
    flags = Parser(parents=[common(), run_flags()]).parse_args(words)
    request = request_of(flags, ["random", "mae"], ["saliency"], words)
    data = open_dataset("synth", request.preset, request.sets, request.results)
    work = planner.make(request, engine.start(1, "32", torch.get_num_threads()), data, data)
    records = {cell.method: base_record(cell, work, request) for cell in work.experiments if cell.backbone}
    assert {name: record.backbone.readout for name, record in records.items()} == {
        "random": "family",
        "mae": "mean",
    }
    assert work.experiments[-1].pretraining.identity["backbone_settings"]["readout"] == "mean"
    assert setup(records["random"]) == setup(records["mae"])


@pytest.mark.parametrize("name", ["test_vit", "eva02_tiny_patch14_224"])
@pytest.mark.seconds
def test_a_side_that_is_no_multiple_of_the_patch_is_covered_whole(name):
    """As if somebody had enlarged the image to the next multiple, in maps and vector."""
    own = Backbone(name).eval()
    patch, side = own.strides[-1], 3 * own.strides[-1] + 5
    images = torch.rand(2, 3, side, side - 10)
    large = functional.interpolate(images, (4 * patch, 3 * patch), mode="bilinear", align_corners=False)
    with torch.no_grad():
        assert own.maps(side, side - 10)[-1] == (4, 3)
        for mine, theirs in zip(own(images), own(large), strict=True):
            assert torch.equal(mine, theirs)
        assert torch.equal(own.pooled(images), own.pooled(large))
    assert own.operations(side) == own.operations(4 * patch)


def test_a_side_that_is_a_multiple_is_left_as_it_is():
    own = Backbone("test_vit").eval()
    images = torch.rand(2, 3, 48, 48)
    with torch.no_grad():
        plain = own.model.forward_intermediates(images, indices=own.indices, intermediates_only=True, norm=True)
        assert all(torch.equal(mine, theirs) for mine, theirs in zip(own(images), plain, strict=True))


DEEP = {
    "test_vit": 1,
    "vit_tiny_patch16_224": 1,
    "deit_tiny_distilled_patch16_224": 2,
    "vit_tiny_patch16_dinov3_qkvb": 5,
    "eva02_tiny_patch14_224": 1,  # its norm stands behind the pooling
}
"""Architectures with a class token in each block, by the number of tokens before the patches."""


def outputs_of_blocks(backbone):
    """A list that fills with what leaves each block."""
    outputs = []
    for block in backbone.model.blocks:
        block.register_forward_hook(lambda _, inputs, output: outputs.append(output))
    return outputs


@pytest.mark.fidelity
@pytest.mark.parametrize("name", DEEP)
@pytest.mark.seconds
def test_class_tokens_of_the_last_blocks_are_those_that_leave_them(name):
    """DINO's and DINOv2's linear evaluation, with the tokens taken from the blocks themselves by hooks."""
    images = torch.randn(2, 3, 56, 56)
    for readout in ("cls", "cls+mean"):
        backbone = stirred(name, readout=readout, last_blocks=3)
        outputs = outputs_of_blocks(backbone)
        with torch.no_grad():
            vector = backbone.pooled(images)
            norm = backbone.model.fc_norm if "eva02" in name else backbone.model.norm
            parts = [norm(output[:, 0]) for output in outputs[-3:]]
            last = outputs[-1] if "eva02" in name else norm(outputs[-1])
            mean = last[:, DEEP[name] :].mean(1)
            parts += [norm(mean) if "eva02" in name else mean] if readout == "cls+mean" else []
        assert vector.shape == (2, backbone.width)
        torch.testing.assert_close(vector, torch.cat(parts, 1), atol=1e-5, rtol=1e-5)


@pytest.mark.fidelity
def test_class_tokens_of_the_last_blocks_are_timms_intermediate_layers():
    backbone = stirred("vit_tiny_patch16_224", readout="cls+mean", last_blocks=4)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        layers = backbone.model.get_intermediate_layers(images, n=4, return_prefix_tokens=True, norm=True)
        expected = torch.cat([*(prefix[:, 0] for _, prefix in layers), layers[-1][0].mean(1)], 1)
        assert torch.equal(backbone.pooled(images), expected)


@pytest.mark.parametrize("readout", ["cls", "cls+mean"])
def test_one_block_is_the_class_token_as_ever(readout):
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        one, before = (stirred("test_vit", readout=readout, **more).pooled(images) for more in ({"last_blocks": 1}, {}))
        more = stirred("test_vit", readout="cls", last_blocks=2).pooled(images)
    assert torch.equal(one, before)
    assert torch.equal(more[:, 64:], before[:, :64])


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        (
            "test_resnet",
            {"readout": "cls"},
            "test_resnet has no class token in each of its blocks; leave",
        ),
        ("xcit_nano_12_p16_224", {"readout": "cls"}, "has no class token in each of its blocks"),
        ("test_vit2", {"readout": "mean"}, "has no class token in each of its blocks"),
        ("test_vit", {"readout": "mean"}, "set backbone.readout to cls or cls"),
        ("test_vit", {}, "set backbone.readout to cls or cls"),
        (
            "test_vit",
            {"readout": "cls", "last_blocks": 7},
            "test_vit has 6 blocks; set backbone.last_blocks to",
        ),
    ],
)
def test_blocks_that_cannot_be_read_are_refused(name, settings, words):
    with pytest.raises(UsageError, match=words):
        Backbone(name, BackboneSettings(**{"last_blocks": 2, **settings}))


def test_a_network_that_is_trained_through_several_blocks_leaves_no_parameter_without_a_gradient():
    backbone = Backbone("test_vit", BackboneSettings(readout="cls", last_blocks=3))
    backbone.train_for("vector")
    backbone.pooled(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert all(one.grad is not None for one in backbone.parameters() if one.requires_grad)


@pytest.mark.parametrize(
    "name", [*DEEP, "test_vit2", "vit_little_patch16_reg4_gap_256", "vit_small_patch14_reg4_dinov2"]
)
@pytest.mark.seconds
def test_registers_and_class_tokens_never_leak_into_maps(name):
    """What stands before the patches is overwritten as it leaves the last block: maps and mean do not move."""
    backbone = stirred(name, readout="mean")
    images = torch.randn(2, 3, 112, 112)
    prefix = backbone.model.num_prefix_tokens
    assert prefix == DEEP.get(name, prefix) > 0

    def overwrite(module, inputs, output):
        return torch.cat([torch.full_like(output[:, :prefix], 1e3), output[:, prefix:]], 1)

    with torch.no_grad():
        maps, vector, tokens = backbone(images), backbone.pooled(images), backbone.model.forward_features(images)
        backbone.model.blocks[-1].register_forward_hook(overwrite)
        assert all(torch.equal(a, b) for a, b in zip(backbone(images), maps, strict=True))
        assert torch.equal(backbone.pooled(images), vector)
        assert not torch.equal(backbone.model.forward_features(images)[:, :prefix], tokens[:, :prefix])
    cells = maps[-1].shape[2] * maps[-1].shape[3]
    assert tokens.shape[1] == prefix + cells
