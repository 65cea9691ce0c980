"""What learns in a pretraining, and what is trained of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from inkbench.benchmark.api import Method
from inkbench.benchmark.config import PretrainSettings
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.training import engine


@dataclass(frozen=True, slots=True)
class Learner:
    """A method that pretrains a backbone in place, on a device and from a seed."""

    device: engine.Device
    method: Method
    backbone: Backbone
    settings: PretrainSettings
    seed: int


class Driven(NamedTuple):
    """All networks of a method as they lie on the device, and the optimisers of those that its stages drive."""

    nets: dict[str, Any]
    optimizers: dict[str, torch.optim.Optimizer]
