"""Names that other codes give a backbone's tensors, as rules: wrappers, dialects, heads, and which network is meant.

Each rule is a fact of a public code base; ``weights_files`` applies them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

WRAPPERS = re.compile(r"(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""Segments that torch puts into names anywhere: of torch.compile, FSDP and activation checkpointing."""

NOT_WEIGHTS = re.compile(r"(^|\.)(optimizers?|optimizer_states?|optim|opt|scaler|loss_scaler|lr_scheduler)\.")
"""Names of what training keeps beside networks: tensors in here are no part of one."""

COMPUTED = re.compile(
    r"(^|\.)(relative_position_index|relative_coords_table|attn_mask|bias_mask|periods|position_ids)$"
)
"""Names of buffers that a network computes from its sizes; older files hold them."""

HEADS = re.compile(
    r"(fc|head|heads|head_dist|classifier|mlp_head|proj|projector|projection_head|proj_head|predictor|prediction_head|"
    r"prototypes|neck|pooler|pre_logits|visual_projection|mask_token|masked_embed|"
    r"(?:dino|ibot)_head|queue\w*|queue_ptr|decoder\w*|"
    r"embeddings\.(?:mask_token|position_ids)|encoder\.mask_token|lm_head)(?=\.|$)"
)
"""Names that may be left over beside a backbone's own tensors: heads, decoders, queues, the token of masked patches."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The names of one code base for the tensors of a timm model.

    ``anchor`` is the tensor that every such file has; ``renames`` are tried in order on a name without its prefix, all
    that match are applied.
    """

    name: str
    anchor: str
    renames: tuple[tuple[re.Pattern[str], str], ...]


def rules(*pairs: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return renames of patterns and what stands for them."""
    return tuple((re.compile(pattern), name) for pattern, name in pairs)


META = Dialect(
    "Meta's ViT",
    "",
    rules(
        (r"^blocks\.\d+\.(\d+)\.", r"blocks.\1."),  # DINOv2 trains blocks in chunks
        (r"^register_tokens$", "reg_token"),
        (r"\.mlp\.w12\.", ".mlp.fc1."),
        (r"\.mlp\.w3\.", ".mlp.fc2."),
    ),
)
"""timm's own names, with what Meta's files of DINOv2 call otherwise."""

DIALECTS = (
    Dialect(
        "Hugging Face ViT",
        "embeddings.patch_embeddings.projection.weight",
        rules(
            (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
            (r"^embeddings\.cls_token$", "cls_token"),
            (r"^embeddings\.register_tokens$", "reg_token"),
            (r"^embeddings\.position_embeddings$", "pos_embed"),
            (r"^embeddings\.distillation_token$", "dist_token"),
            (r"^(?:encoder\.layer|layers)\.", "blocks."),  # a file's, and that of transformers 5 itself
            (r"\.attention\.([qkv])_proj\.", r".attn.\1."),
            (r"\.attention\.o_proj\.", ".attn.proj."),
            (r"\.(?:attention\.attention\.)?relative_position_bias\.relative_", ".attn.relative_"),  # BEiT
            (r"\.lambda_([12])$", r".gamma_\1"),
            (r"^pooler\.layernorm\.", "fc_norm."),
            (r"\.attention\.attention\.query\.", ".attn.q."),
            (r"\.attention\.attention\.key\.", ".attn.k."),
            (r"\.attention\.attention\.value\.", ".attn.v."),
            (r"\.attention\.output\.dense\.", ".attn.proj."),
            (r"\.layer_scale([12])\.lambda1$", r".ls\1.gamma"),
            (r"\.intermediate\.dense\.", ".mlp.fc1."),
            (r"\.output\.dense\.", ".mlp.fc2."),
            (r"\.mlp\.weights_in\.", ".mlp.fc1."),
            (r"\.mlp\.weights_out\.", ".mlp.fc2."),
            (r"\.layernorm_before\.", ".norm1."),
            (r"\.layernorm_after\.", ".norm2."),
            (r"^layernorm\.", "norm."),
        ),
    ),
    Dialect(
        "Hugging Face CLIP vision",
        "embeddings.patch_embedding.weight",
        rules(
            (r"^embeddings\.patch_embedding\.", "patch_embed.proj."),
            (r"^embeddings\.class_embedding$", "cls_token"),
            (r"^embeddings\.position_embedding\.weight$", "pos_embed"),
            (r"^pre_layrnorm\.", "norm_pre."),
            (r"^post_layernorm\.", "norm."),
            (r"^encoder\.layers\.", "blocks."),
            (r"\.layer_norm([12])\.", r".norm\1."),
            (r"\.self_attn\.([qkv])_proj\.", r".attn.\1."),
            (r"\.self_attn\.out_proj\.", ".attn.proj."),
            (r"^head\.probe$", "attn_pool.latent"),  # SigLIP pools by attention
            (r"^head\.attention\.in_proj_", "attn_pool.qkv."),
            (r"^head\.attention\.out_proj\.", "attn_pool.proj."),
            (r"^head\.layernorm\.", "attn_pool.norm."),
            (r"^head\.mlp\.", "attn_pool.mlp."),
        ),
    ),
    Dialect(
        "mmpretrain ViT",
        "patch_embed.projection.weight",
        rules(
            (r"^patch_embed\.projection\.", "patch_embed.proj."),
            (r"^layers\.", "blocks."),
            (r"\.(?:ln|norm)([12])\.", r".norm\1."),
            (r"\.attn\.gamma1\.weight$", ".ls1.gamma"),
            (r"\.ffn\.gamma2\.weight$", ".ls2.gamma"),
            (r"\.ffn\.layers\.0\.0\.", ".mlp.fc1."),
            (r"\.ffn\.layers\.1\.", ".mlp.fc2."),
            (r"^(?:ln|norm)1\.", "norm."),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Rule for two networks in a file: the one whose prefix has ``chosen`` is meant, not one with only ``other``."""

    chosen: re.Pattern[str]
    other: re.Pattern[str]
    why: str


def _segment(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|\.)(?:{pattern})(?:\.|$)")


CHOICES = (
    Choice(_segment(r"teacher(?:_\w+)?"), _segment(r"student(?:_\w+)?"), "DINO is evaluated by its teacher"),
    Choice(_segment(r"encoder_q|query_encoder"), _segment(r"encoder_k(?:\.0)?|key_encoder"), "MoCo keeps its query"),
    Choice(_segment(r"base_encoder"), _segment(r"momentum_encoder"), "MoCo v3 keeps its base encoder"),
    Choice(_segment(r"online\w*"), _segment(r"target\w*"), "BYOL keeps its online network"),
    Choice(_segment(r"target_encoder"), _segment(r"encoder"), "I-JEPA is evaluated by its target encoder"),
    Choice(_segment(r"state_dict_ema|model_ema\w*"), _segment(r"state_dict|model"), "timm takes the averaged weights"),
    Choice(
        re.compile(r"^(?!.*momentum)(?!.*encoder_k)"),
        _segment(r"\w*momentum\w*|encoder_k"),
        "the network that gradients train is kept",
    ),
)
"""The authors' own rules of evaluation, the narrow ones first."""

LAYOUTS = (
    ("stable-pretraining", re.compile(r"(^|\.)callbacks_(modules|metrics)\.")),
    ("MoCo v2", re.compile(r"(^|\.)encoder_q\.")),
    ("MoCo v3", re.compile(r"(^|\.)base_encoder\.")),
    ("DINOv2", re.compile(r"(^|\.)(teacher|student)\.(backbone|ibot_head)\..*\.ls1\.gamma$|ibot_head\.")),
    ("DINO", re.compile(r"(^|\.)(teacher|student)\.")),
    ("VISSL", re.compile(r"(^|\.)_feature_blocks\.")),
    ("MAE", re.compile(r"(^|\.)decoder_(blocks|embed|pos_embed)")),
    ("lightly", re.compile(r"(^|\.)(backbone_momentum|(teacher|student)_backbone|projection_head)\.")),
    ("solo-learn", re.compile(r"(^|\.)momentum_backbone\.")),
)
"""Codes that a file is known by: the first whose names are in it."""
