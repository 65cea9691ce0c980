"""The context-free network (CFN): one trunk shared by all tiles, a layer per tile, one decision over them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.networks.backbones import Backbone

Features = Literal["map", "pooled"]


@dataclass(frozen=True, slots=True)
class TileLayers:
    """Layers on the trunk: fc6 for each tile (``tile_width`` 0: none) and fc7 over all (``hidden`` 0: none)."""

    features: Features = "map"
    tile_width: int = 1024
    hidden: int = 4096
    dropout: float = 0.5
    batch_norm: bool = False


class TileNetwork(nn.Module):
    """Noroozi & Favaro, section 3: trunk -> fc6 for each tile, weights shared -> concatenation -> fc7 -> fc8."""

    def __init__(self, backbone: Backbone, tiles: int, tile: int, classes: int, layers: TileLayers) -> None:
        """Build for ``tiles`` tiles of ``tile`` px. Raises UsageError where the backbone takes no such tile."""
        super().__init__()
        self.backbone, self.features = backbone, layers.features
        width = flat_width(backbone, tile, layers.features)
        self.fc6 = _layer(width, layers.tile_width, layers) if layers.tile_width else nn.Identity()
        together = tiles * (layers.tile_width or width)
        self.fc7 = _layer(together, layers.hidden, layers) if layers.hidden else nn.Identity()
        self.fc8 = nn.Linear(layers.hidden or together, classes)

    def forward(self, tiles: Tensor) -> Tensor:
        """Return logits (B, classes) of normalised tiles (B, T, 3, t, t), in the order in which they are given."""
        batch = tiles.shape[0]
        coarsest = self.backbone(tiles.flatten(0, 1))[-1]
        each = coarsest.mean((2, 3)) if self.features == "pooled" else coarsest.flatten(1)
        scores: Tensor = self.fc8(self.fc7(self.fc6(each).reshape(batch, -1)))
        return scores


def flat_width(backbone: Backbone, tile: int, features: Features) -> int:
    """Return the size of one tile's coarsest map, flattened.

    Raises UsageError where the backbone takes no such tile.
    """
    was = backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            coarsest = backbone(torch.zeros(1, 3, tile, tile, device=next(backbone.parameters()).device))[-1]
    except (RunError, RuntimeError, ValueError) as error:
        raise UsageError(f"backbone '{backbone.name}' does not accept tiles of {tile} px: {error}") from None
    finally:
        backbone.train(was)
    return int(coarsest.shape[1] if features == "pooled" else coarsest[0].numel())


def _layer(width: int, out: int, layers: TileLayers) -> nn.Sequential:
    norm: list[nn.Module] = [nn.BatchNorm1d(out)] if layers.batch_norm else []
    return nn.Sequential(nn.Linear(width, out), *norm, nn.ReLU(), nn.Dropout(layers.dropout))
