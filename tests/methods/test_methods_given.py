"""Methods that do not pretrain: random initialisation, and weights that are given."""

import time
import urllib.error
import urllib.request
from pathlib import Path

import huggingface_hub
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from inkbench.benchmark.api import NotApplicable, UsageError
from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import weights_bytes
from inkbench.methods.imagenet import ImageNet
from inkbench.methods.random import Random


def imagenet():
    return ImageNet(ImageNet.Config())


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    """A hub's cache that holds nothing."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.file_download.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "hub"


def put_in_cache(cache: Path, backbone: Backbone, state) -> None:
    """What a download leaves behind."""
    repository = cache / ("models--" + backbone.model.pretrained_cfg["hf_hub_id"].replace("/", "--"))
    snapshot = repository / "snapshots" / "0123456789abcdef"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123456789abcdef")
    save_file(state, snapshot / "model.safetensors")


def equal(backbone, state):
    own = backbone.model.state_dict()
    return all(torch.equal(own[key].float(), state[key].float()) for key in own)


@pytest.mark.parametrize("init", ["timm", "gaussian"])
def test_random_weights_follow_the_seed_and_nothing_of_the_backbone_stays(init):
    method = Random(Random.Config(init=init))
    states = []
    for seed in (0, 0, 1):
        backbone = Backbone("test_resnet")
        torch.nn.init.constant_(next(backbone.parameters()), 7)
        torch.manual_seed(seed)
        method.set_weights(backbone, None)
        states.append(weights_bytes(backbone))
    assert states[0] == states[1]
    assert states[0] != states[2]
    assert not method.pretrains


@pytest.mark.seconds
def test_gaussian_weights_have_the_papers_deviation_and_no_bias():
    backbone = Backbone("resnet18")
    torch.manual_seed(0)
    Random(Random.Config(init="gaussian", std=0.02)).set_weights(backbone, None)
    convolutions = [m for m in backbone.modules() if isinstance(m, torch.nn.Conv2d)]
    every = torch.cat([m.weight.detach().flatten() for m in convolutions])
    assert float(every.std()) == pytest.approx(0.02, rel=0.01)
    assert abs(float(every.mean())) < 1e-4
    assert all(m.bias is None or (m.bias == 0).all() for m in convolutions)
    assert (backbone.model.bn1.weight == 1).all()


def test_a_machine_without_network_is_told_at_once_how_to_mend_it(monkeypatch, empty_cache):
    def unreachable(request, timeout):
        assert timeout <= 10
        raise urllib.error.URLError(OSError("Name or service not known"))

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    backbone = Backbone("test_resnet")
    before = weights_bytes(backbone)
    began = time.monotonic()
    with pytest.raises(NotApplicable, match=r"--weights FILE.*models--timm--test_resnet\.r160_in1k") as declined:
        imagenet().set_weights(backbone, None)
    assert time.monotonic() - began < 5
    assert "\n" not in str(declined.value)
    assert weights_bytes(backbone) == before


def test_a_hub_that_answers_but_fails_declines_too(monkeypatch, empty_cache):
    def forbidden(request, timeout):
        raise urllib.error.HTTPError(request.full_url, 403, "Forbidden", {}, None)

    def broken(*arguments, **named):
        raise ConnectionError("reset by peer")

    monkeypatch.setattr(urllib.request, "urlopen", forbidden)
    monkeypatch.setattr("timm.models._hub.hf_hub_download", broken)
    with pytest.raises(NotApplicable, match="did not load"):
        imagenet().set_weights(Backbone("test_resnet"), None)


def test_what_the_cache_holds_is_loaded_without_a_network(monkeypatch, empty_cache):
    def unreachable(request, timeout):
        raise AssertionError("asked the network")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    backbone = Backbone("test_resnet")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        published = timm.create_model("test_resnet", pretrained=False).state_dict()
    put_in_cache(empty_cache, backbone, published)
    given = imagenet().set_weights(backbone, None)
    assert equal(backbone, published)
    assert given.supervision == "labels"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("resnet50_clip", "image-text"),
        ("resnet18.fb_swsl_ig1b_ft_in1k", "mixed"),
        ("convnextv2_atto.fcmae_ft_in1k", "mixed"),
        ("vit_small_patch14_dinov2.lvd142m", "self-supervised"),
    ],
)
@pytest.mark.seconds
def test_weights_that_saw_more_than_labels_of_imagenet_are_not_called_imagenet(name, word, empty_cache):
    with pytest.raises(NotApplicable, match=rf"not trained on ImageNet's labels alone \({word}\)"):
        imagenet().set_weights(Backbone(name), None)


def test_a_file_gives_its_own_tensors(tmp_path):
    torch.manual_seed(3)
    state = timm.create_model("test_resnet", pretrained=False).state_dict()
    save_file(state, tmp_path / "w.safetensors")
    backbone = Backbone("test_resnet")
    assert not equal(backbone, state)
    given = imagenet().set_weights(backbone, tmp_path / "w.safetensors")
    assert equal(backbone, load_file(tmp_path / "w.safetensors"))
    assert given.supervision == "unknown", "nothing says what a bare file was trained with"


def test_weights_of_another_architecture_are_refused(tmp_path):
    save_file(timm.create_model("test_efficientnet", pretrained=False).state_dict(), tmp_path / "w.safetensors")
    backbone = Backbone("test_resnet")
    before = weights_bytes(backbone)
    with pytest.raises(UsageError, match="does not fit test_resnet") as refused:
        imagenet().set_weights(backbone, tmp_path / "w.safetensors")
    assert "\n" not in str(refused.value)
    assert weights_bytes(backbone) == before


def test_real_imagenet_weights_load_as_they_are(shared):
    path = shared / "weights" / "mobilenetv2_100_tf_ptq_fp16.pth"
    settings = BackboneSettings(pad_type="same", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    backbone = Backbone("mobilenetv2_100", settings)
    imagenet().set_weights(backbone, path)
    assert equal(backbone, torch.load(path, weights_only=True))
    assert float(backbone.normalize(torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)).max()) == 1
