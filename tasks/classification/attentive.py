"""A learned query that attends to the last map of a frozen backbone, and a linear classifier on what it gathers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torch import Tensor, nn, randn
from torch.nn.functional import cross_entropy

from inkbench.benchmark.networks.precision import full_precision
from inkbench.tasks.classification.probes import labels_of

MOST_HEADS = 8


class AttentiveProbe(nn.Module):
    """Cross-attention with one learned query over all places of a map, a batch norm, a linear classifier.

    Values are brought to mean 0 and deviation 1 per channel before, and after by a batch norm, both without parameters.
    Source: Chen et al., Context Autoencoder (arXiv 2202.03026), section 4.2, "attentive probing".
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.before = nn.BatchNorm2d(channels, affine=False)
        self.query = nn.Parameter(randn(1, 1, channels) * 0.02)
        self.attention = nn.MultiheadAttention(channels, math.gcd(channels, MOST_HEADS), batch_first=True)
        self.after = nn.BatchNorm1d(channels, affine=False)
        self.linear = nn.Linear(channels, classes)

    def forward(
        self, features: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> Tensor | dict[str, Tensor]:
        """Return the loss where ``targets`` hold ``label`` (1,), else probabilities ``scores`` (B, K)."""
        with full_precision(features[0]):
            places = self.before(features[-1].float()).flatten(2).transpose(1, 2)
            gathered, _ = self.attention(self.query.expand(len(places), -1, -1), places, places, need_weights=False)
            logits = self.linear(self.after(gathered[:, 0]))
            if targets is not None:
                return cross_entropy(logits, labels_of(targets))
            return {"scores": logits.softmax(1)}
