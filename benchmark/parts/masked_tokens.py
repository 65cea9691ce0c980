"""A vision transformer that sees some of its patches, and a small one that paints the others (He et al., CVPR 2022)."""

from __future__ import annotations

import torch
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from benchmark.backbones import Backbone
from benchmark.errors import Declined


class MaskedAutoencoder(nn.Module):
    """The backbone on the visible patches alone, then a decoder over these and mask tokens."""

    def __init__(self, backbone: Backbone, side: int, width: int, depth: int, heads: int) -> None:
        """For images of ``side`` px; the decoder has ``depth`` blocks of ``width``. Raises Declined, Refusal."""
        super().__init__()
        if not backbone.is_transformer():
            raise Declined(f"mae needs a vision transformer, and {backbone.name} is none")
        self.backbone = backbone
        self.patch = int(backbone.strides[-1])
        self.grid = side // self.patch
        self.enter = nn.Sequential(nn.LayerNorm(backbone.channels[-1]), nn.Linear(backbone.channels[-1], width))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(_sincos(self.grid, width)[None], requires_grad=False)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3 * self.patch**2))

    def encode(self, images: Tensor, visible: Tensor) -> Tensor:
        """Tokens (N, prefix + V, C) of the visible patches, whose indices ``visible`` (N, V) holds."""
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
        return tokens

    def forward(self, images: Tensor, visible: Tensor) -> Tensor:
        """The pixels of all patches, (N, P, 3 p^2), of normalised images (N, 3, side, side)."""
        tokens = self.enter(self.encode(images, visible)[:, self.backbone.model.num_prefix_tokens :])
        n, count = len(images), self.grid**2
        whole = self.mask_token.expand(n, count, -1).to(tokens.dtype)
        whole = whole.scatter(1, visible[..., None].expand(-1, -1, tokens.shape[-1]), tokens) + self.places
        for block in self.blocks:
            whole = block(whole)
        return self.leave(whole).float()


def patchify(images: Tensor, patch: int) -> Tensor:
    """Images (N, 3, g p, g p) as rows of patches (N, g^2, 3 p^2), in reading order."""
    n, grid = len(images), images.shape[-1] // patch
    cut = images.view(n, 3, grid, patch, grid, patch)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(n, grid**2, 3 * patch**2)


def unpatchify(patches: Tensor, patch: int) -> Tensor:
    """The inverse of ``patchify``."""
    n, grid = len(patches), round(patches.shape[1] ** 0.5)
    cut = patches.view(n, grid, grid, 3, patch, patch)
    return cut.permute(0, 3, 1, 4, 2, 5).reshape(n, 3, grid * patch, grid * patch)


def draw_visible(n: int, patches: int, share: float, generator: torch.Generator) -> Tensor:
    """Indices (n, V) of the patches that are seen, V = ``patches`` minus the rounded masked ``share``, ascending."""
    kept = patches - min(max(round(share * patches), 1), patches - 1)
    shuffled = torch.rand(n, patches, generator=generator, device=generator.device).argsort(1)
    return shuffled[:, :kept].sort(1).values


def _position_embedding(model: nn.Module, grid: int) -> Tensor:
    """The backbone's position embedding for a ``grid`` x ``grid`` of patches, (1, [prefix +] P, C)."""
    embedding: Tensor = model.pos_embed  # type: ignore[assignment]
    prefix = 0 if model.no_embed_class else model.num_prefix_tokens
    if embedding.shape[1] - int(prefix) == grid**2:  # type: ignore[arg-type]
        return embedding
    return resample_abs_pos_embed(embedding, [grid, grid], num_prefix_tokens=int(prefix))  # type: ignore[arg-type]


def _prefix(model: nn.Module) -> Tensor:
    """The tokens before the patches: class token and registers, (1, prefix, C)."""
    parts = [getattr(model, name) for name in ("cls_token", "reg_token") if getattr(model, name, None) is not None]
    return torch.cat(parts, 1)


def _sincos(grid: int, width: int) -> Tensor:
    """Fixed sine and cosine embedding of a ``grid`` x ``grid``, (grid^2, width): half for rows, half for columns."""
    quarter = width // 4
    omega = 1 / 10_000 ** (torch.arange(quarter) / quarter)
    row, column = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
    parts = []
    for place in (row, column):
        angle = place.reshape(-1, 1) * omega
        parts += [angle.sin(), angle.cos()]
    return torch.cat(parts, 1)
