"""Nearest neighbours in the place of a head: the classes of the training images that are most alike vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from inkbench.benchmark.contracts.fitted_head import FittedHead
from inkbench.tasks.classification.probes import labels_of

if TYPE_CHECKING:
    from inkbench.benchmark.api import Seen

QUERIES = 256
"""Queries at once: their similarities to 50,000 images are 50 MiB."""


def votes(queries: Tensor, examples: Tensor, labels: Tensor, classes: int, k: int, temperature: float) -> Tensor:
    """Return the share of each class (Q, K) among the ``k`` most alike examples, weighted by exp(cosine / temperature).

    ``queries`` (Q, D) and ``examples`` (N, D) of length 1, ``labels`` (N,); ``k`` at most N. Wu et al., Unsupervised
    Feature Learning via Non-Parametric Instance Discrimination (CVPR 2018), section 3.4; DINO (arXiv 2104.14294).
    """
    found = []
    for start in range(0, len(queries), QUERIES):
        alike, near = (queries[start : start + QUERIES] @ examples.T).topk(min(k, len(examples)), dim=1)
        weights = ((alike - 1) / temperature).exp()  # less a constant that the shares do not depend on
        summed = torch.zeros(len(near), classes, device=queries.device).scatter_add_(1, labels[near], weights)
        found.append(summed / summed.sum(1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny))
    return torch.cat(found) if found else torch.zeros(0, classes, device=queries.device)


class NearestNeighbours(FittedHead):
    """Votes of the nearest training images by the cosine of the backbone's vector; validation chooses how many."""

    def __init__(self, classes: int, counts: Sequence[int], temperature: float) -> None:
        super().__init__()
        self.classes, self.counts, self.temperature = classes, tuple(counts), temperature
        self.k = 0

    def fit(
        self,
        train: list[Tensor] | Seen,
        train_targets: Sequence[Mapping[str, Tensor]],
        val: list[Tensor] | Seen,
        val_targets: Sequence[Mapping[str, Tensor]],
        seed: int,
    ) -> dict[str, Any]:
        """Keep the training features; of equally good counts the first is chosen."""
        del seed
        self.examples, self.labels = unit(train), labels_of(train_targets)
        queries, expected = unit(val), labels_of(val_targets)
        accuracy = {
            k: float((self._votes(queries, k).argmax(1) == expected).float().mean())
            for k in dict.fromkeys(min(count, len(self.labels)) for count in self.counts)
        }
        self.k = max(accuracy, key=lambda k: accuracy[k])
        return {"k": self.k, "validated": {str(k): round(value, 6) for k, value in accuracy.items()}}

    def forward(self, features: Any, targets: Any = None) -> dict[str, Tensor]:
        """Return ``scores`` (B, K), which sum to 1."""
        del targets
        return {"scores": self._votes(unit(features), self.k)}

    def _votes(self, queries: Tensor, k: int) -> Tensor:
        return votes(queries, self.examples, self.labels, self.classes, k, self.temperature)


def unit(features: Any) -> Tensor:
    """Average the last of the maps over space (a vector is a map of one place) and scale it to length 1: (B, C)."""
    return normalize(features[-1].float().mean((2, 3)), dim=1)
