"""An export computes what inkbench's own backbone computes: in timm under its calls, in torchvision, as ONNX."""

import json
import re
import sys

import numpy as np
import onnxruntime
import pytest
import timm
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.running.export.folder import Wanted, export
from inkbench.benchmark.running.export.onnx_file import onnx_bytes
from inkbench.benchmark.running.export.torchvision_names import FAMILIES, name_of, shapes_of, state_of
from inkbench.benchmark.store.store import Store

KINDS = ("test_resnet", "test_vit", "test_convnext")


def drawn(name, settings=None):
    """A backbone in which every tensor, statistics and scales too, has values of its own."""
    torch.manual_seed(5)
    backbone = Backbone(name, settings).eval()
    with torch.no_grad():
        for value in backbone.state_dict().values():
            if value.is_floating_point() and value.ndim == 1:
                value.uniform_(0.5, 1.5)
            elif value.is_floating_point() and value.ndim in (2, 4):
                value.normal_(0, (2 / value[0].numel()) ** 0.5)
    return backbone


def exported(tmp_path, backbone, *formats):
    """The folder of a backbone's weights that lay in a file."""
    save_file(backbone.model.state_dict(), tmp_path / "w.safetensors")
    out = tmp_path / "out"
    wanted = Wanted(out, ("timm", *formats), network=backbone.name)
    export(Store(tmp_path / "results"), f"weights:{tmp_path / 'w.safetensors'}", wanted)
    return out


def close(one, other, by=1e-6):
    scale = max(1.0, float(other.abs().max()))
    return one.shape == other.shape and float((one - other).abs().max()) <= by * scale


@pytest.fixture(scope="module", params=KINDS)
def pair(request, tmp_path_factory):
    """A backbone and its export."""
    backbone = drawn(request.param)
    return backbone, exported(tmp_path_factory.mktemp(request.param), backbone)


def made(out, **how):
    return timm.create_model(f"local-dir:{out}", pretrained=True, **how).eval()


@torch.no_grad()
def test_timm_computes_the_same_features(pair):
    backbone, out = pair
    model, images = made(out), torch.rand(2, 3, 96, 96)
    maps = model.forward_intermediates(
        images, indices=backbone.indices, norm=backbone.has_tokens, intermediates_only=True
    )
    assert all(close(one, other) for one, other in zip(maps, backbone(images), strict=True))
    assert close(model(images), backbone.pooled(images)) or not backbone.has_tokens
    only = made(out, features_only=True, out_indices=(-1,))(images)
    last = model.forward_intermediates(images, indices=1, intermediates_only=True)
    assert close(only[-1], last[-1])
    if not backbone.has_tokens:
        assert close(only[-1], backbone(images)[-1])


@torch.no_grad()
@pytest.mark.parametrize("how", [{}, {"in_chans": 1}, {"features_only": True}, {"in_chans": 1, "features_only": True}])
def test_timm_puts_another_head_behind_the_same_weights(pair, how):
    backbone, out = pair
    model = made(out, num_classes=7, **how)
    found = model(torch.rand(2, how.get("in_chans", 3), 96, 96))
    if how.get("features_only"):
        assert [one.shape[1] for one in found] == model.feature_info.channels()
    else:
        assert found.shape == (2, 7)
        own, same = backbone.model.state_dict(), model.state_dict()
        first = model.pretrained_cfg["first_conv"] if how else "none"
        shared = [name for name in own if not name.startswith(first)]
        assert shared
        assert all(torch.equal(own[name], same[name]) for name in shared)


@torch.no_grad()
def test_a_network_of_one_channel_sees_a_grey_image_as_that_of_three_does(pair):
    """timm adds the kernels of the three channels, and a grey image has three that are equal."""
    _, out = pair
    grey = torch.rand(2, 1, 96, 96)
    assert close(made(out, in_chans=1)(grey), made(out)(grey.expand(-1, 3, -1, -1)), 1e-5)


def test_timm_knows_the_side_and_the_scaling_of_pixels(pair):
    backbone, out = pair
    config = timm.data.resolve_model_data_config(made(out))
    usual = timm.get_pretrained_cfg(backbone.name)
    assert tuple(config["input_size"]) == tuple(usual.input_size)
    assert config["interpolation"] == usual.interpolation
    assert (tuple(config["mean"]), tuple(config["std"])) == (backbone.mean, backbone.std)


def test_a_network_keeps_the_padding_that_it_was_made_with(tmp_path):
    backbone = drawn("test_efficientnet", BackboneSettings(pad_type="same"))
    plain = drawn("test_efficientnet")
    from inkbench.benchmark.networks.timm_models import arguments

    assert arguments("test_efficientnet", backbone.settings) == {"pad_type": "same"}
    assert arguments("test_vit", plain.settings) == {"dynamic_img_size": True}
    assert arguments("test_resnet", plain.settings) == {}
    with pytest.raises(UsageError, match="pads no convolution as backbone"):
        name_of(backbone)


NAMES = [
    pytest.param(own, theirs, family, id=own, marks=[pytest.mark.slow] if theirs.startswith("regnet") else [])
    for family in FAMILIES
    for own, theirs in family.names.items()
]


@pytest.mark.seconds
@pytest.mark.parametrize(("own", "theirs", "family"), NAMES)
def test_every_tensor_of_torchvisions_network_is_filled(own, theirs, family):
    with torch.device("meta"):
        backbone = Backbone(own)
    state = state_of(backbone)
    shapes = shapes_of(theirs)
    assert all(state[name].shape == shapes[name].shape for name in state)
    beyond = [name for name in shapes.keys() - state.keys() if "position_index" not in name]
    assert beyond
    assert all(name.startswith(family.head) for name in beyond)


def headless(theirs):
    """torchvision's network with nothing but its classifier taken off."""
    model = torchvision.models.get_model(theirs, weights=None)
    if theirs.startswith("convnext"):
        model.classifier[-1] = torch.nn.Identity()
    elif theirs.startswith("vgg"):
        model.avgpool, model.classifier = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Identity()
    else:
        (last,) = [name for name, _ in model.named_children() if name in ("fc", "classifier", "heads", "head")]
        setattr(model, last, torch.nn.Identity())
    return model.eval()


LARGER = ("resnet50", "efficientnet_b0", "vit_base_patch16_224", "densenet121", "vgg11_bn", "regnetx_004_tv")
LARGER += ("regnety_004", "swin_tiny_patch4_window7_224")


@torch.no_grad()
@pytest.mark.seconds
@pytest.mark.parametrize(
    "name",
    ["resnet18", "mobilenetv2_100", "convnext_tiny", *(pytest.param(name, marks=pytest.mark.slow) for name in LARGER)],
)
def test_torchvision_computes_the_same_features(name):
    backbone = drawn(name)
    model = headless(name_of(backbone))
    loaded = model.load_state_dict(state_of(backbone), strict=False)
    assert loaded.unexpected_keys == []
    assert all("position_index" in one for one in loaded.missing_keys), "all but the head is filled"
    images = torch.randn(2, 3, 224, 224)
    expected = backbone.pooled(images) if name.startswith("vgg") else backbone.model(images)
    assert close(model(images), expected, 1e-5)
    assert expected.std(0).max() > 1e-6 * expected.abs().max(), "the features depend on the image"


def test_the_file_under_torchvisions_names_says_how_it_is_read(tmp_path):
    backbone = drawn("resnet18")
    out = exported(tmp_path, backbone, "torchvision")
    state = load_file(out / "torchvision.safetensors")
    assert torch.equal(state["layer1.0.conv1.weight"], backbone.model.state_dict()["layer1.0.conv1.weight"])
    with safe_open(out / "torchvision.safetensors", "pt") as file:
        assert file.metadata()["torchvision"] == "resnet18"
    assert "torchvision.models.resnet18()" in (out / "README.md").read_text()


@torch.no_grad()
@pytest.mark.seconds
@pytest.mark.parametrize("name", KINDS)
def test_onnx_computes_the_same_for_any_number_of_images(name, tmp_path):
    backbone = drawn(name)
    out = exported(tmp_path, backbone, "onnx")
    session = onnxruntime.InferenceSession(out / "model.onnx", providers=["CPUExecutionProvider"])
    for count in (1, 3):
        images = torch.rand(count, 3, 160, 160)
        vector, last = session.run(["vector", "map"], {"images": images.numpy()})
        assert close(torch.from_numpy(vector), backbone.pooled(images), 1e-4)
        assert close(torch.from_numpy(last), backbone(images)[-1], 1e-4)
    assert not list(out.glob("*.data")), "one file"


@torch.no_grad()
@pytest.mark.seconds
def test_onnx_holds_a_projectors_layer_and_positions_of_another_side():
    backbone = drawn("test_vit")
    backbone.project(12)
    data = onnx_bytes(backbone.eval(), 96)
    images = torch.rand(2, 3, 96, 96)
    vector, _ = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(
        None, {"images": images.numpy()}
    )
    assert vector.shape == (2, 12)
    assert np.allclose(vector, backbone.pooled(images).numpy(), atol=1e-4)


def test_a_network_that_onnx_has_no_words_for_is_refused_in_a_line():
    backbone = drawn("test_resnet")
    backbone.model.act1 = Undecided()
    with pytest.raises(RunError, match="test_resnet cannot be written as ONNX") as refused:
        onnx_bytes(backbone, 64)
    assert "\n" not in str(refused.value)


class Undecided(torch.nn.Module):
    """Computes something that depends on the values it is given, which no fixed graph does."""

    def forward(self, maps):
        return maps.relu() if maps.sum() > 0 else maps


@pytest.mark.parametrize(
    ("name", "formats", "said"),
    [
        ("test_resnet", ("torchvision",), "torchvision has no network that computes what test_resnet does"),
        ("test_resnet", ("onxx",), "no format 'onxx'; did you mean 'onnx'"),
        ("resnet18d", ("torchvision",), "torchvision has no network"),
    ],
)
def test_a_form_that_is_not_there_is_refused_and_nothing_written(tmp_path, name, formats, said):
    with pytest.raises(UsageError, match=said) as refused:
        exported(tmp_path, drawn(name), *formats)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_without_the_extra_onnx_is_refused_with_the_way_to_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UsageError, match=re.escape("pip install -e '.[onnx]'")):
        export(Store(tmp_path), "jigsaw", Wanted(tmp_path / "out", ("onnx",)))


def test_config_is_of_the_architecture_without_its_tag(tmp_path):
    config = json.loads((exported(tmp_path, drawn("test_resnet.r160_in1k")) / "config.json").read_text())
    assert config["architecture"] == "test_resnet"
