"""A backbone with a projection head: images in, embeddings out (Chen et al., SimCLR, section 2.1)."""

from __future__ import annotations

from torch import Tensor, nn

from benchmark.backbones import Backbone


class Embedder(nn.Module):
    """g(f(x)): pooled features through two linear layers; the head is thrown away afterwards."""

    def __init__(self, backbone: Backbone, hidden: int, out: int) -> None:
        """``hidden`` and ``out`` are the widths of the head's two layers, the last with normalised outputs."""
        super().__init__()
        backbone.train_for("vector")
        self.backbone = backbone
        self.head = nn.Sequential(
            nn.Linear(backbone.width, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, out, bias=False),
            nn.BatchNorm1d(out, affine=False),
        )

    def forward(self, *images: Tensor) -> tuple[Tensor, ...]:
        """Embeddings (N, out) of each batch of normalised images; batches may differ in size."""
        return tuple(self.head(self.backbone.pooled(batch)) for batch in images)
