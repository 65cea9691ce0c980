"""A head that is fitted at once to kept features: nearest neighbours, logistic regression."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from inkbench.benchmark.api import Seen


class FittedHead(nn.Module, ABC):
    """A head without gradient steps, for frozen protocols of tasks that keep features.

    After ``fit`` its ``forward(features, targets=None)`` gives raw outputs like any head's.
    """

    @abstractmethod
    def fit(
        self,
        train: list[Tensor] | Seen,
        train_targets: Sequence[Mapping[str, Tensor]],
        val: list[Tensor] | Seen,
        val_targets: Sequence[Mapping[str, Tensor]],
        seed: int,
    ) -> dict[str, Any]:
        """Fit to the features of a split (float32, see ``Task.cached_features``), choose settings on validation.

        Gives what was chosen, for the record. The same arguments give the same head.
        """
