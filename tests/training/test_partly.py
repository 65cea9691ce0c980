"""Backbones trained in part: what stays to the bit, what a low-rank update is, what the plan refuses."""

import pytest
import torch
from torch import nn

from inkbench.benchmark.config import BackboneSettings, TaskConfig
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.training import partly
from inkbench.benchmark.training.finetuning import backbone_groups
from inkbench.benchmark.training.partly import LORA, PARTIAL, below, limit, merge, require_some

PLAIN = BackboneSettings()


def trained(backbone, still, steps=4, lr=1.0):
    """The backbone after some updates of all that is trained, in training mode but for what stays."""
    backbone.train()
    for module in still:
        module.eval()
    optimizer = torch.optim.SGD([p for p in backbone.parameters() if p.requires_grad], lr)
    for step in range(steps):
        draw = torch.Generator().manual_seed(step)
        images = torch.randn(4, 3, 64, 64, generator=draw).to(next(backbone.parameters()).dtype)
        optimizer.zero_grad()
        sum((one * torch.randn(one.shape, generator=draw)).mean() for one in backbone(images)).backward()
        optimizer.step()
    return backbone.eval()


def test_the_first_stages_of_a_resnet_are_its_stem_and_first_layers():
    assert {name.split(".")[0] for name in below("resnet18", PLAIN, 2)} == {"conv1", "bn1", "layer1"}
    assert {name.split(".")[0] for name in below("resnet18", PLAIN, 4)} == {
        "conv1",
        "bn1",
        "layer1",
        "layer2",
        "layer3",
    }


def test_those_of_a_transformer_are_its_embedding_and_blocks_and_never_its_final_norm():
    backbone = Backbone("test_vit")
    for stages in range(1, len(backbone.indices)):
        names = below("test_vit", PLAIN, stages)
        blocks = {int(name.split(".")[1]) for name in names if name.startswith("blocks.")}
        assert blocks == set(range(backbone.indices[stages - 1] + 1))
        assert {"patch_embed.proj.weight", "pos_embed"} <= names
        assert not any(name.startswith("norm.") for name in names)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_frozen_stages_stay_to_the_bit_with_their_statistics_and_the_rest_learns(name):
    torch.manual_seed(0)
    backbone = Backbone(name)
    before = {place: value.clone() for place, value in backbone.model.state_dict().items()}
    still = limit(backbone, PARTIAL, TaskConfig(frozen_stages=2))
    frozen = below(name, PLAIN, 2)
    modules = {place.rpartition(".")[0] for place in frozen}
    after = trained(backbone, still).model.state_dict()
    for place, value in after.items():
        is_frozen = place in frozen or place.rpartition(".")[0] in modules
        learns = place not in backbone.frozen["maps"] and "num_batches" not in place
        if is_frozen:
            assert torch.equal(value, before[place]), place
        elif learns:
            assert not torch.equal(value, before[place]), place


def test_low_rank_updates_start_as_nothing_and_are_of_their_rank_when_merged():
    torch.manual_seed(0)
    backbone = Backbone("test_vit").double().eval()
    names = list(backbone.state_dict())
    before = {place: value.clone() for place, value in backbone.state_dict().items()}
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    maps = backbone(images)
    still = limit(backbone, LORA, TaskConfig(lora_rank=3))
    assert all(torch.equal(a, b) for a, b in zip(backbone.eval()(images), maps, strict=True))
    learnt = trained(backbone, still)
    adapted = learnt(images)
    merge(learnt)
    assert list(learnt.state_dict()) == names or set(learnt.state_dict()) == set(names)
    for ours, theirs in zip(learnt(images), adapted, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=1e-12)
    changed = {place for place, value in learnt.state_dict().items() if not torch.equal(value, before[place])}
    layers = {f"{place}.weight" for place, one in backbone.named_modules() if isinstance(one, nn.Linear | nn.Conv2d)}
    assert changed == layers
    for place in changed:
        difference = (learnt.state_dict()[place] - before[place]).flatten(1)
        assert torch.linalg.matrix_rank(difference, rtol=1e-9) <= 3


def test_so_many_parameters_are_learnt_as_the_paper_counts():
    """r (in + out) for each matrix; a depthwise convolution has none."""
    backbone = Backbone("mobilenetv2_100")
    convolutions = [m for m in backbone.model.modules() if isinstance(m, nn.Conv2d) and m.groups == 1]
    wanted = sum(
        min(4, *sizes) * sum(sizes)
        for m in convolutions
        if m.weight.requires_grad
        for sizes in [(m.weight.shape[0], m.weight[0].numel())]
    )
    limit(backbone, LORA, TaskConfig(lora_rank=4))
    assert sum(p.numel() for p in backbone.parameters() if p.requires_grad) == wanted


def test_the_statistics_of_a_batch_norm_stay_under_low_rank_updates():
    backbone = Backbone("test_resnet")
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    trained(backbone, limit(backbone, LORA, TaskConfig()))
    assert all(torch.equal(value, before[name]) for name, value in backbone.named_buffers())


def test_a_rate_that_falls_by_layer_falls_for_low_rank_updates_too():
    backbone = Backbone("test_vit")
    limit(backbone, LORA, TaskConfig())
    rates = {group["lr"] for group in backbone_groups(backbone, 1.0, 0.5)}
    assert len(rates) > 2
    assert max(rates) < 1
    assert partly.base_name("model.blocks.0.attn.qkv.parametrizations.weight.0.a") == "model.blocks.0.attn.qkv.weight"


def test_what_leaves_nothing_to_train_is_refused():
    require_some("test_resnet", PLAIN, PARTIAL, TaskConfig(frozen_stages=4))
    with pytest.raises(UsageError, match="frozen_stages=5 leaves nothing of test_resnet to train; it has 5 stages"):
        require_some("test_resnet", PLAIN, PARTIAL, TaskConfig(frozen_stages=5))
