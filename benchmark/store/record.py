"""The record of a cell: typed, frozen, checked in one place; its file is its JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from inkbench.benchmark.store.old_records import upgraded

SCHEMA = 2
"""Raised when a key is added, renamed or gets another meaning; ``old_records`` then learns to read the one before."""

Status = Literal["planned", "done", "failed", "declined"]
"""``planned`` is known before the work and never written."""


class Part(BaseModel):
    """Something a record holds; nothing unknown is read over."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataUsed(Part):
    """The data that a cell was tested on, or pretrained on."""

    id: str
    """The name: that of a layout's standard data, or that of a person's own."""
    fingerprint: str
    """A hash of the files and of how they are read."""
    layout: str
    """The reader, by whose name its settings go (``--set LAYOUT.FIELD``)."""
    own: bool
    """Whether a person named a folder of their own."""
    series_by: str
    """How images were put into series (``benchmark.data.units``); empty where the record does not say."""
    version: int = 0
    """Of the reader."""
    settings: dict[str, Any] = Field(default_factory=dict)
    simulated: bool = False
    photographs: bool = False
    accepted: str | None = None
    """The day on which its terms were accepted."""

    @property
    def called(self) -> str:
        """What it is called in tables; a person's own with the beginning of its fingerprint."""
        return f"{self.id} {self.fingerprint[:8]}" if self.own else self.id


class BackboneUsed(Part):
    """Which backbone it was, and what it was shown."""

    name: str
    side: int | None = None
    """Pixels of the squares that the task shows."""
    readout: str | None = None
    """What of a vision transformer is read as the one vector (``--set backbone.readout``)."""


class Figure(Part):
    """A metric of a cell."""

    value: FiniteFloat
    unit: str = ""
    direction: Literal["max", "min"]
    n: int
    """Items, or whatever the metric counts."""
    version: int
    """Of the metric's definition."""


class PretextFigure(Part):
    """How well the pretext task is solved on held-out images, beside a trivial predictor of it."""

    value: FiniteFloat
    trivial: FiniteFloat | None = None
    n: int
    learnt: bool | None = None
    """Whether the trivial predictor is beaten by more than 1.96 standard errors; None where there is none."""


class Phase(Part):
    """What a part of the work took."""

    wall_s: float
    device_s: float
    """Over all devices."""
    peak_mib: float
    """Of the device's memory; on a CPU of the process."""


class Unreadable(Part):
    """An image that could not be used, and why."""

    item: str
    reason: str


class Exclusions(Part):
    """What was left out."""

    unreadable: tuple[Unreadable, ...] = ()
    empty_truth: tuple[str, ...] = ()
    """Items without any truth."""
    warnings: tuple[str, ...] = ()
    """What the dataset's reader passed over."""
    pretraining: dict[str, Any] | None = None
    """The same of the pretraining, as its card says it."""


class Leaks(Part):
    """Test items that look like what was pretrained on (docs/leaks.md)."""

    hash: str
    threshold: int
    test_items: int
    pretraining_images: int
    suspect: int
    share: float
    by_image: int
    by_series: int
    series: tuple[str, ...]
    pairs: tuple[dict[str, Any], ...]
    without: dict[str, FiniteFloat | None]
    """Every metric over the items that are not suspect; None where it has no value then."""


class Labelled(Part):
    """Which training items' labels were used, where not all."""

    share: float
    n: int
    of: int
    sha256: str
    file: str
    """Their ids, below the results folder."""


class ItemsFile(Part):
    """The per-item arrays beside a record."""

    file: str
    sha256: str


class Provenance(Part):
    """Where, with what and by which code a cell was made."""

    git: dict[str, Any] = Field(default_factory=dict)
    packages: dict[str, str] = Field(default_factory=dict)
    hardware: dict[str, Any] = Field(default_factory=dict)
    device: str | None = None
    world: int | None = None
    """Ranks."""
    threads: int | None = None


class Versions(Part):
    """What may not be mixed in a row though it is no setting."""

    engine: int | None = None
    task: int | None = None
    data: int | None = None
    method: int | None = None
    weights: str | None = None
    """The sha256 of given weights."""
    init: str | None = None
    """The sha256 of the weights that a pretraining started from."""


class Settings(Part):
    """Every setting, resolved, by its owner; None where a cell has no such owner."""

    task: dict[str, Any] | None = None
    method: dict[str, Any] | None = None
    backbone: dict[str, Any] | None = None
    pretrain: dict[str, Any] | None = None
    split: str | None = None
    """Of a submission: the split that it was scored on."""

    def owners(self) -> dict[str, dict[str, Any]]:
        """Those that there are, by name."""
        found = {name: getattr(self, name) for name in ("method", "task", "backbone", "pretrain")}
        return {name: values for name, values in found.items() if values is not None}


class Requested(Part):
    """What was typed, and the request that it meant."""

    typed: tuple[str, ...] = ()
    resolved: dict[str, Any] = Field(default_factory=dict)


class Summary(Part):
    """What rows of tables are found by: the part of a record that the index keeps."""

    id: str
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
    """Whether pretraining also read the series of validation and test."""

    @property
    def protocol_name(self) -> str:
        """The protocol without its version."""
        return self.protocol.partition("@")[0]

    def rooms(self) -> dict[str, Mapping[str, Any]]:
        """The settings by the names that ``--set`` has for their owners."""
        named = {"method": self.method, "task": self.task}
        found: dict[str, Mapping[str, Any]] = {
            named.get(name, name): values for name, values in self.settings.owners().items()
        }
        return {**found, self.data.layout: self.data.settings} if self.data.settings else found


def _finite(numbers: dict[str, Any]) -> dict[str, Any]:
    for name, number in numbers.items():
        if isinstance(number, float) and not math.isfinite(number):
            raise ValueError(f"{name} is {number}")
    return numbers


class Record(Summary):
    """What is known of one cell. ``from_json`` reads every schema there ever was, ``to_json`` writes the newest."""

    primary: str
    """The task's primary metric."""
    request: Requested
    identity: dict[str, Any] = Field(default_factory=dict)
    """What the id is a hash of."""
    versions: Versions = Field(default_factory=Versions)
    precision: str | None = None
    """As resolved: ``32`` or ``bf16``."""
    supervision: str = "none"
    """What labels the backbone's weights were trained with; ``unknown`` where nobody told."""
    given: bool = False
    """Whether the weights were made elsewhere, outside the budget."""
    weights: str | None = None
    """The name of the file of given weights."""
    init: str | None = None
    """What a pretraining started from."""
    budget: str = "images"
    facts: Annotated[dict[str, Any], AfterValidator(_finite)] = Field(default_factory=dict)
    """What the method's settings say without training."""
    pretraining: str | None = None
    """The key of the pretraining (``backbones/KEY``)."""
    metrics: dict[str, Figure] = Field(default_factory=dict)
    items: ItemsFile | None = None
    notes: tuple[str, ...] = ()
    """What a reader of the figures must know."""
    calibration: dict[str, Any] = Field(default_factory=dict)
    """What validation chose for scoring."""
    trials: tuple[dict[str, Any], ...] = ()
    """The heads that were tried."""
    chosen: dict[str, Any] | None = None
    """Which of them validation chose."""
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
    """Of the pretraining's backbone."""
    weights_sha256: str | None = None
    """Of the weights that were handed over."""
    exclusions: Exclusions = Field(default_factory=Exclusions)
    phases: dict[str, Phase] = Field(default_factory=dict)
    leaks: Leaks | None = None
    rescored_from: str | None = None
    """The id of the cell whose predictions were scored again."""
    reason: str | None = None
    """Why it failed or was declined."""
    log: str | None = None
    """Of a failure, below the results folder."""
    provenance: Provenance = Field(default_factory=Provenance)

    @model_validator(mode="after")
    def _says_what_its_status_needs(self) -> Self:
        if self.status == "done" and self.primary not in self.metrics:
            raise ValueError(f"is done and lacks its primary metric {self.primary}")
        if self.status in ("failed", "declined") and not self.reason:
            raise ValueError(f"is {self.status} and gives no reason")
        return self

    @classmethod
    def from_json(cls, told: Any) -> Record:
        """A record from parsed JSON of any schema. Raises ValueError, in words, for what is none."""
        if not isinstance(told, dict):
            raise ValueError("is no record")
        told = upgraded(told, SCHEMA)
        try:
            return cls.model_validate(told)
        except ValidationError as error:
            raise ValueError(said(error)) from None

    def to_json(self) -> dict[str, Any]:
        """What is written: the fields that the work has filled."""
        return {"schema": SCHEMA, **self.model_dump(mode="json", exclude_unset=True)}

    def but(self, **changes: Any) -> Record:
        """The same record with some fields changed, checked like any other."""
        kept = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate({**kept, **changes})


def said(error: ValidationError) -> str:
    """The first thing that is wrong with a record, in words."""
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
