"""What a method hands over behind its backbone: the hidden layer of the projector (Soykan et al.'s second stage)."""

import json

import numpy as np
import pytest
import timm
import torch
from method_steps import built, drive
from safetensors.torch import load_file

from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import load_projection, load_weights, weights_bytes
from inkbench.methods.identity_simclr import IdentitySimclr

HIDDEN = 24


def trained(handed_over, steps=3):
    sets = {"handed_over": handed_over, "hidden": str(HIDDEN)}
    method = IdentitySimclr(IdentitySimclr.Config.resolve("identity_simclr", "smoke", sets))
    nets = built(method)
    drive(method, nets, stage=0, steps=steps)
    return nets["net"]


@pytest.mark.fidelity
@pytest.mark.seconds
def test_the_hidden_layer_is_what_lies_before_the_last_linear_layer_and_its_batch_norm():
    plain, kept = trained("backbone"), trained("hidden")
    own, other = plain.backbone.model.state_dict(), kept.backbone.model.state_dict()
    assert all(torch.equal(own[name], other[name]) for name in own), "the training is the same to the last bit"
    images = torch.randn(5, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    plain.eval(), kept.eval()
    with torch.no_grad():
        hidden = plain.head[:-2](plain.backbone.pooled(images))
        assert torch.equal(kept.backbone.pooled(images), hidden)
        assert torch.equal(plain(images)[0], kept(images)[0])
        assert torch.equal(kept.backbone(images)[-1], plain.backbone(images)[-1]), "maps are the backbone's own"
    assert kept.backbone.width == HIDDEN
    assert (hidden >= 0).all()


@pytest.mark.seconds
def test_it_lies_in_the_file_of_weights_and_comes_back(tmp_path):
    handed = trained("hidden").backbone.eval()
    path = tmp_path / "weights.safetensors"
    path.write_bytes(weights_bytes(handed))
    again = Backbone("test_resnet")
    load_weights(again, path)
    load_projection(again, path)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        assert torch.equal(again.eval().pooled(images), handed.pooled(images))
    assert weights_bytes(again) == path.read_bytes()
    again.train_for("maps")
    assert not any(of.requires_grad for of in again.projection.parameters()), "no map depends on it"
    again.train_for("vector")
    assert all(of.requires_grad for of in again.projection.parameters())


def test_a_file_without_one_gives_none(tmp_path):
    backbone = Backbone("test_resnet")
    path = tmp_path / "weights.safetensors"
    path.write_bytes(weights_bytes(backbone))
    load_projection(backbone, path)
    assert backbone.projection is None


@pytest.mark.slow
def test_tasks_read_it_and_an_export_holds_it_apart(cli, with_synth, tmp_path):
    words = ["--method", "identity_simclr", "--preset", "smoke", "--results", with_synth, "--threads", "1"]
    sets = ("pretrain.images=64", "pretrain.batch=32", f"identity_simclr.hidden={HIDDEN}")
    few = [word for one in sets for word in ("--set", one)]
    grid = ["--grid", "identity_simclr.handed_over=backbone,hidden"]
    done = cli(*words, "--task", "reid,saliency", *few, *grid)
    assert done.returncode == 0, done.stderr
    records = [json.loads(path.read_text()) for path in with_synth.glob("cells/*/*.json")]
    pretrained = [one for one in records if one["method"] == "identity_simclr"]
    found = {(one["task"], one["settings"]["method"]["handed_over"]): one for one in pretrained}
    primary = {key: one["metrics"][one["primary"]]["value"] for key, one in found.items()}
    assert primary["reid", "hidden"] != primary["reid", "backbone"]
    assert np.isclose(primary["saliency", "hidden"], primary["saliency", "backbone"], rtol=0, atol=0), "reads maps"
    out = tmp_path / "out"
    done = cli("export", found["reid", "hidden"]["pretraining"], "--out", out, "--results", with_synth)
    assert done.returncode == 0, done.stderr
    model = timm.create_model(f"local-dir:{out}", pretrained=True)
    inside = load_file(with_synth / "backbones" / found["reid", "hidden"]["pretraining"] / "weights.safetensors")
    assert all(torch.equal(inside[name], value) for name, value in model.state_dict().items())
    layer = load_file(out / "projection.safetensors")
    assert torch.equal(layer["0.weight"], inside["projection.0.weight"])
    assert "projection.safetensors" in (out / "README.md").read_text()
