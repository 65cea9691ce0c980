"""One task under one protocol at one point of a grid: what all of its rows share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from inkbench.benchmark import registry
from inkbench.benchmark.api import Dataset, Task
from inkbench.benchmark.config import Config, settings_of
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.scorers import metric_versions
from inkbench.benchmark.store import provenance
from inkbench.benchmark.store.identity import CHOSEN_BY, SCORED_BY
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.engine import Device

Resolved = TypeVar("Resolved", bound=Config)


@dataclass(frozen=True, slots=True)
class Point:
    """Data and settings that a task is measured with and on, whatever pretrained the backbone."""

    request: Request
    pairs: tuple[tuple[str, str], ...]
    """The ``--set`` pairs of this point of the grid."""
    device: Device
    data: Dataset
    pretrain_data: Dataset
    task: Task
    protocol: str
    family: Literal["frozen", "finetune"]

    def resolved(self, owner: str, kind: type[Resolved]) -> Resolved:
        """Return the settings of ``owner`` here."""
        return kind.resolve(owner, self.request.preset, settings_of(owner, self.pairs))

    def identity(self) -> dict[str, Any]:
        """Return the part of the point that is in the ids of its experiments."""
        primary = self.task.scorer.primary
        return {
            "engine": engine.VERSION,
            "task": self.task.name,
            "version": self.task.version,
            **({"file": file} if (file := registry.file_of(type(self.task))) else {}),
            SCORED_BY: metric_versions(self.task),
            CHOSEN_BY: {primary.name: primary.version},
            "protocol": self.protocol,
            "settings": plain_settings(self.task.config),
            "data": identity_of(self.data),
            "packages": provenance.versions(provenance.DECIDING),
        }

    def versions(self, method: int, source: Mapping[str, Any]) -> dict[str, Any]:
        """Return what may not be mixed in a row though it is no setting: versions, checksums of given weights."""
        shared = {"engine": engine.VERSION, "task": self.task.version, "data": self.data.version}
        return {**shared, "method": method, **{name: source[name] for name in ("weights", "init") if name in source}}

    def changed(self, owner: str, config: Config) -> dict[str, Any]:
        """Return the settings that differ from the preset's, by the names that are typed for them."""
        return {f"{owner}.{name}": value for name, value in config.changed(self.request.preset).items()}


def identity_of(dataset: Dataset) -> dict[str, Any]:
    """Return the part of a dataset that is in an id."""
    return {"id": dataset.reader, "version": dataset.version, "fingerprint": dataset.fingerprint()}


def plain_settings(config: Config) -> dict[str, Any]:
    """Return the settings as JSON has them."""
    return config.plain()
