"""Logistic regression on frozen features, its strength of regularisation chosen on validation."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from inkbench.benchmark.contracts.fitted_head import FittedHead
from inkbench.benchmark.errors import RunError
from inkbench.tasks.classification.probes import labels_of

if TYPE_CHECKING:
    from inkbench.benchmark.api import Seen

MOST_ITERATIONS = 1_000


class LogisticHead(FittedHead):
    """Multinomial logistic regression (scikit-learn's, L-BFGS) on the backbone's vector.

    Features are brought to mean 0 and deviation 1 over the training items. For each ``C`` of the grid, from the
    strongest regularisation on, the fit starts from the one before; the C that is best on validation is kept as it was
    fitted, on the training items alone, so that a share of labels is what it says.
    """

    def __init__(self, channels: int, classes: int, grid: Sequence[float]) -> None:
        super().__init__()
        self.grid = sorted(grid)
        self.linear = nn.Linear(channels, classes)

    def fit(
        self,
        train: list[Tensor] | Seen,
        train_targets: Sequence[Mapping[str, Tensor]],
        val: list[Tensor] | Seen,
        val_targets: Sequence[Mapping[str, Tensor]],
        seed: int,
    ) -> dict[str, Any]:
        """Fit; of equally good C the smallest is chosen. Raises RunError where all training items are of one class."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        del seed  # the problem is convex and its solver draws nothing
        x, y = _flat(train), labels_of(train_targets).cpu().numpy()
        queries, expected = _flat(val), labels_of(val_targets).cpu().numpy()
        if len(np.unique(y)) < 2:
            raise RunError(f"all {len(y)} training items have the same class; raise --label-fraction")
        mean, deviation = x.mean(0), x.std(0)
        deviation[deviation < 1e-12] = 1.0
        x, queries = (x - mean) / deviation, (queries - mean) / deviation
        model = LogisticRegression(max_iter=MOST_ITERATIONS, warm_start=True)
        accuracy, best = {}, -1.0
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # told by the number of iterations
            for strength in self.grid:
                model.set_params(C=strength).fit(x, y)
                accuracy[strength] = float((model.predict(queries) == expected).mean())
                if accuracy[strength] > best:
                    best = accuracy[strength]
                    chosen = (
                        strength,
                        model.classes_,
                        model.coef_.copy(),
                        model.intercept_.copy(),
                        model.n_iter_.max(),
                    )
        strength, seen, weight, bias, iterations = chosen
        self._take(seen, weight, bias, mean, deviation)
        return {
            "C": strength,
            "validated": {f"{value:g}": round(reached, 6) for value, reached in accuracy.items()},
            "iterations": int(iterations),
        }

    def _take(
        self, seen: np.ndarray, weight: np.ndarray, bias: np.ndarray, mean: np.ndarray, deviation: np.ndarray
    ) -> None:
        """Fold the scaling into the weights; a class that training did not show gets no probability."""
        if len(seen) == 2:  # scikit-learn has one row for two classes
            weight, bias = np.stack([-weight[0], weight[0]]) / 2, np.stack([-bias[0], bias[0]]) / 2
        folded = weight / deviation
        with torch.no_grad():
            self.linear.weight.zero_()
            self.linear.bias.fill_(-1e4)
            rows = torch.from_numpy(seen).to(self.linear.weight.device)
            self.linear.weight[rows] = torch.from_numpy(folded).to(self.linear.weight)
            self.linear.bias[rows] = torch.from_numpy(bias - folded @ mean).to(self.linear.bias)

    def forward(self, features: Any, targets: Any = None) -> dict[str, Tensor]:
        """Return probabilities ``scores`` (B, K)."""
        del targets
        return {"scores": self.linear(features[-1].float().mean((2, 3))).softmax(1)}


def _flat(features: Any) -> np.ndarray:
    vectors: np.ndarray = features[-1].float().mean((2, 3)).double().cpu().numpy()
    return vectors
