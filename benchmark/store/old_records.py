"""Records of older schemas, read as if they were written today: one step from each schema to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inkbench.benchmark.store.identity import CHOSEN_BY, SCORED_BY, work_id

Told = dict[str, Any]


def upgraded(told: Mapping[str, Any], newest: int) -> Told:
    """Upgrade the keys of a record of any schema to the newest. Raises ValueError for an unknown schema."""
    schema = told.get("schema")
    if not isinstance(schema, int) or not 1 <= schema <= newest:
        raise ValueError(f"is no record of a schema from 1 to {newest} (it says {schema!r})")
    found = {name: value for name, value in told.items() if name not in ("schema", "checksum")}
    for step in STEPS[schema - 1 :]:
        found = step(found)
    return found


def _to_2(told: Told) -> Told:
    """Upgrade schema 1: it named the scorer's module, let keys be null that now hold nothing, called data by layout."""
    found = {name: value for name, value in told.items() if name != "scorer" and not (value is None and name in EMPTY)}
    for name in ("data", "pretrain_data"):
        if isinstance(found.get(name), dict):
            data = found[name]
            found[name] = {"layout": data.get("id"), "own": False, "series_by": "", **data}
    return found


EMPTY = {"facts", "metrics", "notes", "calibration", "trials", "curve", "exclusions", "phases", "supervision"}
"""Keys of schema 1 that could be null."""


def _to_3(told: Told) -> Told:
    """Upgrade schema 2: it had one id for predictions and figures, named files by it, and put a GPU's name into it."""
    found = {name: value for name, value in told.items() if name != "rescored_from"}
    if told.get("rescored_from"):
        found["was"] = told["rescored_from"]
    identity, provenance = told.get("identity"), told.get("provenance")
    if isinstance(identity, dict) and identity:
        found["work"] = work_of(identity, str(told.get("primary")))
        if told.get("status") == "done":
            found["predictions"] = {"file": f"{told.get('id')}.predictions.npz"}
    if isinstance(provenance, dict):
        found["provenance"] = by_family(provenance)
    return found


def work_of(identity: Mapping[str, Any], primary: str) -> str:
    """Return the id of the predictions behind an identity of any schema."""
    return work_id(identity if CHOSEN_BY in identity else _identity_today(identity, primary))


def _identity_today(identity: Mapping[str, Any], primary: str) -> Told:
    """Return today's identity of the same work, but for weights pretrained on a GPU: their key is a hash."""
    versions = identity.get(SCORED_BY)
    version = versions.get(primary) if isinstance(versions, dict) else None
    found = {**by_family(identity), CHOSEN_BY: {primary: version}}
    return {**found, "source": by_family(found["source"])} if isinstance(found.get("source"), dict) else found


def by_family(told: Mapping[str, Any]) -> Told:
    """Replace an accelerator's name by its family."""
    return {**told, "device": "cuda"} if told.get("device") not in (None, "cpu") else dict(told)


def _to_4(told: Told) -> Told:
    """Upgrade schema 3: it had neither a checksum of its own nor the identity of its pretraining, and is read so."""
    return told


def _to_5(told: Told) -> Told:
    """Upgrade schema 4: it said nothing of a backbone's size or of what given weights saw, and is read so."""
    return told


STEPS: tuple[Callable[[Told], Told], ...] = (_to_2, _to_3, _to_4, _to_5)
"""The upgrades from schema 1 to 2, and so on."""
