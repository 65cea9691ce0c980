"""The parts of a record besides an experiment's figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inkbench.benchmark.api import Dataset
from inkbench.benchmark.data.terms import accepted_on
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.record_parts import BackboneUsed, DataUsed, Origin, Requested, Settings, Versions

if TYPE_CHECKING:
    from inkbench.benchmark.planning.experiment import Experiment, Plan


def base_record(experiment: Experiment, work: Plan, request: Request) -> Record:
    """Return the part of a record that is known before the work."""
    return Record(
        id=experiment.id,
        work=experiment.work,
        status="planned",
        identity=dict(experiment.identity),
        method=experiment.method,
        task=experiment.task.name,
        protocol=experiment.protocol,
        family=experiment.family,
        data=data_used(work.data),
        pretrain_data=data_used(work.pretrain_data) if experiment.pretraining else None,
        pretraining=experiment.pretraining.key if experiment.pretraining else None,
        pretrained=dict(experiment.pretraining.identity) if experiment.pretraining else None,
        seed=experiment.seed,
        preset=request.preset,
        backbone=_backbone_used(experiment, experiment.backbone) if experiment.backbone else None,
        precision=experiment.identity.get("precision"),
        changed=dict(experiment.changed),
        settings=Settings.model_validate(experiment.settings),
        supervision=experiment.supervision,
        given=experiment.given,
        origin=Origin.model_validate(experiment.origin) if experiment.origin else None,
        facts=dict(experiment.facts),
        versions=Versions.model_validate(experiment.versions),
        weights=str(experiment.weights.name) if experiment.weights else None,
        init=str(request.init) if request.init and experiment.pretraining else None,
        transductive=request.transductive and experiment.pretraining is not None,
        budget=request.budget,
        primary=experiment.task.scorer.primary.name,
        request=Requested(typed=request.typed, resolved=request.model_dump(mode="json", exclude={"typed"})),
    )


def _backbone_used(experiment: Experiment, name: str) -> BackboneUsed:
    return BackboneUsed(name=name, side=experiment.task.view().side, readout=experiment.backbone_settings.readout)


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
