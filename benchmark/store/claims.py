"""What a record says beside what its identity says: the id is a hash of the identity, so the two must agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inkbench.benchmark.errors import brief
from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.store.identity import CHOSEN_BY, SCORED_BY, record_id
from inkbench.benchmark.store.old_records import by_family, work_of
from inkbench.benchmark.store.record import Record

Claim = tuple[str, Any, Any]
"""What is claimed, as the record says it, as its identity says it."""


def contradictions(record: Record) -> Iterator[str]:
    """Yield what of a record cannot be true beside its identity, in words; nothing of one without an identity."""
    if record.status != "done" and record.metrics:
        yield f"is {record.status} but has figures"
    if record.items and record.items.file != f"{record.id}.items.npz":
        yield "names the items of another run"
    yield from _of_settings(record)
    if not record.identity:
        return
    if record_id(record.identity) != record.id:
        yield "has another id than its identity gives"
    if record.pretrained is not None and key_of(record.pretrained) != record.pretraining:
        yield "has another pretraining than its key says"
    for what, said, proven in (*_of_test(record), *_of_origin(record), *_of_provenance(record)):
        if said != proven:
            yield f"says {what} {brief(said)}, its identity {brief(proven)}"


def _of_settings(record: Record) -> Iterator[str]:
    """Yield what is said to differ from the preset and is set otherwise; and a preset that was not asked for."""
    rooms = record.named_settings()
    for key, value in record.changed.items():
        owner, _, name = key.partition(".")
        if name in rooms.get(owner, {}) and rooms[owner][name] != value:
            yield f"says {key}={brief(value)} and {brief(rooms[owner][name])}"
    asked = record.request.resolved
    if asked.get("preset", record.preset) != record.preset:
        yield f"says preset {brief(record.preset)}, its request {brief(asked['preset'])}"
    if not record.data.own and record.data.id != record.data.layout:
        yield f"says data {brief(record.data.id)}, read as {brief(record.data.layout)}"


def _of_test(record: Record) -> Iterator[Claim]:
    """Yield the claims about what was measured, and how."""
    identity, data = record.identity, _mapping(record.identity.get("data"))
    yield "task", record.task, identity.get("task")
    yield "protocol", record.protocol, identity.get("protocol")
    yield "seed", record.seed, identity.get("seed", 0)
    yield "task settings", record.settings.task, identity.get("settings")
    yield "data", record.data.layout, data.get("id")
    yield "data version", record.data.version, data.get("version")
    yield "data fingerprint", record.data.fingerprint, data.get("fingerprint")
    yield "precision", record.precision, identity.get("precision")
    yield "engine", record.versions.engine, identity.get("engine")
    yield "task version", record.versions.task, identity.get("version")
    yield "reason to decline", record.reason if record.status == "declined" else None, identity.get("declined")
    if record.work:
        yield "work", record.work, work_of(identity, record.primary)
    if record.predictions and not record.was:
        yield "predictions of", record.made, record.made if record.made in (record.work, record.id) else record.work
    if CHOSEN_BY in identity and not record.was:
        yield "primary metric", [record.primary], list(_mapping(identity[CHOSEN_BY]))
    versions = _mapping(identity.get(SCORED_BY))
    for name, figure in record.metrics.items():
        if name in versions:
            yield f"{name} version", str(figure.version), str(versions[name]).partition("-")[0]


def _of_origin(record: Record) -> Iterator[Claim]:
    """Yield the claims about where the predictions come from: a baseline, files, or weights and their making."""
    source = record.identity.get("source")
    if source is None:
        named = str(record.identity.get("method"))
        yield "method", record.method, f"{named}{record.method[len(named) :]}" if named.endswith(":") else named
        yield "content", record.versions.weights, record.identity.get("content")
        return
    yield "pretraining", record.pretraining, source if isinstance(source, str) else None
    origin = source if isinstance(source, Mapping) else record.pretrained
    if origin is None:
        return  # of before a record said it; the card of the backbone does
    yield from claims_of_weights(record, origin)


def claims_of_weights(record: Record, origin: Mapping[str, Any]) -> Iterator[Claim]:
    """Yield the claims about weights beside their own identity, that of a pretraining or of what needs none."""
    yield "method", record.method, origin.get("method")
    yield "method version", record.versions.method, origin.get("version")
    yield "method settings", record.settings.method, origin.get("settings")
    yield "backbone", record.backbone and record.backbone.name, origin.get("backbone")
    yield "seed", record.seed, origin.get("seed")
    yield "weights", record.versions.weights, origin.get("weights")
    yield "initial weights", record.versions.init, origin.get("init")
    if record.pretraining is not None:
        data = _mapping(origin.get("data"))
        yield "pretraining settings", record.settings.pretrain, origin.get("pretrain")
        yield "budget", record.budget, origin.get("budget")
        yield "transductive", record.transductive, origin.get("transductive")
        yield "pretraining data", record.pretrain_data and record.pretrain_data.fingerprint, data.get("fingerprint")


def _of_provenance(record: Record) -> Iterator[Claim]:
    """Yield the claims about packages and machine."""
    told = record.provenance
    if told.packages:
        for name, version in _mapping(record.identity.get("packages")).items():
            yield name, told.packages.get(name), version
    if told.device is not None and "device" in record.identity:
        yield "device", told.device, by_family(record.identity)["device"]
        yield "ranks", told.world, record.identity.get("world")
        yield "threads", told.threads, record.identity.get("threads")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
