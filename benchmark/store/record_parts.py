"""The parts of a record: what it says of data, backbone, figures, cost, leaks and where it comes from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

UNKNOWN = "unknown"
Name = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]{0,79}$")]
"""An id or a key: files are named by it, so it holds nothing that could lead elsewhere."""


class Part(BaseModel):
    """Something a record holds; nothing unknown is read over."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataUsed(Part):
    """Data that a run was tested on, or pretrained on."""

    id: str
    """The name: that of a layout's standard data, or that of a person's own."""
    fingerprint: str
    """A hash of the files and of how they are read."""
    layout: str
    """The reader, by whose name its settings go (``--set LAYOUT.FIELD``)."""
    own: bool
    """True if a person named a folder of their own."""
    series_by: str
    """The way in which images were put into series (``benchmark.data.units``); empty where the record does not say."""
    version: int = 0
    """The version of the reader."""
    settings: dict[str, Any] = Field(default_factory=dict)
    simulated: bool = False
    photographs: bool = False
    accepted: str | None = None
    """The day on which its terms were accepted."""

    @property
    def called(self) -> str:
        """The name in tables; a person's own data with the beginning of its fingerprint."""
        return f"{self.id} {self.fingerprint[:8]}" if self.own else self.id


class BackboneUsed(Part):
    """Identity of the backbone, and what it was shown."""

    name: str
    side: int | None = None
    """Pixels of the squares that the task shows."""
    readout: str | None = None
    """The part of a vision transformer that is read as the one vector (``--set backbone.readout``)."""


class Network(Part):
    """Size and speed of the backbone, as the task shows it images."""

    parameters: int
    """Those of the encoder, without a classifier."""
    gflop: FiniteFloat
    """Thousand millions of floating-point operations of one image forward; a multiplication and an addition are two."""
    images_per_s: FiniteFloat | None = None
    """Images forward a second on this machine, measured after the run's work."""
    batch: int | None = None
    """Images at once in that measurement."""


class Origin(Part):
    """Facts on weights that others made, given or begun with, as their authors state them."""

    name: str
    data: str = UNKNOWN
    """The images that they saw."""
    licence: str = UNKNOWN
    seen: Literal["comics", "no", "unknown"] = UNKNOWN  # type: ignore[assignment]
    """Whether those may hold the comics of a test: they hold comics, the authors say no, or nobody says."""


class Figure(Part):
    """A metric of a run."""

    value: FiniteFloat
    unit: str = ""
    direction: Literal["max", "min"]
    n: int
    """Items, or whatever the metric counts."""
    version: int
    """The version of the metric's definition."""


class PretextFigure(Part):
    """Score of the pretext task on held-out images, beside a trivial predictor of it."""

    value: FiniteFloat
    trivial: FiniteFloat | None = None
    n: int
    learnt: bool | None = None
    """True if the trivial predictor is beaten by more than 1.96 standard errors; None where there is none."""


class Phase(Part):
    """Cost of a part of the work."""

    wall_s: float
    device_s: float
    """Over all devices."""
    peak_mib: float
    """The peak of the device's memory; on a CPU of the process."""


class Unreadable(Part):
    """An image that could not be used, and why."""

    item: str
    reason: str


class Exclusions(Part):
    """Items that were left out."""

    unreadable: tuple[Unreadable, ...] = ()
    empty_truth: tuple[str, ...] = ()
    """Items without any truth."""
    warnings: tuple[str, ...] = ()
    """Remarks of the dataset's reader on what it passed over."""
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
    """Choice of the training items whose labels were used, where not all."""

    share: float
    n: int
    of: int
    sha256: str
    file: str
    """Their ids, below the results folder."""


class StoredFile(Part):
    """A file of arrays beside a record."""

    file: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]{0,79}\.(items|predictions)\.npz$")]
    sha256: str = ""
    """Empty in what was written before it was noted."""


class Damaged(Part):
    """The primary metric on test images under one damage, with the head and calibration of the clean ones."""

    figure: Figure
    predictions: StoredFile


class Robustness(Part):
    """What damage does to the score (docs/robustness.md)."""

    version: int
    """The version of the damages."""
    chance: FiniteFloat | None = None
    """The primary metric by chance, where the task says one."""
    under: dict[str, Damaged] = Field(default_factory=dict)
    """By damage and strength, ``halftone@2``."""
    declined: dict[str, str] = Field(default_factory=dict)
    """The damages that do not apply to the task, each with the reason."""
    phase: Phase | None = None
    """What it cost; no part of the run's own cost."""


class Provenance(Part):
    """Origin of a run: where, with what and by which code it was made."""

    git: dict[str, Any] = Field(default_factory=dict)
    packages: dict[str, str] = Field(default_factory=dict)
    hardware: dict[str, Any] = Field(default_factory=dict)
    device: str | None = None
    world: int | None = None
    """Ranks."""
    threads: int | None = None


class Versions(Part):
    """Versions that may not be mixed in a row though they are no setting."""

    engine: int | None = None
    task: int | None = None
    data: int | None = None
    method: int | None = None
    weights: str | None = None
    """The sha256 of given weights."""
    init: str | None = None
    """The sha256 of the weights that a pretraining started from."""


class Settings(Part):
    """Every setting, resolved, by its owner; None where a run has no such owner."""

    task: dict[str, Any] | None = None
    method: dict[str, Any] | None = None
    backbone: dict[str, Any] | None = None
    pretrain: dict[str, Any] | None = None
    split: str | None = None
    """The split that a submission was scored on."""

    def owners(self) -> dict[str, dict[str, Any]]:
        """Return the owners that there are, by name."""
        found = {name: getattr(self, name) for name in ("method", "task", "backbone", "pretrain")}
        return {name: values for name, values in found.items() if values is not None}


class Requested(Part):
    """Words that were typed, and the request that they meant."""

    typed: tuple[str, ...] = ()
    resolved: dict[str, Any] = Field(default_factory=dict)
