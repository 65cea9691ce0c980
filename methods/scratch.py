"""Scratch: no pretraining, but its budget is spent on the task itself; what fine-tuning for longer is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inkbench.benchmark.api import Config, Method

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone


class Scratch(Method[Config]):
    """Freshly initialised weights, fine-tuned for the task's updates and for those that the budget pays for.

    Only for protocols that fine-tune: there is nothing else to spend the budget on.
    """

    name = "scratch"
    Config = Config
    needs = frozenset()
    pretrains = False
    adds_budget = True

    def set_weights(self, backbone: Backbone, weights: Path | None) -> None:
        """Draw all weights anew."""
        from inkbench.benchmark.networks import initialise

        del weights
        initialise.timm_(backbone)
