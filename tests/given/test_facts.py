"""What is known of given weights and what a backbone costs, against timm's tags and torchvision's published figures."""

import re

import pytest
import timm
import torch
import torchvision
from lightning_fabric import Fabric
from torch import nn

from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.given import catalogue, facts
from inkbench.benchmark.networks import hub
from inkbench.benchmark.networks.backbones import Backbone, skeleton
from inkbench.benchmark.running.network import network_of
from inkbench.benchmark.training.engine import Device

SQUEEZENET = "squeezenet1_1_imagenet_caffe.pth"


@pytest.mark.parametrize(
    ("tag", "data"),
    [
        ("lvd142m", "LVD-142M"),
        ("laion2b_ft_augreg_in12k_in1k", "LAION-2B + ImageNet-12k + ImageNet-1k"),
        ("a1_in1k", "ImageNet-1k"),
        ("webli", "WebLI"),
        ("openai", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_tag_names_the_images_in_the_order_of_the_trainings(tag, data):
    assert facts.of_tag(tag)["data"] == data


def test_most_of_timm_s_tags_name_their_images_and_no_part_that_counts_images_is_passed_over():
    tags = [name.partition(".")[2] for name in timm.list_pretrained()]
    unnamed = {tag for tag in tags if facts.of_tag(tag)["data"] == "unknown"}
    assert len([tag for tag in tags if tag in unnamed]) < 0.12 * len(tags)
    assert not {part for tag in tags for part in tag.split("_") if re.fullmatch(r"inw?\d+k", part)} - set(facts.DATA)


def test_the_catalogue_says_of_its_tags_what_the_tag_says_or_more():
    """Where both name a dataset of ImageNet's kind they are one; a name that only the cards know stands alone."""
    for one in catalogue.entries().values():
        tagged = facts.of_tag(one.timm.partition(".")[2])["data"]
        if one.timm and tagged != "unknown" and " + " not in tagged:
            assert tagged.split("-")[0].lower() in one.data.lower(), one.name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('seen = "perhaps"', "seen must be one of comics, no, unknown"),
        ("data = 3", "data must be a line"),
        ('licence = "a\\nb"', "licence must be a line"),
        (f'data = "{"x" * 200}"', "data must be a line"),
    ],
)
def test_a_card_in_another_form_is_refused(tmp_path, text, said):
    (tmp_path / "w.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        facts.of_file(tmp_path / "w.pth")


def test_a_card_tells_what_it_knows(tmp_path):
    assert set(facts.of_file(tmp_path / "w.pth").values()) == {"unknown"}
    (tmp_path / "w.pth.toml").write_text('data = "a drawer of prints"\nseen = "comics"\n')
    assert facts.of_file(tmp_path / "w.pth") == {"data": "a drawer of prints", "licence": "unknown", "seen": "comics"}


def test_timm_s_licence_is_told_and_unknown_is_none():
    assert hub.licence_of("vit_small_patch14_dinov2.lvd142m") == "apache-2.0"
    assert hub.licence_of("squeezenet1_1") == ""


@pytest.fixture
def device():
    return Device(Fabric(accelerator="cpu", devices=1), bf16=False, threads=1)


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("resnet18", torchvision.models.ResNet18_Weights.IMAGENET1K_V1),
        ("convnext_tiny", torchvision.models.ConvNeXt_Tiny_Weights.IMAGENET1K_V1),
        ("mobilenetv2_100", torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1),
        ("vit_base_patch32_224", torchvision.models.ViT_B_32_Weights.IMAGENET1K_V1),
    ],
)
def test_size_and_operations_are_those_that_torchvision_publishes(device, name, weights):
    """Its GFLOPS count a multiplication and an addition as one; both of its figures hold the classifier too, and the
    operations MobileNet's last convolution, which no map needs."""
    found = network_of(device, Backbone(name), 224)
    width = {"resnet18": 512, "convnext_tiny": 768, "mobilenetv2_100": 1280, "vit_base_patch32_224": 768}
    classifier = (width[name] + 1) * 1000
    assert found.parameters == pytest.approx(weights.meta["num_params"] - classifier, rel=0.001)
    unread = classifier + (7 * 7 * 320 * 1280 if name == "mobilenetv2_100" else 0)
    assert found.gflop == pytest.approx(2 * (weights.meta["_ops"] - unread / 1e9), rel=0.02)
    assert found.images_per_s > 0


def test_measuring_changes_neither_weights_nor_generators(device):
    backbone = Backbone("test_resnet").train()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    drawn = torch.get_rng_state()
    network_of(device, backbone, 64)
    assert torch.equal(drawn, torch.get_rng_state())
    assert backbone.training
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


@pytest.mark.parametrize("version", ["1_0", "1_1"])
def test_squeezenet_s_features_are_torchvision_s(version):
    """At a side that its strides tile; at any other the maps are as large as for all other networks."""
    torch.manual_seed(3)
    theirs = {"1_0": torchvision.models.squeezenet1_0, "1_1": torchvision.models.squeezenet1_1}[version]().eval()
    ours = Backbone(f"squeezenet{version}").eval()
    state = {name: value for name, value in theirs.state_dict().items() if not name.startswith("classifier")}
    ours.model.load_state_dict(state)
    side = 97 if version == "1_1" else 113
    images = torch.randn(2, 3, side, side)
    maps = ours(images) if version == "1_1" else ours.through(images)
    torch.testing.assert_close(maps[-1], theirs.features(images), atol=1e-6, rtol=1e-6)
    assert isinstance(theirs.features, nn.Sequential)


@pytest.mark.parametrize("side", [64, 96, 97, 128, 224, 225])
def test_squeezenet_takes_every_side(side):
    sizes = skeleton("squeezenet1_1", BackboneSettings()).maps(side)
    assert [size[0] for size in sizes] == [
        -(-side // stride) if side % 16 == 0 else side // stride for stride in (2, 4, 8, 16)
    ]


@pytest.mark.real_data
def test_a_file_that_the_catalogue_states_the_checksum_of_is_known_by_it(shared, tmp_path):
    one = catalogue.find(f"weights:{shared / 'weights' / SQUEEZENET}")
    assert (one.architecture, one.supervision, one.data) == ("squeezenet1_1", "labels", "ImageNet-1k")
    other = tmp_path / SQUEEZENET
    other.write_bytes(b"something else")
    assert catalogue.find(f"weights:{other}").supervision == "unknown"
