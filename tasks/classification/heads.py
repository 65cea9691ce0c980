"""The head of each of classification's protocols."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import nn

from inkbench.tasks.classification.attentive import AttentiveProbe
from inkbench.tasks.classification.config import ClassificationConfig
from inkbench.tasks.classification.few_shot import FewShot
from inkbench.tasks.classification.grid import GridProbes
from inkbench.tasks.classification.logistic import LogisticHead
from inkbench.tasks.classification.neighbours import NearestNeighbours
from inkbench.tasks.classification.probes import GlobalLinear, StageProbes
from inkbench.tasks.classification.stage_pooling import cells

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone


def head_of(protocol: str, backbone: Backbone, config: ClassificationConfig, classes: int) -> nn.Module:
    """Return the head of a protocol; every fine-tuned one has a linear classifier on the backbone's vector."""
    made: dict[str, Callable[[], nn.Module]] = {
        "linear@1": lambda: _stage_probes(backbone, config, classes),
        "knn@1": lambda: NearestNeighbours(classes, config.neighbours, config.temperature),
        "logistic@1": lambda: LogisticHead(backbone.width, classes, config.strengths),
        "grid@1": lambda: _grid(backbone, config, classes),
        "attentive@1": lambda: AttentiveProbe(backbone.channels[-1], classes),
        "fewshot@1": lambda: FewShot(backbone.width, classes, config.shots, config.draws),
    }
    return made.get(protocol, lambda: GlobalLinear(backbone.width, classes))()


def _stage_probes(backbone: Backbone, config: ClassificationConfig, classes: int) -> StageProbes:
    sides = [min(size) for size in backbone.maps(config.side)]
    grids = [cells(count, side, config.dimensions) for count, side in zip(backbone.channels, sides, strict=True)]
    return StageProbes(backbone.channels, grids, classes)


def _grid(backbone: Backbone, config: ClassificationConfig, classes: int) -> GridProbes:
    """Return heads on the last stages, each pooled in each way, and on a transformer's own vector."""
    stages = len(backbone.channels)
    readings = [
        (level, f"stage{level + 1}", pool)
        for level in range(max(0, stages - config.grid_stages), stages)
        for pool in config.grid_pools
    ]
    readings += [(stages, "vector", "mean")] if backbone.has_tokens else []
    grid = (config.grid_rates, config.grid_decays)
    return GridProbes(readings, classes, grid, config.steps, config.batch)
