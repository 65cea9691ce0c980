"""Learning rates by layer and stochastic depth, beside timm's own and the published rule of BEiT and MAE."""

import re

import pytest
import timm
import torch
from plan_matrix import BACKBONES
from timm.layers import DropPath
from timm.optim import param_groups_layer_decay

from inkbench.benchmark.config import BackboneSettings, PretrainSettings, TaskConfig
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone, skeleton
from inkbench.benchmark.training.finetuning import backbone_groups, drop_rates, layer_scales, set_drop_path

PLAIN = BackboneSettings()
FEW = ("test_resnet", "test_vit", "test_convnext", "test_efficientnet", "swin_tiny_patch4_window7_224", "regnetx_002")


def theirs(name, decay):
    """The factor of each parameter's rate, as timm has it for the classifier of ImageNet."""
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=10)
    names = {id(one): place for place, one in model.named_parameters()}
    groups = param_groups_layer_decay(model, layer_decay=decay)
    return {names[id(one)]: group["lr_scale"] for group in groups for one in group["params"]}


@pytest.mark.fidelity
@pytest.mark.parametrize(
    "name", [*FEW, *(pytest.param(name, marks=pytest.mark.soak) for name in BACKBONES if name not in FEW)]
)
@pytest.mark.seconds
def test_layers_are_those_of_timm_with_its_classifier(name):
    if not hasattr(skeleton(name, PLAIN).model, "group_matcher"):
        with pytest.raises(UsageError, match=f"timm does not say what the layers of {name} are"):
            layer_scales(name, PLAIN, 0.75)
        return
    own, expected = layer_scales(name, PLAIN, 0.75), theirs(name, 0.75)
    parameters = [place for place, _ in skeleton(name, PLAIN).model.named_parameters()]
    assert len(parameters) > 10
    assert {place: own[f"model.{place}"] for place in parameters} == {place: expected[place] for place in parameters}


@pytest.mark.fidelity
def test_a_transformer_s_rates_are_those_of_mae_s_code():
    """``get_layer_id_for_vit`` of MAE's ``util/lr_decay.py``: the embedding is layer 0, block i is i + 1, the head
    is one more than there are blocks."""
    scales = layer_scales("vit_tiny_patch16_224", PLAIN, 0.65)
    for name, scale in scales.items():
        block = re.match(r"model\.blocks\.(\d+)\.", name)
        if block or name.removeprefix("model.").startswith(("cls_token", "pos_embed", "patch_embed")):
            layer = int(block[1]) + 1 if block else 0
            assert scale == pytest.approx(0.65 ** (13 - layer)), name


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_efficientnet"])
def test_every_trained_parameter_is_in_one_group(name):
    backbone = Backbone(name)
    backbone.project(8)
    backbone.train_for("vector")
    trained = {id(one) for one in backbone.parameters() if one.requires_grad}
    for decay in (1.0, 0.5):
        groups = backbone_groups(backbone, 0.1, decay)
        held = [id(one) for group in groups for one in group["params"]]
        assert sorted(held) == sorted(trained)
    rates = {id(one): group["lr"] for group in groups for one in group["params"]}
    assert all(rates[id(one)] == 0.1 for one in backbone.projection.parameters())
    assert min(rates.values()) < 0.1 / 2
    first = next(one for one in backbone.model.parameters() if one.requires_grad)
    assert rates[id(first)] == min(rates.values())


def test_one_rate_is_one_group_in_the_order_of_before():
    backbone = Backbone("test_vit")
    (group,) = backbone_groups(backbone, 0.1, 1.0)
    assert group["lr"] == 0.1
    expected = [one for one in backbone.parameters() if one.requires_grad]
    assert all(a is b for a, b in zip(group["params"], expected, strict=True))


@pytest.mark.fidelity
@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext", "mobilenetv2_050", "regnetx_002"])
@pytest.mark.seconds
def test_branches_are_passed_over_as_in_timm_s_own_network(name):
    torch.manual_seed(0)
    backbone = Backbone(name)
    with torch.no_grad():
        for one in backbone.model.parameters():  # timm begins many a branch at nothing
            one.add_(torch.randn_like(one) * (0.3 if one.ndim == 1 else 0))
    state = {key: of.clone() for key, of in backbone.model.state_dict().items()}
    options = {"num_classes": 0, "drop_path_rate": 0.7, **({"dynamic_img_size": True} if "vit" in name else {})}
    own = timm.create_model(name, **options)
    own.load_state_dict(state)
    images = torch.randn(8, 3, 32, 32)

    def coarsest(model):
        torch.manual_seed(7)
        with torch.no_grad():
            return model.forward_intermediates(images, indices=1, intermediates_only=True)[-1]

    plain = coarsest(backbone.model.train())
    set_drop_path(backbone, 0.7)
    backbone.model.train().load_state_dict(state)
    dropped = coarsest(backbone.model)
    assert not torch.equal(dropped, plain)
    assert torch.equal(dropped, coarsest(own.train()))
    backbone.model.eval().load_state_dict(state)
    own.eval().load_state_dict(state)
    assert torch.equal(coarsest(backbone.model), coarsest(own))


def test_the_rate_rises_from_nothing_to_its_own_and_is_that_of_the_share_of_images():
    rates = list(drop_rates("vit_tiny_patch16_224", PLAIN, 0.2).values())
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.2)
    assert rates[0] < 0.02
    backbone = Backbone("test_vit")
    set_drop_path(backbone, 0.5)
    last = [module for module in backbone.model.modules() if isinstance(module, DropPath)][-1].train()
    seen = last(torch.ones(4_000, 1))
    assert (seen == 0).float().mean() == pytest.approx(0.5, abs=0.04)
    assert seen.mean() == pytest.approx(1, abs=0.08)


def test_a_network_without_residual_branches_is_refused():
    for name in ("vgg16_bn", "densenet121"):
        with pytest.raises(UsageError, match=rf"{name} has no residual branches .* leave drop_path at 0"):
            drop_rates(name, PLAIN, 0.1)


def test_settings_that_came_later_are_in_no_id_at_their_defaults():
    assert {"layer_decay", "drop_path"} <= TaskConfig.model_fields.keys()
    plain = TaskConfig().plain()
    assert not {"layer_decay", "drop_path"} & plain.keys()
    assert plain == {name: of for name, of in TaskConfig().model_dump(mode="json").items() if name in plain}
    assert TaskConfig(layer_decay=0.75).plain() == {**plain, "layer_decay": 0.75}
    assert set(BackboneSettings().plain()) == {"pad_type", "mean", "std", "readout"}
    assert BackboneSettings(last_blocks=4).plain()["last_blocks"] == 4
    assert PretrainSettings().plain() == PretrainSettings().model_dump(mode="json")
