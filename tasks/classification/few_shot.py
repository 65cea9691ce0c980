"""Classes from a few examples each: a classifier for each draw of examples, none of them chosen by anything."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from inkbench.benchmark.contracts.fitted_head import FittedHead
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.seeding import derive
from inkbench.tasks.classification.neighbours import unit
from inkbench.tasks.classification.probes import labels_of

if TYPE_CHECKING:
    from inkbench.benchmark.api import Seen

STRENGTH = 1.0
MOST_ITERATIONS = 1_000


class FewShot(FittedHead):
    """Logistic regression on k examples a class, for each k of ``shots`` and each of ``draws`` draws.

    The vector is brought to length 1 and the regression's C is 1, as in Tian et al., Rethinking Few-Shot Image
    Classification (ECCV 2020): nothing is chosen, on validation neither. In one draw the examples of a smaller k are
    among those of a larger one; of a class with fewer than k training images all are taken.
    """

    def __init__(self, channels: int, classes: int, shots: Sequence[int], draws: int) -> None:
        super().__init__()
        self.classes, self.shots, self.draws = classes, tuple(sorted(set(shots))), draws
        size = len(self.shots) * draws
        self.linear = nn.Linear(channels, size * classes)

    def fit(
        self,
        train: list[Tensor] | Seen,
        train_targets: Sequence[Mapping[str, Tensor]],
        val: list[Tensor] | Seen,
        val_targets: Sequence[Mapping[str, Tensor]],
        seed: int,
    ) -> dict[str, Any]:
        """Fit every classifier; gives the shots and how many classes have fewer examples than the most of them."""
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits

        del val, val_targets
        x, y = unit(train).double().cpu().numpy(), labels_of(train_targets).cpu().numpy()
        present = np.unique(y)
        if len(present) < 2:
            raise RunError(f"all {len(y)} training items have the same class; raise --label-fraction")
        weights, biases = [], []
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for draw in range(self.draws):
                order = np.random.default_rng(derive(seed, "shots", draw)).permutation(len(y))
                for shot in self.shots:
                    examples = np.concatenate([order[y[order] == k][:shot] for k in present])
                    weight, bias = self._fitted(x[examples], y[examples])
                    weights.append(weight)
                    biases.append(bias)
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(np.concatenate(weights)))
            self.linear.bias.copy_(torch.from_numpy(np.concatenate(biases)))
        lacking = int((np.bincount(y, minlength=self.classes) < self.shots[-1]).sum())
        return {"shots": list(self.shots), "draws": self.draws, "classes_with_fewer": lacking}

    def _fitted(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return weights (K, D) and biases (K,); a class without an example gets no probability."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=STRENGTH, max_iter=MOST_ITERATIONS).fit(x, y)
        coefficients, intercepts = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # scikit-learn has one row for two classes
            coefficients, intercepts = np.stack([-coefficients[0], coefficients[0]]), np.array([-1, 1]) * intercepts[0]
        weight, bias = np.zeros((self.classes, x.shape[1])), np.full(self.classes, -1e4)
        weight[model.classes_], bias[model.classes_] = coefficients, intercepts
        return weight, bias

    def forward(self, features: Any, targets: Any = None) -> dict[str, Tensor]:
        """Return ``picks`` int64 (B, S, R), the class that each draw with each number of examples picks.

        ``scores`` (B, K) are the shares of the draws with most examples that pick a class.
        """
        del targets
        logits = self.linear(unit(features)).unflatten(1, (self.draws, len(self.shots), self.classes))
        picks = logits.argmax(-1).transpose(1, 2)
        return {"scores": one_hot(picks[:, -1], self.classes).float().mean(1), "picks": picks}
