"""Names of Hugging Face's transformers for networks of timm's, in files of its hub and as version 5 calls them itself.

Its plain vision transformers and CLIP are in ``checkpoint_names``; each rule here is a fact of its ``modeling_*.py``.
"""

from __future__ import annotations

from inkbench.benchmark.networks.checkpoint_names import Dialect, rules

ATTENTION = (
    (r"\.attention\.([qkv])_proj\.", r".attn.\1."),
    (r"\.attention\.o_proj\.", ".attn.proj."),
)
"""Attention's four layers in transformers 5, and in every version's DINOv3."""

DINOV3 = (
    (r"^embeddings\.patch_embeddings\.", "patch_embed.proj."),
    (r"^embeddings\.cls_token$", "cls_token"),
    (r"^embeddings\.register_tokens$", "reg_token"),
    (r"^(?:model\.)?layer\.", "blocks."),
    *ATTENTION,
    (r"\.layer_scale([12])\.lambda1$", r".gamma_\1"),
    (r"\.mlp\.down_proj\.", ".mlp.fc2."),
)

DINOV3_CONVNEXT = rules(
    (r"^(?:model\.)?stages\.0\.downsample_layers\.", "stem."),
    (r"^(?:model\.)?stages\.(\d+)\.downsample_layers\.", r"stages.\1.downsample."),
    (r"^(?:model\.)?stages\.(\d+)\.layers\.", r"stages.\1.blocks."),
    (r"\.depthwise_conv\.", ".conv_dw."),
    (r"\.layer_norm\.", ".norm."),
    (r"\.pointwise_conv([12])\.", r".mlp.fc\1."),
    (r"^layer_norm\.", "head.norm."),
)

RESNET_STAGES = tuple((rf"^encoder\.stages\.{k}\.layers\.", f"layer{k + 1}.") for k in range(4))
RESNET_LAYERS = tuple(
    pair
    for k in range(3)
    for pair in (
        (rf"\.layer\.{k}\.convolution\.", f".conv{k + 1}."),
        (rf"\.layer\.{k}\.normalization\.", f".bn{k + 1}."),
    )
)

HUGGING_FACE = (
    Dialect(
        "Hugging Face DINOv3",
        "embeddings.patch_embeddings.weight",
        rules(*DINOV3, (r"\.mlp\.up_proj\.", ".mlp.fc1.")),
    ),
    Dialect(
        "Hugging Face DINOv3 with gates",
        "embeddings.patch_embeddings.weight",
        rules(*DINOV3, (r"\.mlp\.gate_proj\.", ".mlp.fc1_g."), (r"\.mlp\.up_proj\.", ".mlp.fc1_x.")),
    ),
    Dialect(
        "Hugging Face SAM",
        "patch_embed.projection.weight",
        rules(
            (r"^patch_embed\.projection\.", "patch_embed.proj."),
            (r"^neck\.conv1\.", "neck.0."),
            (r"^neck\.layer_norm1\.", "neck.1."),
            (r"^neck\.conv2\.", "neck.2."),
            (r"^neck\.layer_norm2\.", "neck.3."),
            (r"^layers\.", "blocks."),
            (r"\.layer_norm([12])\.", r".norm\1."),
            (r"\.mlp\.lin([12])\.", r".mlp.fc\1."),
        ),
    ),
    Dialect(
        "Hugging Face Swin",
        "embeddings.patch_embeddings.projection.weight",
        rules(
            (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
            (r"^embeddings\.norm\.", "patch_embed.norm."),
            *((rf"^encoder\.layers\.{k}\.downsample\.", f"layers.{k + 1}.downsample.") for k in range(3)),
            (r"^encoder\.layers\.", "layers."),
            (r"\.attention\.self\.query\.", ".attn.q."),
            (r"\.attention\.self\.key\.", ".attn.k."),
            (r"\.attention\.self\.value\.", ".attn.v."),
            (r"\.attention\.(?:self|relative_position_bias)\.relative_", ".attn.relative_"),
            (r"\.attention\.(?:self\.)?logit_scale$", ".attn.logit_scale"),  # Swin V2
            (r"\.attention\.(?:self\.)?continuous_position_bias_mlp\.", ".attn.cpb_mlp."),
            (r"\.attention\.output\.dense\.", ".attn.proj."),
            *ATTENTION,
            (r"\.intermediate\.dense\.", ".mlp.fc1."),
            (r"\.output\.dense\.", ".mlp.fc2."),
            (r"\.layernorm_before\.", ".norm1."),
            (r"\.layernorm_after\.", ".norm2."),
            (r"^layernorm\.", "norm."),
        ),
    ),
    Dialect(
        "Hugging Face ConvNeXt",
        "encoder.stages.0.layers.0.dwconv.weight",
        rules(
            (r"^embeddings\.patch_embeddings\.", "stem.0."),
            (r"^embeddings\.layernorm\.", "stem.1."),
            (r"^layernorm\.", "head.norm."),
            (r"^encoder\.stages\.(\d+)\.downsampling_layer\.", r"stages.\1.downsample."),
            (r"^encoder\.stages\.(\d+)\.layers\.", r"stages.\1.blocks."),
            (r"\.dwconv\.", ".conv_dw."),
            (r"\.layernorm\.", ".norm."),
            (r"\.pwconv([12])\.", r".mlp.fc\1."),
            (r"\.grn\.", ".mlp.grn."),
            (r"\.layer_scale_parameter$", ".gamma"),
        ),
    ),
    Dialect("Hugging Face DINOv3 ConvNeXt", "stages.0.downsample_layers.0.weight", DINOV3_CONVNEXT),
    Dialect("Hugging Face DINOv3 ConvNeXt", "model.stages.0.downsample_layers.0.weight", DINOV3_CONVNEXT),
    Dialect(
        "Hugging Face ResNet",
        "embedder.embedder.convolution.weight",
        rules(
            (r"^embedder\.embedder\.convolution\.", "conv1."),
            (r"^embedder\.embedder\.normalization\.", "bn1."),
            *RESNET_STAGES,
            (r"\.shortcut\.convolution\.", ".downsample.0."),
            (r"\.shortcut\.normalization\.", ".downsample.1."),
            *RESNET_LAYERS,
        ),
    ),
)
"""Layouts that are told apart by what fits: of those with one anchor, only that of the network at hand fills it."""
