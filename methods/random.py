"""No pretraining: freshly initialised weights, the control row of every table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from inkbench.benchmark.api import Config, Method, setting

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone


class RandomConfig(Config):
    """Settings of the control row."""

    init: Literal["timm", "gaussian"] = setting(
        "timm", "timm's initialisation of the architecture, or the papers' Gaussian", "Noroozi & Favaro 2016, code"
    )
    std: float = setting(0.01, "standard deviation of the Gaussian", "Noroozi & Favaro 2016, code", gt=0)


class Random(Method[RandomConfig]):
    """Freshly initialised weights."""

    name = "random"
    Config = RandomConfig
    needs = frozenset()
    pretrains = False

    def set_weights(self, backbone: Backbone, weights: Path | None) -> None:
        """Draw all weights anew."""
        from inkbench.benchmark.networks import initialise

        del weights
        if self.config.init == "gaussian":
            initialise.gaussian_(backbone, self.config.std)
        else:
            initialise.timm_(backbone)
