"""Files of weights as other codes write them: a row each, the right network found, what was passed over told."""

import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from timm.models import VisionTransformer, create_model

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.weights_files import load_weights

ROOT = Path(__file__).parents[2]


def resnet(seed=0):
    torch.manual_seed(seed)
    return create_model("test_resnet", num_classes=0)


def vit(seed=0, grid=4, layer_scale=False, clip=False, registers=0):
    """A transformer of two blocks, 32 wide, with what DINOv2 or CLIP have beside."""
    torch.manual_seed(seed)
    model = VisionTransformer(
        img_size=16 * grid,
        patch_size=16,
        embed_dim=32,
        depth=2,
        num_heads=2,
        num_classes=0,
        init_values=0.5 if layer_scale else None,
        pre_norm=clip,
        reg_tokens=registers,
        no_embed_class=registers > 0,
        dynamic_img_size=True,
    )
    with torch.no_grad():  # norms and scales differ from their start, so that one in another's place is seen
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def behind(prefix, state):
    return {prefix + name: value for name, value in state.items()}


def head(prefix="fc", width=10):
    return {f"{prefix}.weight": torch.randn(width, 4), f"{prefix}.bias": torch.randn(width)}


A, B = resnet(1).state_dict(), resnet(2).state_dict()
V, W = vit(1).state_dict(), vit(2).state_dict()


def vissl():
    trunk = {"_feature_blocks." + name: value for name, value in A.items()}
    model = {"trunk": trunk, "heads": {"0.clf.0.weight": torch.randn(3, 3)}}
    return {"phase_idx": 3, "classy_state_dict": {"base_model": {"model": model, "meta": {}}, "train": True}}


def mae():
    decoder = {"decoder_embed.weight": torch.randn(8, 32), "decoder_blocks.0.norm1.weight": torch.randn(8)}
    rest = {"mask_token": torch.randn(1, 1, 8), "decoder_pos_embed": torch.randn(1, 17, 8)}
    return {"model": {**V, **decoder, **rest}, "args": argparse.Namespace(lr=1e-3, blr=np.float64(2)), "epoch": 800}


def dino():
    """What main_dino.py saves: the teacher is bare, the student within DistributedDataParallel."""
    student = {**behind("module.backbone.", W), **behind("module.head.", head("mlp.0"))}
    teacher = {**behind("backbone.", V), **behind("head.", head("mlp.0"))}
    return {"student": student, "teacher": teacher, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}, "epoch": 1}


RESNETS = {
    "bare": (A, ""),
    "bare with its classifier": ({**A, **head()}, "2 tensors of a head left out (fc)"),
    "ddp": ({"state_dict": behind("module.", {**A, **head()})}, "module. removed"),
    "compile": (behind("_orig_mod.", A), "_orig_mod. removed"),
    "ddp and compile": ({"model": behind("module._orig_mod.", A)}, "module. removed"),
    "compile and ddp": ({"model": behind("_orig_mod.module.", A)}, "module. removed"),
    "a compiled block": ({name.replace("layer1.", "layer1._orig_mod."): value for name, value in A.items()}, "_orig"),
    "MoCo v2": (
        {
            "epoch": 200,
            "arch": "resnet50",
            "state_dict": {
                **behind("module.encoder_q.", {**A, **head("fc.0"), **head("fc.2")}),
                **behind("module.encoder_k.", {**B, **head("fc.0"), **head("fc.2")}),
                "module.queue": torch.randn(4, 8),
                "module.queue_ptr": torch.zeros(1, dtype=torch.long),
            },
            "optimizer": {"state": {}, "param_groups": [{"lr": 0.03}]},
        },
        "read as MoCo v2: state_dict.module.encoder_q. removed, 4 tensors of a head left out (fc)",
    ),
    "MoCo v3": (
        {"state_dict": {**behind("module.momentum_encoder.", B), **behind("module.base_encoder.", A)}},
        "read as MoCo v3: state_dict.module.base_encoder. removed",
    ),
    "lightly": (
        {
            "state_dict": {
                **behind("backbone.", A),
                **behind("backbone_momentum.", B),
                **head("projection_head.layers.0"),
            }
        },
        "read as lightly",
    ),
    "lightly's DINO": (
        {"state_dict": {**behind("student_backbone.", B), **behind("teacher_backbone.", A)}},
        "student_backbone. left out (DINO is evaluated by its teacher)",
    ),
    "solo-learn": (
        {
            "state_dict": {
                **head("classifier"),
                **behind("momentum_backbone.", B),
                **behind("backbone.", A),
                **head("projector.0"),
            },
            "hyper_parameters": {"lr": np.float32(0.3)},
        },
        "read as solo-learn: state_dict.backbone. removed",
    ),
    "stable-pretraining": (
        {
            "state_dict": {
                **behind("backbone.student.", B),
                **behind("backbone.teacher.", A),
                **head("projector.0"),
                **head("callbacks_modules.linear_probe"),
            },
            "pytorch-lightning_version": "2.5",
        },
        "read as stable-pretraining: state_dict.backbone.teacher. removed",
    ),
    "mmpretrain": (
        {
            "meta": {"mmpretrain_version": "1.2.0"},
            "state_dict": {**behind("backbone.", A), **head("head.fc"), **behind("encoder_k.0.", B)},
        },
        "encoder_k.0. left out",
    ),
    "VISSL": (vissl(), "read as VISSL: classy_state_dict.base_model.model.trunk._feature_blocks. removed"),
    "BYOL": ({**behind("target_net.", B), **behind("online_net.", A)}, "BYOL keeps its online network"),
    "averaged weights": ({"state_dict": B, "state_dict_ema": A}, "timm takes the averaged weights"),
    "the same twice": ({**behind("model.backbone.", A), **behind("backbone.", A)}, "removed"),
    "half precision": ({name: v.half() if v.is_floating_point() else v for name, v in A.items()}, ""),
}
VITS = {
    "DINO": (dino(), "read as DINO: teacher.backbone. removed"),
    "DINO's student alone": ({"student": behind("module.backbone.", V)}, "student.module.backbone. removed"),
    "DINOv2 with its mask token": ({**V, "mask_token": torch.randn(1, 32)}, "1 tensor of a head left out (mask_token)"),
    "DINOv2 in chunks": (
        {"teacher": {f"backbone.{n.replace('blocks.', 'blocks.0.')}": value for n, value in V.items()}},
        "teacher.backbone. removed",
    ),
    "MAE with its decoder": (mae(), "read as MAE: model. removed, 4 tensors of a head left out (decoder_blocks"),
    "I-JEPA": (
        {
            "encoder": behind("module.", W),
            "predictor": {"module.x": torch.ones(1)},
            "target_encoder": behind("module.", V),
        },
        "I-JEPA is evaluated by its target encoder",
    ),
}


def given(model, held, path):
    """What loading ``held``, written to ``path``, tells; ``model`` is filled."""
    save_file(held, path) if path.suffix == ".safetensors" else torch.save(held, path)
    return load_weights(SimpleNamespace(name="mine", model=model), path)


def same(model, state, to=0.0):
    pairs = [(value.float(), state[name].float()) for name, value in model.state_dict().items()]
    return all(torch.allclose(value, other, rtol=0, atol=to) for value, other in pairs)


@pytest.mark.parametrize("name", [*RESNETS, *VITS])
def test_the_backbone_is_found_in_what_other_codes_write_around_it(name, tmp_path):
    held, words = {**RESNETS, **VITS}[name]
    model, expected = (resnet(7), A) if name in RESNETS else (vit(7), V)
    told = given(model, held, tmp_path / "w.pth")
    assert same(model, expected, 1e-3 if name == "half precision" else 0.0)
    assert words in told
    assert "\n" not in told
    assert told == "" if words == "" else told.startswith("w.pth: ")


def test_the_older_stream_of_pickles_and_safetensors_are_read_alike(tmp_path):
    old = tmp_path / "old.pth.tar"
    torch.save(
        {"state_dict": behind("module.", A), "args": argparse.Namespace(x=1)}, old, _use_new_zipfile_serialization=False
    )
    models = [resnet(7), resnet(8)]
    load_weights(SimpleNamespace(name="mine", model=models[0]), old)
    given(models[1], behind("module.", A), tmp_path / "w.safetensors")
    assert same(models[0], A)
    assert same(models[1], A)


# --- names that are turned into timm's: against a forward pass written from the other code's own modules


def forward(state, names, images, patch=16, heads=2):
    """A pre-norm transformer with separate query, key and value, as Hugging Face computes it; tokens (B, N, width)."""

    def linear(x, name):
        return torch.nn.functional.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    def norm(x, name, eps):
        return torch.nn.functional.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps)

    eps = 1e-5 if "before" in names else 1e-6
    x = torch.nn.functional.conv2d(
        images, state[names["patch"] + ".weight"], state.get(names["patch"] + ".bias"), patch
    )
    x = x.flatten(2).transpose(1, 2)
    token = state[names["token"]].reshape(1, 1, -1).expand(len(x), -1, -1)
    x = torch.cat([token, x], 1) + state[names["positions"]].reshape(1, -1, x.shape[-1])
    if "before" in names:
        x = norm(x, names["before"], eps)
    for number in range(2):
        at = names["block"].format(number)
        y = norm(x, at + names["norm1"], eps)
        q, k, v = (
            linear(y, at + names["attention"].format(part)).unflatten(-1, (heads, -1)).transpose(1, 2)
            for part in names["parts"]
        )
        weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)
        y = linear((weights @ v).transpose(1, 2).flatten(2), at + names["out"])
        x = x + y * state.get(at + "layer_scale1.lambda1", 1)
        y = linear(
            torch.nn.functional.gelu(linear(norm(x, at + names["norm2"], eps), at + names["fc1"])), at + names["fc2"]
        )
        x = x + y * state.get(at + "layer_scale2.lambda1", 1)
    return norm(x, names["last"], eps)


DINOV2 = {
    "patch": "embeddings.patch_embeddings.projection",
    "token": "embeddings.cls_token",
    "positions": "embeddings.position_embeddings",
    "block": "encoder.layer.{}.",
    "norm1": "norm1",
    "norm2": "norm2",
    "attention": "attention.attention.{}",
    "parts": ("query", "key", "value"),
    "out": "attention.output.dense",
    "fc1": "mlp.fc1",
    "fc2": "mlp.fc2",
    "last": "layernorm",
}
VIT = {
    **DINOV2,
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "fc1": "intermediate.dense",
    "fc2": "output.dense",
}
CLIP = {
    "patch": "embeddings.patch_embedding",
    "token": "embeddings.class_embedding",
    "positions": "embeddings.position_embedding.weight",
    "before": "pre_layrnorm",
    "block": "encoder.layers.{}.",
    "norm1": "layer_norm1",
    "norm2": "layer_norm2",
    "attention": "self_attn.{}",
    "parts": ("q_proj", "k_proj", "v_proj"),
    "out": "self_attn.out_proj",
    "fc1": "mlp.fc1",
    "fc2": "mlp.fc2",
    "last": "post_layernorm",
}


def drawn(names, clip=False, scaled=False, width=32, tokens=17):
    """Random tensors under the names of another code."""
    torch.manual_seed(4)
    state = {
        f"{names['patch']}.weight": torch.randn(width, 3, 16, 16) * 0.05,
        names["token"]: torch.randn(width) if clip else torch.randn(1, 1, width),
        names["positions"]: torch.randn(tokens, width) if clip else torch.randn(1, tokens, width),
    }
    if not clip:
        state[f"{names['patch']}.bias"] = torch.randn(width)
    norms = [names["last"], *([names["before"]] if clip else [])]
    for number in range(2):
        at = names["block"].format(number)
        norms += [at + names["norm1"], at + names["norm2"]]
        layers = [(at + names["attention"].format(part), width, width) for part in names["parts"]]
        layers += [(at + names["out"], width, width), (at + names["fc1"], 4 * width, width)]
        for name, rows, columns in [*layers, (at + names["fc2"], width, 4 * width)]:
            state |= {f"{name}.weight": torch.randn(rows, columns) * 0.2, f"{name}.bias": torch.randn(rows)}
        if scaled:
            state |= {f"{at}layer_scale{k}.lambda1": torch.rand(width) for k in (1, 2)}
    return state | {f"{name}.{part}": torch.rand(width) + 0.5 for name in norms for part in ("weight", "bias")}


@pytest.mark.parametrize(
    ("prefix", "names", "clip", "scaled", "beside"),
    [
        ("", DINOV2, False, True, {"embeddings.mask_token": torch.zeros(1, 32)}),
        ("dinov2.", DINOV2, False, True, head("classifier")),
        ("vit.", VIT, False, False, head("decoder.decoder_embed")),
        ("", VIT, False, False, head("pooler.dense")),
        (
            "vision_model.",
            CLIP,
            True,
            False,
            {
                "vision_model.embeddings.position_ids": torch.arange(17)[None],
                **head("text_model.encoder.layers.0.mlp.fc1"),
            },
        ),
    ],
    ids=["DINOv2", "DINOv2 with its classifier", "MAE", "ViT", "CLIP"],
)
def test_hugging_faces_names_give_the_outputs_of_its_own_arithmetic(prefix, names, clip, scaled, beside, tmp_path):
    state = drawn(names, clip, scaled)
    model = vit(7, layer_scale=scaled, clip=clip).eval()
    told = given(model, {**behind(prefix, state), **beside}, tmp_path / "model.safetensors")
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model.forward_features(images), forward(state, names, images), atol=2e-5, rtol=1e-4)
    assert "names of Hugging Face" in told


def test_mmpretrains_transformer_is_read_too(tmp_path):
    def theirs(name):
        if name.startswith("norm."):
            return name.replace("norm.", "ln1.")
        name = name.replace("patch_embed.proj.", "patch_embed.projection.").replace("blocks.", "layers.")
        for ours, other in ((".norm", ".ln"), (".mlp.fc1.", ".ffn.layers.0.0."), (".mlp.fc2.", ".ffn.layers.1.")):
            name = name.replace(ours, other)
        return name

    model = vit(7)
    held = {"state_dict": {f"backbone.{theirs(name)}": value for name, value in V.items()} | head("head.layers.head")}
    assert "names of mmpretrain ViT" in given(model, held, tmp_path / "w.pth")
    assert same(model, V)


def test_openais_clip_is_read_by_timms_own_converter(tmp_path):
    source = vit(3, clip=True).state_dict()
    swaps = (
        ("patch_embed.proj", "conv1"),
        ("norm_pre", "ln_pre"),
        ("attn.qkv.", "attn.in_proj_"),
        ("attn.proj", "attn.out_proj"),
    )
    swaps += (("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"), ("blocks.", "transformer.resblocks."))

    def theirs(name):
        if name.startswith("norm."):
            return name.replace("norm.", "ln_post.")
        for ours, other in swaps:
            name = name.replace(ours, other)
        return name.replace(".norm1", ".ln_1").replace(".norm2", ".ln_2")

    held = {f"visual.{theirs(name)}": value for name, value in source.items() if name not in ("cls_token", "pos_embed")}
    held["visual.class_embedding"], held["visual.positional_embedding"] = (
        source["cls_token"][0, 0],
        source["pos_embed"][0],
    )
    held |= {
        "visual.proj": torch.randn(32, 8),
        "token_embedding.weight": torch.randn(5, 32),
        "logit_scale": torch.ones(()),
    }
    model = vit(7, clip=True)
    assert "its own converter" in given(model, held, tmp_path / "w.pth")
    assert same(model, source)


def test_positions_of_another_grid_are_resampled_and_told(tmp_path):
    model = vit(7, grid=4)
    larger = vit(1, grid=6).state_dict()
    told = given(model, larger, tmp_path / "w.pth")
    assert "position embeddings resampled from 6 x 6 to 4 x 4" in told
    assert torch.equal(model.pos_embed[:, :1], larger["pos_embed"][:, :1])
    grid = larger["pos_embed"][:, 1:].reshape(1, 6, 6, 32).permute(0, 3, 1, 2)
    by_torch = torch.nn.functional.interpolate(grid, (4, 4), mode="bicubic", antialias=True)
    assert torch.allclose(model.pos_embed[:, 1:], by_torch.permute(0, 2, 3, 1).reshape(1, 16, 32), atol=1e-5)


def test_registers_take_the_class_tokens_position_from_metas_file(tmp_path):
    source = vit(3, registers=2).state_dict()
    position = torch.randn(1, 1, 32)
    held = {**source, "register_tokens": source["reg_token"], "mask_token": torch.zeros(1, 32)}
    del held["reg_token"]
    held["pos_embed"] = torch.cat([position, source["pos_embed"]], 1)
    model = vit(7, registers=2)
    assert "position was added" in given(model, held, tmp_path / "w.pth")
    assert torch.allclose(model.cls_token, source["cls_token"] + position)
    assert torch.equal(model.reg_token, source["reg_token"])


# --- what does not fit, is not clear or not safe


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (
            {**behind("left.", A), **behind("right.", B)},
            r"contains 2 networks that fit \(left\., right\.\); save only the one",
        ),
        ({name: value for name, value in A.items() if not name.startswith("layer4")}, "lacks layer4"),
        ({**A, "layer9.weight": torch.ones(2)}, "has layer9.weight, which this backbone does not have"),
        ({**A, "conv1.0.weight": torch.ones(2, 2)}, r"conv1.0.weight is \(2, 2\)"),
        (behind("module.", V), "does not fit mine"),
        ({**V, "patch_embed.proj.weight": torch.randn(32, 3, 14, 14)}, "does not fit mine"),
        ({"epoch": 3}, "contains no state dictionary of tensors"),
        ({**A, "conv1.0.weight": A["conv1.0.weight"] * float("nan")}, "NaN or infinity"),
    ],
)
def test_what_is_no_such_backbone_or_no_one_answer_is_refused_in_one_line(held, words, tmp_path):
    model = resnet(7)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(UsageError, match=words) as refused:
        given(model, held, tmp_path / "w.pth")
    assert "\n" not in str(refused.value)
    assert same(model, before)


def test_a_transformer_of_other_patches_is_refused_not_resampled(tmp_path):
    with pytest.raises(UsageError, match=r"patch_embed.proj.weight is \(32, 3, 14, 14\)"):
        given(vit(7), {**V, "patch_embed.proj.weight": torch.randn(32, 3, 14, 14)}, tmp_path / "w.pth")
