"""A vision transformer that sees some of its patches, and a small one that paints the others (He et al., CVPR 2022)."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from timm.layers import PatchEmbed, resample_abs_pos_embed
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from inkbench.benchmark.errors import NotApplicable
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.tokens import has_class_token


class MaskedAutoencoder(nn.Module):
    """The backbone on the visible patches alone, then a decoder over these and mask tokens."""

    def __init__(self, backbone: Backbone, side: int, width: int, depth: int, heads: int) -> None:
        """For images of ``side`` px; the decoder has ``depth`` blocks of ``width``. Raises NotApplicable, UsageError.

        The backbone's own position embedding becomes sines and cosines that do not learn, unless it was ``started``
        from given weights, whose positions are theirs.
        """
        super().__init__()
        _require_maskable(backbone)
        backbone.train_for("maps")
        _final_norm(backbone.model).requires_grad_(True)
        if not backbone.started:
            _fix_positions(backbone.model)
        self.backbone = backbone
        self.patch = int(backbone.strides[-1])
        self.grid = side // self.patch
        self.classes = int(has_class_token(backbone.model))
        self.enter = nn.Linear(backbone.channels[-1], width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        places = torch.cat([torch.zeros(self.classes, width), sincos(self.grid, self.grid, width)])
        self.places = nn.Parameter(places[None], requires_grad=False)
        norm: Any = partial(nn.LayerNorm, eps=1e-6)
        self.blocks = nn.ModuleList([Block(width, heads, qkv_bias=True, norm_layer=norm) for _ in range(depth)])
        self.leave = nn.Sequential(norm(width), nn.Linear(width, 3 * self.patch**2))
        nn.init.normal_(self.mask_token, std=0.02)
        for part in (self.enter, self.blocks, self.leave):
            part.apply(_initialise)

    def encode(self, images: Tensor, visible: Tensor) -> Tensor:
        """Encode the visible patches, at indices ``visible``, as tokens (N, prefix + V, C), after the final norm."""
        model = self.backbone.model
        tokens = model.patch_embed(images)
        if tokens.dim() == 4:  # (N, h, w, C), as timm gives for models of any input size
            tokens = tokens.flatten(1, 2)
        prefix = model.num_prefix_tokens
        here = _position_embedding(model, self.grid)
        tokens = tokens + here[:, here.shape[1] - tokens.shape[1] :]
        tokens = tokens.gather(1, visible[..., None].expand(-1, -1, tokens.shape[-1]))
        if prefix:
            first = _prefix(model).expand(len(tokens), -1, -1)
            if here.shape[1] > self.grid**2:
                first = first + here[:, :prefix]
            tokens = torch.cat([first, tokens], 1)
        tokens = model.norm_pre(tokens)
        for block in model.blocks:
            tokens = block(tokens)
        normed: Tensor = _final_norm(model)(tokens)
        return normed

    def forward(self, images: Tensor, visible: Tensor) -> Tensor:
        """Return the pixels of all patches, (N, P, 3 p^2), of normalised images (N, 3, side, side), normalised too."""
        tokens = self.enter(self.encode(images, visible))
        seen = tokens[:, self.backbone.model.num_prefix_tokens :]
        whole = self.mask_token.expand(len(images), self.grid**2, -1).to(tokens.dtype)
        whole = whole.scatter(1, visible[..., None].expand(-1, -1, tokens.shape[-1]), seen)
        whole = torch.cat([tokens[:, : self.classes], whole], 1) + self.places
        for block in self.blocks:
            whole = block(whole)
        patches: Tensor = self.leave(whole)[:, self.classes :].float()
        return patches


def patchify(images: Tensor, patch: int) -> Tensor:
    """Return images (N, 3, g p, g p) as rows of patches (N, g^2, 3 p^2), in reading order."""
    n, grid = len(images), images.shape[-1] // patch
    cut = images.view(n, 3, grid, patch, grid, patch)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(n, grid**2, 3 * patch**2)


def unpatchify(patches: Tensor, patch: int) -> Tensor:
    """Return the inverse of ``patchify``."""
    n, grid = len(patches), round(patches.shape[1] ** 0.5)
    cut = patches.view(n, grid, grid, 3, patch, patch)
    return cut.permute(0, 3, 1, 4, 2, 5).reshape(n, 3, grid * patch, grid * patch)


def draw_visible(n: int, patches: int, share: float, generator: torch.Generator) -> Tensor:
    """Draw indices (n, V) of the visible patches, V = ``patches`` minus the rounded masked ``share``, ascending."""
    kept = patches - min(max(round(share * patches), 1), patches - 1)
    shuffled = torch.rand(n, patches, generator=generator, device=generator.device).argsort(1)
    return shuffled[:, :kept].sort(1).values


def sincos(rows: int, columns: int, width: int) -> Tensor:
    """Return fixed sine and cosine embedding of the places of a grid in reading order, (rows columns, width).

    Half of the channels tell the column, half the row, each as sines and then cosines of ``width`` / 4 frequencies, as
    in facebookresearch/mae (util/pos_embed.py). A width that is not a multiple of four ends in zeros.
    """
    quarter = width // 4
    omega = 1 / 10_000 ** (torch.arange(quarter) / max(quarter, 1))
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    parts = []
    for place in (column, row):
        angle = place.reshape(-1, 1) * omega
        parts += [angle.sin(), angle.cos()]
    return torch.cat([*parts, torch.zeros(rows * columns, width - 4 * quarter)], 1)


def _require_maskable(backbone: Backbone) -> None:
    """Raise NotApplicable for a network whose patches cannot be left out one by one, each with its own place."""
    model = backbone.model
    if not isinstance(model, VisionTransformer):
        kind = "not one" if not backbone.has_tokens else "one with positions in its attention (rotary, relative)"
        raise NotApplicable(f"mae needs a vision transformer with a position embedding, and {backbone.name} is {kind}")
    if model.pos_embed is None:
        raise NotApplicable(f"mae needs a vision transformer with a position embedding, and {backbone.name} has none")
    if not isinstance(model.patch_embed, PatchEmbed):
        raise NotApplicable(f"mae needs patches that do not overlap, and {backbone.name} has a convolutional stem")


def _fix_positions(model: Any) -> None:
    """Replace the learnt position embedding by fixed sines and cosines, zeros for a class token; they do not learn."""
    embedding: Tensor = model.pos_embed
    rows, columns = model.patch_embed.grid_size
    with torch.no_grad():
        embedding.zero_()
        embedding[0, embedding.shape[1] - rows * columns :] = sincos(rows, columns, embedding.shape[2])
    embedding.requires_grad_(False)


def _final_norm(model: Any) -> nn.Module:
    """Return the norm behind the last block; of a model that is made to pool first, the one behind its pooling."""
    norm: nn.Module = model.fc_norm if isinstance(model.norm, nn.Identity) else model.norm
    return norm


def _position_embedding(model: Any, grid: int) -> Tensor:
    """Return the backbone's position embedding for a ``grid`` x ``grid`` of patches, (1, [prefix +] P, C)."""
    embedding: Tensor = model.pos_embed
    prefix = 0 if model.no_embed_class else model.num_prefix_tokens
    if embedding.shape[1] - int(prefix) == grid**2:
        return embedding
    resampled: Tensor = resample_abs_pos_embed(embedding, [grid, grid], num_prefix_tokens=int(prefix))
    return resampled


def _prefix(model: Any) -> Tensor:
    """Return the tokens before the patches: class token, distillation token, registers, (1, prefix, C)."""
    names = ("cls_token", "dist_token", "reg_token")
    return torch.cat([getattr(model, name) for name in names if getattr(model, name, None) is not None], 1)


def _initialise(module: nn.Module) -> None:
    """Initialise linear layers as the authors do: Xavier's uniform distribution, biases 0."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
