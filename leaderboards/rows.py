"""From records to rows: the seeds of one row together, one environment a row, rows that may be compared in a block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inkbench.benchmark.store.provenance import DECIDING
from inkbench.benchmark.store.store import key_of

Record = Mapping[str, Any]
CONTROL = "random"
TRIVIAL = "trivial:"
REFERENCE = "reference:"


@dataclass(frozen=True, slots=True)
class Group:
    """One row: the finished records of its seeds, in one environment, and those that did not finish."""

    method: str
    changes: Mapping[str, Any]
    done: tuple[Record, ...]
    unfinished: tuple[Record, ...]
    environments: int = 1

    @property
    def any(self) -> Record:
        """Some record of the row; all share their settings."""
        return (*self.done, *self.unfinished)[0]

    @property
    def trivial(self) -> bool:
        """Whether this is a baseline that sees no backbone, which a method must beat."""
        return self.method.startswith(TRIVIAL)

    @property
    def reference(self) -> bool:
        """Whether this knows more than a method may (the same character's previous face)."""
        return self.method.startswith(REFERENCE)

    @property
    def bare(self) -> bool:
        """Whether no backbone made these predictions: trivial rows, references, predictions from elsewhere."""
        return self.any["backbone"] is None

    @property
    def control(self) -> bool:
        """Whether this is the control row: random weights with their default settings."""
        return self.method == CONTROL and not any(key.startswith(f"{CONTROL}.") for key in self.changes)

    @property
    def seeds(self) -> dict[int, Record]:
        """The finished records by seed."""
        return {record["seed"]: record for record in self.done}

    @property
    def status(self) -> str:
        """``done`` where any seed is, else what befell the first: ``failed`` or ``declined``."""
        return "done" if self.done else str(self.unfinished[0]["status"])

    def value(self, metric: str) -> float | None:
        """The mean over seeds of a metric; None where a seed lacks it."""
        values = [record["metrics"].get(metric, {}).get("value") for record in self.done]
        return float(np.mean(values)) if values and None not in values else None

    def label(self, common: Iterable[str] = ()) -> str:
        """The method and what it changes, without the ``common`` changes that a heading tells."""
        own = f"{self.method}."
        told = [
            f"{key.removeprefix(own)}={plain(value)}" for key, value in self.changes.items() if key not in set(common)
        ]
        return " ".join([self.method, *told])


def plain(value: Any) -> str:
    """A setting's value as it is typed on the command line."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return ",".join(map(plain, value)) if isinstance(value, list | tuple) else str(value)


def setup(record: Record) -> dict[str, Any]:
    """What rows of one block share: how the task is done, and the backbone with its settings."""
    backbone = record["backbone"] or {}
    return {
        "family": record["family"],
        "task": record["settings"].get("task"),
        "backbone": backbone.get("name"),
        "side": backbone.get("side"),
        "backbone settings": record["settings"].get("backbone"),
    }


def changes(record: Record) -> dict[str, Any]:
    """What a row's label tells: deviations of the method and its pretraining, not those of the block."""
    told = {
        key: value
        for key, value in record["changed"].items()
        if not key.startswith((f"{record['task']}.", "backbone."))
    }
    if record.get("versions", {}).get("method", 1) > 1:
        told["version"] = record["versions"]["method"]
    if record.get("weights"):
        told["weights"] = record["weights"]
    origin = record.get("pretrain_data")
    if origin and called(origin) != called(record["data"]):
        told["pretrain-data"] = called(origin)
    return told


def layout_of(data: Mapping[str, Any]) -> str:
    """The name of the layout of a record's data, by which their settings go; older records call data by it."""
    return str(data.get("layout", data["id"]))


def called(data: Mapping[str, Any]) -> str:
    """What a record's data are called; a person's own with the beginning of their fingerprint."""
    return f"{data['id']} {data['fingerprint'][:8]}" if data.get("own") else str(data["id"])


def environment(record: Record) -> dict[str, Any]:
    """What may change a number beside the settings: versions, packages, precision, device, ranks, threads."""
    provenance = record.get("provenance", {})
    packages = provenance.get("packages", {})
    found: dict[str, Any] = {"protocol": record["protocol"]}
    present = {name: entry["version"] for name, entry in record.get("metrics", {}).items()}
    defined = {**record.get("identity", {}).get("metrics", {}), **present}  # a row may lack a figure that others have
    raised = [f"{name}@{version}" for name, version in defined.items() if version > 1]
    if raised:
        found["metrics"] = " ".join(raised)
    told = record.get("versions", {})
    found |= {f"{name} version": told[name] for name in ("engine", "task", "data") if name in told}
    found |= {name: packages[name] for name in DECIDING if name in packages}
    if record["backbone"]:
        found["precision"] = record.get("precision")
        found |= {name: provenance[name] for name in ("device", "world", "threads") if name in provenance}
    return found


def blocks(
    records: Sequence[Record], made: Callable[[Record], float]
) -> list[tuple[dict[str, Any], list[Group], dict[str, Any]]]:
    """Rows by block: (setup, rows with trivial ones first, the block's environment).

    ``made`` gives the time of a record. Of several environments a block takes the newest in which most of its
    rows are whole; a row that is not whole there keeps its own newest one, and says so.
    """
    trivial = [record for record in records if record["backbone"] is None]
    others = [record for record in records if record["backbone"] is not None]
    setups = {key_of(setup(record)): setup(record) for record in others or trivial}
    found = []
    for key, shared in setups.items():
        members = [record for record in others if key_of(setup(record)) == key]
        plain_rows = [
            record
            for record in trivial
            if (record["family"], record["settings"].get("task")) == (shared["family"], shared["task"])
        ]
        by_row: dict[str, list[Record]] = {}
        for record in (*plain_rows, *members):
            by_row.setdefault(_row_key(record), []).append(record)
        chosen = _environment_of(list(by_row.values()), made)
        rows = [_group(row, chosen, made) for row in by_row.values()]
        rows.sort(key=lambda row: (not row.trivial, not row.control))
        found.append((shared, rows, chosen))
    return found


def row_of(record: Record, records: Sequence[Record]) -> Group:
    """The row that a finished record belongs to: the finished records of its seeds, in its own environment."""
    key, own = _row_key(record), environment(record)
    seeds = {
        other["seed"]: other
        for other in records
        if other["status"] == "done"
        and _row_key(other) == key
        and environment(other) == own
        and _same_test(other, record)
    }
    seeds[record["seed"]] = record
    return Group(record["method"], changes(record), tuple(seeds[seed] for seed in sorted(seeds)), ())


def _same_test(one: Record, other: Record) -> bool:
    return all(one[name] == other[name] for name in ("task", "data", "backbone", "preset"))


def _row_key(record: Record) -> str:
    """Everything of a row but its seed and environment."""
    origin, told = record.get("pretrain_data") or {}, record.get("versions", {})
    return key_of(
        [
            record["method"],
            {name: value for name, value in record["settings"].items() if name != "seed"},
            {**changes(record), "transductive": bool(record.get("transductive"))},
            [origin.get("id"), origin.get("fingerprint")],
            {name: told[name] for name in ("method", "weights", "init") if name in told},
        ]
    )


def _environment_of(by_row: Sequence[Sequence[Record]], made: Callable[[Record], float]) -> dict[str, Any]:
    """The environment that most rows are whole in; of equals the newest."""
    whole: dict[str, int] = {}
    newest: dict[str, float] = {}
    known: dict[str, dict[str, Any]] = {}
    for row in by_row:
        seeds: dict[str, set[int]] = {}
        for record in row:
            if record["status"] == "done" and record["backbone"]:
                key = key_of(environment(record))
                known[key] = environment(record)
                newest[key] = max(newest.get(key, 0.0), made(record))
                seeds.setdefault(key, set()).add(record["seed"])
        most = max(map(len, seeds.values()), default=0)
        for key, found in seeds.items():
            whole[key] = whole.get(key, 0) + (len(found) == most)
    best = max(known, key=lambda key: (whole[key], newest[key]), default=None)
    return known[best] if best is not None else {}


def _group(row: Sequence[Record], wanted: Mapping[str, Any], made: Callable[[Record], float]) -> Group:
    """The row in the environment where it is fullest; of equals the most like the wanted one, then the newest."""
    ordered = sorted(row, key=made)
    by_environment: dict[str, dict[int, Record]] = {}
    for record in ordered:
        if record["status"] == "done":
            by_environment.setdefault(key_of(environment(record)), {})[record["seed"]] = record

    def rank(key: str) -> tuple[int, int, float]:
        found = by_environment[key]
        own = environment(next(iter(found.values())))
        alike = sum(wanted.get(name) == value for name, value in own.items())
        return len(found), alike, max(map(made, found.values()))

    done = by_environment[max(by_environment, key=rank)] if by_environment else {}
    unfinished = {record["seed"]: record for record in ordered if record["status"] != "done"}
    return Group(
        method=row[0]["method"],
        changes=changes(row[0]),
        done=tuple(done[seed] for seed in sorted(done)),
        unfinished=tuple(unfinished[seed] for seed in sorted(unfinished) if seed not in done),
        environments=len(by_environment),
    )
