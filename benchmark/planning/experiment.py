"""The contents of a plan: experiments, and the pretrainings that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from inkbench.benchmark.api import Dataset, Method, Task, WeightsInfo
from inkbench.benchmark.config import BackboneSettings, PretrainSettings


@dataclass(frozen=True, slots=True)
class Pretraining:
    """One way to weights, done once however many experiments ask for it."""

    key: str
    identity: Mapping[str, Any]
    method: Method
    backbone: str
    backbone_settings: BackboneSettings
    settings: PretrainSettings
    seed: int
    init: Path | str | None
    budget: str
    supervision: str = "self-supervised"
    """The word for what is handed over, first weights included."""
    first: WeightsInfo | None = None
    """What is known of the weights of ``init``."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One number: method x task x protocol x data x seed x settings."""

    id: str
    work: str
    """The id of its predictions, and of what is learnt for them."""
    identity: Mapping[str, Any]
    method: str
    task: Task
    protocol: str
    family: Literal["frozen", "finetune"]
    seed: int
    backbone: str | None
    backbone_settings: BackboneSettings
    changed: Mapping[str, Any]
    settings: Mapping[str, Any]
    supervision: str
    given: bool
    versions: Mapping[str, Any]
    facts: Mapping[str, float] = field(default_factory=dict)
    pretraining: Pretraining | None = None
    weight_source: Method | None = None
    weights: Path | None = None
    baseline: str | None = None
    """The baseline or reference that is predicted without a backbone."""
    predicted: Path | None = None
    """The path of predictions from elsewhere."""
    extra_steps: int = 0
    """Updates that the pretraining's budget pays for on top of the task's own."""
    declined: str = ""
    told: str = ""
    """A remark on given weights: what was taken off their file."""
    origin: Mapping[str, str] | None = None
    """The record's entry on given weights, or on those that its pretraining starts from."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All experiments of a request, in the order of the table's rows."""

    experiments: list[Experiment]
    data: Dataset
    pretrain_data: Dataset
    notes: list[str] = field(default_factory=list)

    def pretrainings(self) -> list[Pretraining]:
        """Return the distinct pretrainings, in the order in which experiments need them."""
        found = {
            experiment.pretraining.key: experiment.pretraining
            for experiment in self.experiments
            if experiment.pretraining
        }
        return list(found.values())
