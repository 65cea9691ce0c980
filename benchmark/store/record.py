"""The record of a run: typed, frozen, checked in one place; its file is its JSON."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from inkbench.benchmark.store.identity import SCORED_BY
from inkbench.benchmark.store.old_records import upgraded
from inkbench.benchmark.store.record_parts import (
    BackboneUsed,
    DataUsed,
    Exclusions,
    Figure,
    Labelled,
    Leaks,
    Name,
    Network,
    Origin,
    Part,
    Phase,
    PretextFigure,
    Provenance,
    Requested,
    Robustness,
    Settings,
    StoredFile,
    Versions,
)

SCHEMA = 5
"""Raised when a key is added, renamed or gets another meaning; ``old_records`` then learns to read the one before."""

Status = Literal["planned", "done", "failed", "declined"]
"""``planned`` is known before the work and never written."""


class Summary(Part):
    """Key fields by which rows of tables are found: the part of a record that the index keeps."""

    id: Name
    status: Status
    method: str
    task: str
    protocol: str
    """With its version, as ``frozen@1``."""
    family: str
    seed: int
    preset: str
    data: DataUsed
    backbone: BackboneUsed | None
    """None for trivial baselines, and for predictions from elsewhere."""
    changed: dict[str, Any]
    """Settings that differ from the preset's, as NAME.FIELD."""
    settings: Settings
    pretrain_data: DataUsed | None = None
    transductive: bool = False
    """True if pretraining also read the series of validation and test."""
    work: Name | Literal[""] = ""
    """The id of the predictions: of all that the id holds, less the versions of metrics that choose nothing."""

    @property
    def protocol_name(self) -> str:
        """The protocol without its version."""
        return self.protocol.partition("@")[0]

    def named_settings(self) -> dict[str, dict[str, Any]]:
        """Return the settings by the names that ``--set`` has for their owners, those of the data apart."""
        names = {"method": self.method, "task": self.task}
        return {names.get(owner, owner): values for owner, values in self.settings.owners().items()}

    def rooms(self) -> dict[str, dict[str, Any]]:
        """Return the named settings with those of the data, where the record says them."""
        own = self.named_settings()
        return {**own, self.data.layout: self.data.settings} if self.data.settings else own


def _finite(numbers: dict[str, Any]) -> dict[str, Any]:
    for name, number in numbers.items():
        if isinstance(number, float) and not math.isfinite(number):
            raise ValueError(f"{name} is {number}")
    return numbers


def _names_metrics(identity: dict[str, Any]) -> dict[str, Any]:
    versions = identity.get(SCORED_BY, {})
    if not isinstance(versions, dict) or not all(isinstance(version, int | str) for version in versions.values()):
        raise ValueError("its metrics have no versions")
    return identity


class Record(Summary):
    """Everything known of one run. ``from_json`` reads every schema there ever was, ``to_json`` writes the newest."""

    primary: str
    """The task's primary metric."""
    request: Requested
    identity: Annotated[dict[str, Any], AfterValidator(_names_metrics)] = Field(default_factory=dict)
    """The value that the id is a hash of: that of its predictions, and the versions of the metrics."""
    was: Name | None = None
    """The id of the record whose predictions these figures are scored from, where that is another one."""
    versions: Versions = Field(default_factory=Versions)
    precision: str | None = None
    """As resolved: ``32`` or ``bf16``."""
    supervision: str = "none"
    """The labels that the backbone's weights were trained with; ``unknown`` where nobody told."""
    given: bool = False
    """True if the weights were made elsewhere, outside the budget."""
    origin: Origin | None = None
    """What is known of given weights, or of those that a pretraining started from."""
    network: Network | None = None
    weights: str | None = None
    """The name of the file of given weights."""
    init: str | None = None
    """The weights that a pretraining started from."""
    budget: str = "images"
    facts: Annotated[dict[str, Any], AfterValidator(_finite)] = Field(default_factory=dict)
    """Figures of the method's settings that are known without training."""
    pretraining: Name | None = None
    """The key of the pretraining (``backbones/KEY``)."""
    pretrained: dict[str, Any] | None = None
    """The value that this key is a hash of."""
    metrics: dict[str, Figure] = Field(default_factory=dict)
    items: StoredFile | None = None
    """The per-item arrays beside it."""
    predictions: StoredFile | None = None
    """Named by ``work``, so that records of the same predictions share them."""
    notes: tuple[str, ...] = ()
    """Remarks that a reader of the figures must know."""
    calibration: dict[str, Any] = Field(default_factory=dict)
    """The values that validation chose for scoring."""
    trials: tuple[dict[str, Any], ...] = ()
    """The heads that were tried."""
    chosen: dict[str, Any] | None = None
    """The trial that validation chose."""
    labelled: Labelled | None = None
    curve: tuple[tuple[int, float], ...] = ()
    """The head's loss by step."""
    head_parameters: int | None = None
    transfer_images: int | None = None
    """Images shown to the head, each as often as it was."""
    pretext: dict[str, PretextFigure] | None = None
    images_seen: int | None = None
    """Source images of the pretraining, each as often as it was drawn."""
    crops_seen: int | None = None
    pretrain_steps: int | None = None
    flops: float | None = None
    """The operations of the pretraining's backbone."""
    weights_sha256: str | None = None
    """The checksum of the weights that were handed over."""
    exclusions: Exclusions = Field(default_factory=Exclusions)
    phases: dict[str, Phase] = Field(default_factory=dict)
    leaks: Leaks | None = None
    robustness: Robustness | None = None
    """What damage of test images does to the primary metric, where ``--robustness`` asked for it."""
    reason: str | None = None
    """The reason why it failed or was declined."""
    log: Annotated[str, Field(pattern=r"^logs/[0-9A-Za-z_-]{1,80}(\.rank[0-9]+)?\.log$")] | None = None
    """The log of a failure, below the results folder."""
    provenance: Provenance = Field(default_factory=Provenance)

    @property
    def made(self) -> str:
        """The id that its predictions and its network are named by: ``work``, in old records their own."""
        return self.predictions.file.partition(".")[0] if self.predictions else self.work or self.id

    @model_validator(mode="after")
    def _says_what_its_status_needs(self) -> Self:
        if self.status == "done" and self.primary not in self.metrics:
            raise ValueError(f"is done but lacks its primary metric {self.primary}")
        if self.status in ("failed", "declined") and not self.reason:
            raise ValueError(f"is {self.status} but gives no reason")
        return self

    @classmethod
    def from_json(cls, told: Any) -> Record:
        """Read a record from parsed JSON of any schema. Raises ValueError, in words, for what is none."""
        if not isinstance(told, dict):
            raise ValueError("is no record")
        told = upgraded(told, SCHEMA)
        try:
            return cls.model_validate(told)
        except ValidationError as error:
            raise ValueError(said(error)) from None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON to write: the fields that the work has filled."""
        return {"schema": SCHEMA, **self.model_dump(mode="json", exclude_unset=True)}

    def but(self, **changes: Any) -> Record:
        """Return the same record with some fields changed, checked like any other."""
        kept = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate({**kept, **changes})


def said(error: ValidationError) -> str:
    """Return the first thing that is wrong with a record, in words."""
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"lacks {place}"
    if first["type"] == "extra_forbidden":
        return f"has the unknown key {place}"
    if not place:
        return str(first["ctx"]["error"])
    if first["type"] == "finite_number":
        return f"has no finite {place}"
    return f"has no usable {place} ({first['msg']}, got {first['input']!r:.80})"
