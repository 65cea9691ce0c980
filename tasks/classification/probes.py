"""Linear classifiers on the stages of a backbone, all trained in one pass, each as if it were alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy

from inkbench.benchmark.networks.precision import full_precision


class StageProbes(nn.Module):
    """One linear classifier for each map, which is averaged to ``grids[i]`` cells a side.

    Each value is brought to mean 0 and deviation 1 over the batch (running statistics in evaluation) by a batch norm
    without parameters, so that one learning rate suits every stage: He et al., Masked Autoencoders (arXiv 2111.06377),
    appendix A.1. The classifiers share no parameter and the loss is the sum of theirs, so each has its own gradient.
    """

    def __init__(self, channels: Sequence[int], grids: Sequence[int], classes: int) -> None:
        super().__init__()
        self.grids = tuple(grids)
        sizes = [count * grid * grid for count, grid in zip(channels, grids, strict=True)]
        self.norms = nn.ModuleList(nn.BatchNorm1d(size, affine=False) for size in sizes)
        self.linear = nn.ModuleList(nn.Linear(size, classes) for size in sizes)

    def forward(
        self, features: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> Tensor | dict[str, Tensor]:
        """Return the loss where ``targets`` hold ``label`` (1,); else probabilities.

        ``scores`` (B, K) are those of the last stage, ``stages`` (B, S, K) those of all.
        """
        with full_precision(features[0]):
            logits = [
                linear(norm(adaptive_avg_pool2d(level.float(), grid).flatten(1)))
                for level, grid, norm, linear in zip(features, self.grids, self.norms, self.linear, strict=True)
            ]
            if targets is not None:
                labels = labels_of(targets)
                return torch.stack([cross_entropy(each, labels) for each in logits]).sum()
            shares = torch.stack([each.softmax(1) for each in logits], 1)
            return {"scores": shares[:, -1], "stages": shares}


class GlobalLinear(nn.Module):
    """A linear classifier on the backbone's vector, for a backbone that is trained with it."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, classes)

    def forward(
        self, features: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> Tensor | dict[str, Tensor]:
        """Return the loss where ``targets`` hold ``label`` (1,), else probabilities ``scores`` (B, K)."""
        with full_precision(features[0]):
            logits = self.linear(features[-1].float().mean((2, 3)))
            if targets is not None:
                return cross_entropy(logits, labels_of(targets))
            return {"scores": logits.softmax(1)}


def labels_of(targets: Sequence[Mapping[str, Tensor]]) -> Tensor:
    """Return the class codes (N,) of targets that hold one ``label`` each."""
    return torch.cat([target["label"].reshape(1) for target in targets])
