"""Weights that others trained, handed on under timm's names, with the terms that their authors state."""

from __future__ import annotations

from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.escaping import markdown_cell
from inkbench.benchmark.given import catalogue
from inkbench.benchmark.given.catalogue import Weights
from inkbench.benchmark.given.supervision import UNKNOWN
from inkbench.benchmark.networks import hub
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import weights_bytes
from inkbench.benchmark.planning.asked import as_read_by
from inkbench.benchmark.running.export.exported import Exported, Terms
from inkbench.benchmark.running.export.timm_config import nearest_side
from inkbench.benchmark.store.files import checksum
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store

SEEN = {
    "comics": "saw comics, maybe those of a test",
    "no": "saw no comics, as its authors say",
    UNKNOWN: "not stated whether it saw comics",
}


def given(store: Store, what: str, network: str | None) -> Exported:
    """Return given weights by their word; ``network`` is of what nothing says (``--backbone``).

    Raises UsageError where no network is known or they do not fit, NotApplicable where the weights are out of reach.
    """
    weights = catalogue.find(what)
    runs = [record for record in store.records() if record.method == weights.name and record.status == "done"]
    method: Any = registry.load("methods", what)
    reader = method(method.Config())
    backbone = Backbone(_network(weights, runs, network), as_read_by(reader, BackboneSettings()))
    info = reader.set_weights(backbone, None)
    data = weights_bytes(backbone)
    records = tuple(record for record in runs if record.versions.weights in (None, checksum(data)))
    own = backbone.model.pretrained_cfg
    side = nearest_side(backbone, weights.side or backbone.native_side)
    terms = terms_of(weights)
    facts = {
        "weights": markdown_cell(f"{weights.name}, {weights.family}"),
        "trained with": markdown_cell(info.supervision),
        "data": markdown_cell(weights.data),
        "comics": SEEN[weights.seen],
        "from": markdown_cell(weights.source),
        "read as": f"{backbone.readout} (the vector that tasks were given)",
        "licence": markdown_cell(terms.licence or UNKNOWN),
        "sha256": checksum(data),
        **({"changed on reading": markdown_cell(info.told)} if info.told else {}),
    }
    architecture = backbone.name.partition(".")[0]
    return Exported(
        backbone=backbone,
        data=data,
        name=f"{backbone.name} of {weights.name}",
        title=f"{architecture}, weights {weights.name}",
        supervision=info.supervision,
        source=f"{weights.name}, from {weights.source}",
        preprocessing={
            "input_size": [3, side, side],
            "mean": list(backbone.mean),
            "std": list(backbone.std),
            **({"interpolation": own["interpolation"]} if own.get("interpolation") else {}),
        },
        facts=facts,
        terms=(terms,),
        datasets=() if weights.data == UNKNOWN else (weights.data,),
        records=records,
        remarks=("These weights were trained by others, outside the budget of inkbench's methods.",),
        base_model=weights.hf or str(own.get("hf_hub_id") or "") if weights.timm or weights.hf else "",
    )


def terms_of(weights: Weights) -> Terms:
    """Return licence and citation as the catalogue states them; the licence else as timm does."""
    licence = hub.facts_of(weights)["licence"]
    return Terms(
        f"the weights {weights.name}", "" if licence == UNKNOWN else licence, weights.citation, weights.homepage
    )


def _network(weights: Weights, runs: list[Record], asked: str | None) -> str:
    """Return the network that weights are of: their own, that asked for, or that of the runs which used them."""
    if weights.backbone:
        if asked and asked.partition(".")[0] != weights.backbone.partition(".")[0]:
            raise UsageError(f"{weights.name} is of {weights.backbone}, not {asked}; leave out --backbone")
        return weights.backbone
    used = {record.backbone.name for record in runs if record.backbone}
    if asked is None and len(used) != 1:
        raise UsageError(f"nothing says which network {weights.name} is of; name it with --backbone NAME")
    return asked or used.pop()
