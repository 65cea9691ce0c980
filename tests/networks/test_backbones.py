"""Backbones: maps, unused parameters, normalisation, weights in and out."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import load_weights, weights_bytes


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "mobilenetv2_050", "convnext_atto"])
@pytest.mark.seconds
def test_maps_are_as_described_and_every_trained_parameter_has_a_gradient(name):
    torch.manual_seed(0)
    backbone = Backbone(name)
    maps = backbone(torch.randn(2, 3, 64, 96))
    for feature, channels, stride in zip(maps, backbone.channels, backbone.strides, strict=True):
        assert feature.shape == (2, channels, 64 // stride, 96 // stride)
    sum(feature.square().sum() for feature in maps).backward()
    assert all(p.grad is not None for p in backbone.parameters() if p.requires_grad)


def test_an_unknown_backbone_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="did you mean 'resnet18'"):
        Backbone("resnet_18")


def test_pixels_are_normalised_as_the_settings_say():
    backbone = Backbone("test_resnet", BackboneSettings(mean=(0.1, 0.2, 0.3), std=(0.5, 0.5, 0.5)))
    white = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    assert torch.allclose(backbone.normalize(white)[0, :, 0, 0], torch.tensor([1.8, 1.6, 1.4]))


def test_weights_go_out_and_in_and_give_the_same_bytes(tmp_path):
    torch.manual_seed(0)
    backbone = Backbone("test_resnet")
    path = tmp_path / "w.safetensors"
    path.write_bytes(weights_bytes(backbone))
    torch.manual_seed(1)
    other = Backbone("test_resnet")
    assert weights_bytes(other) != weights_bytes(backbone)
    load_weights(other, path)
    assert weights_bytes(other) == weights_bytes(backbone)


def test_weights_of_another_architecture_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(weights_bytes(Backbone("test_vit")))
    with pytest.raises(UsageError, match="does not fit test_resnet"):
        load_weights(Backbone("test_resnet"), path)


class Evil:
    def __reduce__(self):
        return (print, ("this ran",))


@pytest.mark.parametrize("kind", ["pickle", "text", "empty", "nan", "missing"])
def test_hostile_and_damaged_files_are_refused_in_one_line(kind, tmp_path, capsys):
    path = tmp_path / "w.pth"
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"weight": Evil()}))
    elif kind == "text":
        path.write_text("not weights")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "nan":
        state = Backbone("test_resnet").model.state_dict()
        state["conv1.0.weight"] = state["conv1.0.weight"] * float("nan")
        path = tmp_path / "w.safetensors"
        save_file(state, path)
    with pytest.raises(UsageError) as refusal:
        load_weights(Backbone("test_resnet"), path)
    assert "\n" not in str(refusal.value)
    assert path.name in str(refusal.value)
    assert "this ran" not in capsys.readouterr().out


def test_real_imagenet_weights_load_with_their_own_padding(shared):
    settings = BackboneSettings(pad_type="same", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    backbone = Backbone("mobilenetv2_100", settings)
    load_weights(backbone, shared / "weights" / "mobilenetv2_100_tf_ptq_fp16.pth")
    assert backbone.model.state_dict()["bn1.running_var"].min() > 0
    with pytest.raises(UsageError, match="does not fit resnet18"):
        load_weights(Backbone("resnet18"), shared / "weights" / "mobilenetv2_100_tf_ptq_fp16.pth")
