"""The parts of a record besides a cell's figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inkbench.benchmark.api import Dataset
from inkbench.benchmark.data.terms import accepted_on
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.record_parts import BackboneUsed, DataUsed, Requested, Settings, Versions

if TYPE_CHECKING:
    from inkbench.benchmark.planning.planned import Cell, Plan


def base_record(cell: Cell, work: Plan, request: Request) -> Record:
    """Return the part of a record that is known before the work."""
    return Record(
        id=cell.id,
        work=cell.work,
        status="planned",
        identity=dict(cell.identity),
        method=cell.method,
        task=cell.task.name,
        protocol=cell.protocol,
        family=cell.family,
        data=data_used(work.data),
        pretrain_data=data_used(work.pretrain_data) if cell.pretraining else None,
        pretraining=cell.pretraining.key if cell.pretraining else None,
        seed=cell.seed,
        preset=request.preset,
        backbone=_backbone_used(cell, cell.backbone) if cell.backbone else None,
        precision=cell.identity.get("precision"),
        changed=dict(cell.changed),
        settings=Settings.model_validate(cell.settings),
        supervision=cell.supervision,
        given=cell.given,
        facts=dict(cell.facts),
        versions=Versions.model_validate(cell.versions),
        weights=str(cell.weights.name) if cell.weights else None,
        init=str(request.init) if request.init and cell.pretraining else None,
        transductive=request.transductive and cell.pretraining is not None,
        budget=request.budget,
        primary=cell.task.scorer.primary.name,
        request=Requested(typed=request.typed, resolved=request.model_dump(mode="json", exclude={"typed"})),
    )


def _backbone_used(cell: Cell, name: str) -> BackboneUsed:
    return BackboneUsed(name=name, side=cell.task.view().side, readout=cell.backbone_settings.readout)


def data_used(dataset: Dataset) -> DataUsed:
    """Return a record's entry on a dataset; asks for its fingerprint."""
    return DataUsed(
        id=dataset.name,
        layout=dataset.reader,
        own=dataset.own,
        series_by=dataset.series_by,
        fingerprint=dataset.fingerprint(),
        version=dataset.version,
        settings=dataset.config.model_dump(mode="json"),
        simulated=dataset.simulated,
        photographs=dataset.photographs,
        accepted=accepted_on(type(dataset)),
    )
