"""Unlike hardware: the same settings give the same numbers on equal hardware only, so a row says where it was mixed."""

from __future__ import annotations

from collections.abc import Mapping

from inkbench.benchmark.store.record import Record
from inkbench.leaderboards.groups import CONTROL, Group

ON_A_CPU = ("processor", "instructions")
ON_A_GPU = ("device", "driver")
Hardware = Mapping[str, str]


def hardware(record: Record) -> Hardware:
    """Return the parts of a record's hardware that may change bits; what it does not say is left out."""
    told = record.provenance.hardware
    names = ON_A_CPU if told.get("device", "cpu") == "cpu" else ON_A_GPU
    return {name: str(told[name]) for name in names if told.get(name)}


def marks(row: Group, control: Group | None) -> list[str]:
    """Return the remark that the seeds of a row, or the row and its control, come from unlike hardware, naming both."""
    if row.bare:
        return []
    kinds = _kinds(row)
    if len(kinds) > 1:
        told = "; ".join(f"{_seeds(kind)} on {in_words(hardware(kind[0]))}" for kind in kinds)
        return [f"different hardware: {told}"]
    others = [one for one in _kinds(control) if _unlike(one[0], row.any)] if control and control is not row else []
    if others and kinds:
        there = in_words(hardware(others[0][0]))
        return [f"different hardware: {row.method} on {in_words(hardware(row.done[0]))}, {CONTROL} on {there}"]
    return []


def in_words(found: Hardware) -> str:
    """Return the name first, followed by the rest."""
    name, *rest = found.values()
    return f"{name} ({', '.join(rest)})" if rest else name


def _kinds(row: Group) -> list[list[Record]]:
    """Return the finished records by hardware; one that does not say its own is of the first kind."""
    kinds: list[list[Record]] = []
    for record in row.done:
        for kind in kinds:
            if not _unlike(kind[0], record):
                kind.append(record)
                break
        else:
            kinds.append([record])
    return kinds


def _unlike(one: Record, other: Record) -> bool:
    """Return whether both state hardware that differs."""
    mine, its = hardware(one), hardware(other)
    both = mine.keys() & its.keys()
    return bool(mine and its) and (not both or any(mine[name] != its[name] for name in both))


def _seeds(records: list[Record]) -> str:
    seeds = ", ".join(str(record.seed) for record in records)
    return f"seed{'s' if len(records) > 1 else ''} {seeds}"
