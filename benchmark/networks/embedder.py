"""A backbone with a projection head: images in, embeddings out (Chen et al., SimCLR, section 2.1)."""

from __future__ import annotations

from torch import Tensor, nn

from inkbench.benchmark.networks.backbones import Backbone, projection


class Embedder(nn.Module):
    """g(f(x)): pooled features through two linear layers, each with its batch norm.

    The head is thrown away afterwards, or, with ``keep_hidden``, the last layer alone: the one before it is then the
    backbone's own (``Backbone.project``) and handed over with it.
    """

    def __init__(self, backbone: Backbone, hidden: int, out: int, keep_hidden: bool = False) -> None:
        """Build a head with layers of ``hidden`` and ``out`` units, the last with normalised outputs."""
        super().__init__()
        features = backbone.width
        if keep_hidden:
            backbone.project(hidden)
        backbone.train_for("vector")
        self.backbone = backbone
        first = [] if keep_hidden else [*projection(features, hidden)]
        self.head = nn.Sequential(*first, nn.Linear(hidden, out, bias=False), nn.BatchNorm1d(out, affine=False))

    def forward(self, *images: Tensor) -> tuple[Tensor, ...]:
        """Return embeddings (N, out) of each batch of normalised images; batches may differ in size."""
        return tuple(self.head(self.backbone.pooled(batch)) for batch in images)
