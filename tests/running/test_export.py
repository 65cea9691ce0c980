"""An exported backbone is the pretrained one, loaded by timm alone."""

import json
import shutil
import tomllib

import timm
import torch
from safetensors.torch import load_file

from inkbench.benchmark.given import supervision
from inkbench.benchmark.store.files import key_of


def test_an_exported_backbone_loads_in_timm_with_the_pretrained_weights(cli, first_run, tmp_path):
    out = tmp_path / "mine"
    done = cli("export", "jigsaw", "--out", out, "--results", first_run[1])
    assert done.returncode == 0, done.stderr
    weights = load_file(next(first_run[1].glob("backbones/*/weights.safetensors")))
    model = timm.create_model(f"local-dir:{out}", pretrained=True)
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    card = (out / "README.md").read_text()
    assert "test_resnet, pretrained by jigsaw" in card
    assert "| detection | frozen@1 | synth | ap |" in card
    assert "| trained with | self-supervised |" in card
    assert tomllib.loads((out / "model.toml").read_text())["supervision"] == "self-supervised"
    assert supervision.of_file(out / "model.safetensors") == "self-supervised"
    moved = out.rename(tmp_path / "moved")
    assert timm.create_model(f"local-dir:{moved}", pretrained=True)(torch.zeros(1, 3, 64, 64)).ndim == 2


def test_what_cannot_be_exported_is_refused_and_touches_nothing(cli, first_run, tmp_path):
    def refused(*words, results=first_run[1]):
        done = cli("export", *words, "--results", results)
        assert (done.returncode, done.stdout) == (2, "")
        return done.stderr

    out = tmp_path / "out"
    assert "did you mean 'jigsaw'" in refused("jigsav", "--out", out)
    assert "it does not pretrain" in refused("random", "--out", out)
    assert "none has been pretrained yet" in refused("nothing", "--out", out, results=tmp_path / "empty")
    assert not out.exists()
    out.mkdir()
    (out / "precious").write_text("mine")
    assert "already exists" in refused("jigsaw", "--out", out)
    assert (out / "precious").read_text() == "mine"
    copy = tmp_path / "damaged"
    shutil.copytree(first_run[1] / "backbones", copy / "backbones")
    weights = next(copy.glob("backbones/*/weights.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\xff")
    assert "is damaged" in refused("jigsaw", "--out", tmp_path / "new", results=copy)
    card = json.loads((weights.parent / "card.json").read_text())
    card["identity"]["settings"]["gap"] = False
    card["key"] = key_of(card["identity"])
    twin = shutil.copytree(weights.parent, weights.parent.with_name(card["key"]))
    (twin / "card.json").write_text(json.dumps(card))
    told = refused("jigsaw", "--out", tmp_path / "new", results=copy)
    assert "2 backbones match 'jigsaw'" in told
    assert "gap=False" in told
