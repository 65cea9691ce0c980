"""What a record says of a cell besides its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inkbench.benchmark.api import Dataset
from inkbench.benchmark.data.terms import accepted_on
from inkbench.benchmark.planning.request import Request

if TYPE_CHECKING:
    from inkbench.benchmark.planning.planned import Cell, Plan


def base_record(cell: Cell, work: Plan, request: Request) -> dict[str, Any]:
    """The part of a record that is known before the work."""
    return {
        "id": cell.id,
        "identity": dict(cell.identity),
        "method": cell.method,
        "task": cell.task.name,
        "protocol": cell.protocol,
        "family": cell.family,
        "data": _told_of(work.data),
        "pretrain_data": _told_of(work.pretrain_data) if cell.pretraining else None,
        "pretraining": cell.pretraining.key if cell.pretraining else None,
        "seed": cell.seed,
        "preset": request.preset,
        "backbone": _backbone(cell) if cell.backbone else None,
        "precision": cell.identity.get("precision"),
        "changed": dict(cell.changed),
        "settings": dict(cell.settings),
        "supervision": cell.supervision,
        "given": cell.given,
        "facts": dict(cell.facts),
        "versions": dict(cell.versions),
        "weights": str(cell.weights.name) if cell.weights else None,
        "init": str(request.init) if request.init and cell.pretraining else None,
        "transductive": request.transductive and cell.pretraining is not None,
        "budget": request.budget,
        "primary": cell.task.scorer.primary.name,
        "request": {"typed": list(request.typed), "resolved": request.model_dump(mode="json", exclude={"typed"})},
    }


def _backbone(cell: Cell) -> dict[str, Any]:
    """Which it is, what it sees, and how it is read as one vector: the settings may leave that to the method."""
    return {"name": cell.backbone, "side": cell.task.view().side, "readout": cell.backbone_settings.readout}


def _told_of(dataset: Dataset) -> dict[str, Any]:
    return {
        "id": dataset.name,
        "layout": dataset.reader,
        "own": dataset.own,
        "series_by": dataset.series_by,
        "fingerprint": dataset.fingerprint(),
        "version": dataset.version,
        "settings": dataset.config.model_dump(mode="json"),
        "simulated": dataset.simulated,
        "photographs": dataset.photographs,
        "accepted": accepted_on(type(dataset)),
    }
