"""Features beside the other library's own forward: random weights from its configuration, written by it, read by ours.

Each family is a tiny network of transformers, OpenCLIP or torchvision, and timm's architecture of the same sizes, which
is made known to timm here. What is compared is what a task is given: the vector, and the coarsest map.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file
from timm.layers import QuickGELU
from timm.models import (
    _registry,
    beit,
    convnext,
    deit,
    eva,
    resnet,
    swin_transformer,
    swin_transformer_v2,
    vision_transformer,
    vision_transformer_sam,
)
from torch import nn

from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.checkpoint_reading import read_backbone
from inkbench.benchmark.networks.weights_files import load_weights

LACKING = [name for name in ("transformers", "open_clip") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.fidelity,
    pytest.mark.skipif(bool(LACKING), reason=f"{LACKING} not installed: pip install 'inkbench[models]'"),
]
"""They take seconds to import, which a test does that runs, and no collection."""

WIDTH, DEPTH, HEADS = 48, 3, 3
SIZES = {"hidden_size": WIDTH, "num_hidden_layers": DEPTH, "num_attention_heads": HEADS, "image_size": 64}
DEEP = {**SIZES, "intermediate_size": 4 * WIDTH}
EXACT = {**DEEP, "layer_norm_eps": 1e-6}
VIT = {"embed_dim": WIDTH, "depth": DEPTH, "num_heads": HEADS, "img_size": 64, "patch_size": 16}
SMALL = {"img_size": 56, "patch_size": 14, "init_values": 1.0}
STAGES = {"dims": (8, 16, 24, 32), "depths": (1, 2, 1, 1), "ls_init_value": 0.5}
BLOCKS = {"block": resnet.BasicBlock, "layers": (1, 2, 1, 1)}
DINOV3 = {
    **VIT,
    "dynamic_img_size": True,
    "init_values": 1.0,
    "rope_type": "dinov3",
    "rope_temperature": 100,
    "rope_rotate_half": True,
    "use_rot_pos_emb": True,
    "use_abs_pos_emb": False,
    "num_reg_tokens": 4,
    "use_fc_norm": False,
    "norm_layer": partial(nn.LayerNorm, eps=1e-5),
}
FIVE, SIX = partial(nn.LayerNorm, eps=1e-5), partial(nn.LayerNorm, eps=1e-6)


def tokens(prefix, *parts):
    """What is read of a transformer's last hidden state: parts of its vector, and its patches as a map."""

    def read(model, images):
        found = model(images).last_hidden_state
        patches = found[:, prefix:]
        vectors = {"cls": found[:, 0], "mean": patches.mean(1)}
        return torch.cat([vectors[part] for part in parts], 1), as_map(patches)

    return read


def as_map(patches):
    side = int(patches.shape[1] ** 0.5)
    return patches.transpose(1, 2).unflatten(2, (side, side))


def of_clip(model, images):
    found = model(images)
    normed = model.vision_model.post_layernorm if hasattr(model, "vision_model") else model.post_layernorm
    return found.pooler_output, as_map(normed(found.last_hidden_state)[:, 1:])


def of_siglip(model, images):
    found = model(images)
    return found.pooler_output, as_map(found.last_hidden_state)


def of_mae(model, images):
    """With nothing masked and noise that rises, the encoder sees every patch in its place."""
    noise = torch.arange(16.0).expand(len(images), 16)
    found = model(images, noise=noise).last_hidden_state[:, 1:]
    return found.mean(1), as_map(found)


def of_beit(model, images):
    found = model(images)
    return found.pooler_output, as_map(found.last_hidden_state[:, 1:])


def of_sam(model, images):
    return None, model(images, output_hidden_states=True).hidden_states[-1].permute(0, 3, 1, 2)


def of_swin(model, images):
    return None, model(images, output_hidden_states=True).reshaped_hidden_states[-1]


def last_map(model, images):
    found = model(images).last_hidden_state
    return found.mean((2, 3)), found


def hidden_map(model, images):
    return None, model(images, output_hidden_states=True).hidden_states[-1]


def of_open_clip(model, images):
    """The class token before the projection, and the patches behind the same norm."""
    model.visual.proj, model.visual.output_tokens = None, True
    vector, patches = model.visual(images)
    return vector, as_map(patches)


def of_torchvision(model, images):
    layers = [layer for name, layer in model.named_children() if name not in ("avgpool", "fc")]
    return None, nn.Sequential(*layers)(images)


def hugging_face(kind, **config):
    def make():
        import transformers

        return getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**config))

    return make


def clip_of_open_clip():
    import open_clip

    vision = {"layers": DEPTH, "width": WIDTH, "head_width": WIDTH // HEADS, "patch_size": 16, "image_size": 64}
    text = {"context_length": 8, "vocab_size": 20, "width": 32, "heads": 2, "layers": 1}
    return open_clip.model.CLIP(32, open_clip.model.CLIPVisionCfg(**vision), open_clip.model.CLIPTextCfg(**text))


@dataclass(frozen=True)
class Family:
    """A network of another library, timm's of the same sizes, and what is compared of it."""

    make: Callable[[], nn.Module]
    read: Callable[..., Any]
    build: Callable[..., nn.Module]
    network: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)


vit = vision_transformer._create_vision_transformer
BOTH = {"readout": "cls+mean"}
FAMILIES = {
    "vit": Family(hugging_face("ViT", **EXACT), tokens(1, "cls"), vit, VIT),
    "dinov2": Family(
        hugging_face("Dinov2", **{**SIZES, "image_size": 56}, patch_size=14),
        tokens(1, "cls", "mean"),
        vit,
        {**VIT, **SMALL},
        BOTH,
    ),
    "dinov2_with_registers": Family(
        hugging_face("Dinov2WithRegisters", **{**SIZES, "image_size": 56}, patch_size=14, num_register_tokens=4),
        tokens(5, "cls", "mean"),
        vit,
        {**VIT, **SMALL, "reg_tokens": 4, "no_embed_class": True},
        BOTH,
    ),
    "dinov3": Family(
        hugging_face("DINOv3ViT", **DEEP, num_register_tokens=4),
        tokens(5, "cls", "mean"),
        eva._create_eva,
        {**DINOV3, "qkv_bias": True},
        BOTH,
    ),
    "dinov3_with_gates": Family(
        hugging_face("DINOv3ViT", **DEEP, num_register_tokens=4, use_gated_mlp=True, hidden_act="silu"),
        tokens(5, "cls", "mean"),
        eva._create_eva,
        {**DINOV3, "qkv_bias": True, "swiglu_mlp": True, "swiglu_align_to": 8, "mlp_ratio": 4},
        BOTH,
    ),
    "clip": Family(
        hugging_face("CLIPVision", **DEEP, patch_size=16),
        of_clip,
        vit,
        {**VIT, "pre_norm": True, "norm_layer": FIVE, "act_layer": QuickGELU},
    ),
    "siglip2": Family(  # those of fixed sides are of this class
        hugging_face("SiglipVision", **DEEP, patch_size=16),
        of_siglip,
        vit,
        {**VIT, "class_token": False, "global_pool": "map", "norm_layer": SIX, "act_layer": "gelu_tanh"},
    ),
    "mae": Family(hugging_face("ViTMAE", **EXACT, mask_ratio=0.0), of_mae, vit, VIT, {"readout": "mean"}),
    "deit": Family(
        hugging_face("DeiT", **EXACT),
        tokens(2, "cls"),
        partial(deit._create_deit, distilled=True),
        VIT,
        {"readout": "cls"},
    ),
    "beit": Family(
        hugging_face("Beit", **EXACT, use_relative_position_bias=True),
        of_beit,
        beit._create_beit,
        {**VIT, "use_abs_pos_emb": False, "use_rel_pos_bias": True, "init_values": 0.1},
    ),
    "sam": Family(
        hugging_face(
            "SamVision", **SIZES, window_size=3, global_attn_indexes=[2], output_channels=16, mlp_dim=4 * WIDTH
        ),
        of_sam,
        vision_transformer_sam._create_vision_transformer,
        {
            **VIT,
            "global_attn_indexes": (2,),
            "window_size": 3,
            "use_rel_pos": True,
            "neck_chans": 16,
            "norm_layer": SIX,
        },
    ),
    "swin": Family(
        hugging_face("Swin", embed_dim=24, depths=[2, 2], num_heads=[2, 4], image_size=56, window_size=7),
        of_swin,
        swin_transformer._create_swin_transformer,
        {"embed_dim": 24, "depths": (2, 2), "num_heads": (2, 4), "img_size": 56, "window_size": 7},
    ),
    "swin_v2": Family(
        hugging_face("Swinv2", embed_dim=24, depths=[2, 2], num_heads=[2, 4], image_size=64, window_size=8),
        of_swin,
        swin_transformer_v2._create_swin_transformer_v2,
        {"embed_dim": 24, "depths": (2, 2), "num_heads": (2, 4), "img_size": 64, "window_size": 8},
    ),
    "convnext_v2": Family(
        hugging_face("ConvNextV2", hidden_sizes=list(STAGES["dims"]), depths=list(STAGES["depths"])),
        last_map,
        convnext._create_convnext,
        {**STAGES, "use_grn": True, "ls_init_value": None},
    ),
    "convnext": Family(
        hugging_face("ConvNext", hidden_sizes=list(STAGES["dims"]), depths=list(STAGES["depths"])),
        last_map,
        convnext._create_convnext,
        STAGES,
    ),
    "dinov3_convnext": Family(
        hugging_face("DINOv3ConvNext", hidden_sizes=list(STAGES["dims"]), depths=list(STAGES["depths"])),
        hidden_map,
        convnext._create_convnext,
        STAGES,
    ),
    "resnet": Family(
        hugging_face("ResNet", hidden_sizes=[64, 128, 256, 512], depths=[1, 2, 1, 1], layer_type="basic"),
        last_map,
        resnet._create_resnet,
        BLOCKS,
    ),
    "open_clip": Family(clip_of_open_clip, of_open_clip, vit, {**VIT, "pre_norm": True, "norm_layer": FIVE}),
    "torchvision_resnet": Family(
        lambda: torchvision.models.resnet.ResNet(torchvision.models.resnet.BasicBlock, [1, 2, 1, 1]),
        of_torchvision,
        resnet._create_resnet,
        BLOCKS,
    ),
}
default_cfgs: dict[str, Any] = {}
"""Where timm looks for the sides of what is registered from this file."""


@pytest.fixture(autouse=True, scope="module")
def _known_to_timm():
    """Make a small architecture of each family known to timm, as ``tiny_FAMILY``."""
    words = []
    for name, family in FAMILIES.items():
        side = family.network.get("img_size", 64)
        words.append(word := f"tiny_{name}")
        default_cfgs.update(timm.models.generate_default_cfgs({word: {"input_size": (3, side, side)}}))

        def build(pretrained=False, *, _word=word, _family=family, **options):
            return _family.build(_word, pretrained=pretrained, **{**_family.network, **options})

        build.__name__ = word
        timm.models.register_model(build)
    yield
    for word in words:
        _registry._clear_model_entries(word)
        _registry._model_entrypoints.pop(word)


def stirred(model):
    """Weights, scales and statistics that differ from their start, so that one in another's place is seen."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
        for name, values in model.named_buffers():
            if "running" in name:
                values.copy_(torch.rand_like(values) + 0.5)
    return model.eval()


def written(model, name, held, path):
    """A file of the library's own: of transformers as its hub has it, or the names that version 5 has in memory."""
    import transformers

    if isinstance(model, transformers.PreTrainedModel) and held == "hub":
        model.save_pretrained(path)
        return path / "model.safetensors"
    save_file({key: of.contiguous() for key, of in model.state_dict().items()}, path / "weights.safetensors")
    return path / "weights.safetensors"


@pytest.mark.parametrize("held", ["hub", "memory"])
@pytest.mark.parametrize("name", FAMILIES)
def test_features_are_those_of_the_other_library(name, held, tmp_path):
    family = FAMILIES[name]
    theirs = stirred(family.make())
    own = Backbone(f"tiny_{name}", BackboneSettings(**family.settings)).eval()
    told = load_weights(own, written(theirs, name, held, tmp_path))
    assert "converted to timm's" in told or name == "torchvision_resnet"
    images = torch.randn(2, 3, own.native_side, own.native_side)
    with torch.no_grad():
        vector, coarsest = family.read(theirs, images)
        assert coarsest.std() > 0.1
        torch.testing.assert_close(own(images)[-1], coarsest, atol=1e-5, rtol=1e-5)
        if vector is not None:
            torch.testing.assert_close(own.pooled(images), vector, atol=1e-5, rtol=1e-5)


def test_biases_of_nothing_are_passed_over_where_timm_has_an_architecture_without(tmp_path):
    """DINOv3's distilled transformers: biases of query and value, all 0, and timm's architectures with and without."""
    theirs = stirred(FAMILIES["dinov3"].make())
    with torch.no_grad():
        for key, parameter in theirs.named_parameters():
            if key.endswith(("q_proj.bias", "v_proj.bias")):
                parameter.zero_()
    plain = eva._create_eva("tiny_dinov3", num_classes=0, **DINOV3, qkv_bias=False)
    path = written(theirs, "dinov3", "hub", tmp_path)
    reading = read_backbone(load_file(path), plain)
    assert "6 tensors of attention's biases, 0 everywhere, left out" in reading.told[0]
    plain.eval().load_state_dict(reading.state)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(
            plain.forward_features(images), theirs(images).last_hidden_state, atol=1e-5, rtol=1e-5
        )
        theirs.model.layer[0].attention.q_proj.bias.add_(1)
    assert "which this backbone does not have" in read_backbone(load_file(written(theirs, "", "hub", tmp_path)), plain)
