"""From records to rows: the seeds of one row together, one environment a row, rows that may be compared in a block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.store.identity import plugged_metrics
from inkbench.benchmark.store.provenance import DECIDING
from inkbench.benchmark.store.record import Record

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
        """True if this is a baseline that sees no backbone, which a method must beat."""
        return self.method.startswith(TRIVIAL)

    @property
    def reference(self) -> bool:
        """True if this knows more than a method may (the same character's previous face)."""
        return self.method.startswith(REFERENCE)

    @property
    def bare(self) -> bool:
        """True if no backbone made these predictions: trivial baselines, references, predictions from elsewhere."""
        return self.any.backbone is None

    @property
    def control(self) -> bool:
        """True if this is the control row: random weights with their default settings."""
        return self.method == CONTROL and not any(key.startswith(f"{CONTROL}.") for key in self.changes)

    @property
    def seeds(self) -> dict[int, Record]:
        """The finished records by seed."""
        return {record.seed: record for record in self.done}

    @property
    def status(self) -> str:
        """``done`` where any seed is, else what befell the first: ``failed`` or ``declined``."""
        return "done" if self.done else str(self.unfinished[0].status)

    def value(self, metric: str) -> float | None:
        """Return the mean over seeds of a metric; None where a seed lacks it."""
        figures = [record.metrics[metric].value for record in self.done if metric in record.metrics]
        return float(np.mean(figures)) if figures and len(figures) == len(self.done) else None

    def label(self, common: Iterable[str] = ()) -> str:
        """Return the method and what it changes, without the ``common`` changes that a heading tells."""
        own = f"{self.method}."
        told = [
            f"{key.removeprefix(own)}={plain(value)}" for key, value in self.changes.items() if key not in set(common)
        ]
        return " ".join([self.method, *told])


def plain(value: Any) -> str:
    """Return a setting's value as it is typed on the command line."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return ",".join(map(plain, value)) if isinstance(value, list | tuple) else str(value)


def setup(record: Record) -> dict[str, Any]:
    """Return the setup that rows of one block share: how the task is done, and the backbone with its settings."""
    return {
        "family": record.family,
        "task": record.settings.task,
        "backbone": record.backbone.name if record.backbone else None,
        "side": record.backbone.side if record.backbone else None,
        "backbone settings": record.settings.backbone,
    }


def changes(record: Record) -> dict[str, Any]:
    """Return the changes in a row's label: deviations of the method and its pretraining, not those of the block."""
    told = {key: value for key, value in record.changed.items() if not key.startswith((f"{record.task}.", "backbone."))}
    if (record.versions.method or 1) > 1:
        told["version"] = record.versions.method
    if record.weights:
        told["weights"] = record.weights
    origin = record.pretrain_data
    if origin and origin.called != record.data.called:
        told["pretrain-data"] = origin.called
    return told


def environment(record: Record) -> dict[str, Any]:
    """Return the environment that may change a number: versions, packages, precision, device, ranks, threads."""
    packages = record.provenance.packages
    found: dict[str, Any] = {"protocol": record.protocol}
    present = {name: figure.version for name, figure in record.metrics.items()}
    defined = {**record.identity.get("metrics", {}), **present}  # a row may lack a figure that others have
    defined |= plugged_metrics(record.identity)
    raised = [f"{name}@{version}" for name, version in defined.items() if version != 1]
    if raised:
        found["metrics"] = " ".join(raised)
    versions = {name: getattr(record.versions, name) for name in ("engine", "task", "data")}
    found |= {f"{name} version": version for name, version in versions.items() if version is not None}
    found |= {name: packages[name] for name in DECIDING if name in packages}
    if record.backbone:
        found["precision"] = record.precision
        computed = {name: getattr(record.provenance, name) for name in ("device", "world", "threads")}
        found |= {name: value for name, value in computed.items() if value is not None}
    return found


def blocks(
    records: Sequence[Record],
    made: Callable[[Record], float],
    shared_by: Callable[[Record], dict[str, Any]] = setup,
) -> list[tuple[dict[str, Any], list[Group], dict[str, Any]]]:
    """Return rows by block: (setup, rows with trivial ones first, the block's environment).

    ``made`` gives the time of a record, ``shared_by`` what the rows of a block share. Of several environments a block
    takes the newest in which most of its rows are whole; a row that is not whole there keeps its own newest one, and
    says so.
    """
    trivial = [record for record in records if record.backbone is None]
    others = [record for record in records if record.backbone is not None]
    setups = {key_of(shared): shared for shared in map(shared_by, others or trivial)}
    found = []
    for key, shared in setups.items():
        members = [record for record in others if key_of(shared_by(record)) == key]
        plain_rows = [record for record in trivial if _of_task(shared_by(record)) == _of_task(shared)]
        by_row: dict[str, list[Record]] = {}
        for record in (*plain_rows, *members):
            by_row.setdefault(key_of([_row_key(record), setup(record)]), []).append(record)
        chosen = _environment_of(list(by_row.values()), made)
        rows = _told_apart([_group(row, chosen, made) for row in by_row.values()])
        rows.sort(key=lambda row: (not row.trivial, not row.control))
        found.append((shared, rows, chosen))
    return found


def _of_task(shared: Mapping[str, Any]) -> tuple[Any, Any]:
    return shared["family"], shared["task"]


def row_of(record: Record, records: Sequence[Record]) -> Group:
    """Return the row that a finished record belongs to: the finished records of its seeds, in its own environment."""
    key, own = _row_key(record), environment(record)
    seeds = {
        other.seed: other
        for other in records
        if other.status == "done" and _row_key(other) == key and environment(other) == own and _same_test(other, record)
    }
    seeds[record.seed] = record
    return Group(record.method, changes(record), tuple(seeds[seed] for seed in sorted(seeds)), ())


def _same_test(one: Record, other: Record) -> bool:
    return (one.task, one.data, one.backbone, one.preset) == (other.task, other.data, other.backbone, other.preset)


def _row_key(record: Record) -> str:
    """Return everything of a row but its seed and environment."""
    origin, told = record.pretrain_data, record.versions
    return key_of(
        [
            record.method,
            record.settings.model_dump(exclude_none=True),
            {**changes(record), "transductive": record.transductive},
            [origin.id, origin.fingerprint] if origin else [],
            [told.method, told.weights, told.init, _file_of(record)],
        ]
    )


def _file_of(record: Record) -> str:
    """Return the checksum of the lone file that the method stood in; none for others, and where no record says it."""
    source = record.identity.get("source")
    origin = source if isinstance(source, Mapping) else record.pretrained
    return str((origin or {}).get("file") or "")


def _told_apart(rows: Sequence[Group]) -> list[Group]:
    """Give rows that differ in the content of a lone file alone its checksum to be told apart by."""
    alike = Counter(row.label() for row in rows)
    return [
        replace(row, changes={**row.changes, "content": checksum[:8]})
        if alike[row.label()] > 1 and (checksum := _file_of(row.any))
        else row
        for row in rows
    ]


def _environment_of(by_row: Sequence[Sequence[Record]], made: Callable[[Record], float]) -> dict[str, Any]:
    """Return the environment that most rows are whole in; of equals the newest."""
    whole: dict[str, int] = {}
    newest: dict[str, float] = {}
    known: dict[str, dict[str, Any]] = {}
    for row in by_row:
        seeds: dict[str, set[int]] = {}
        for record in row:
            if record.status == "done" and record.backbone:
                key = key_of(environment(record))
                known[key] = environment(record)
                newest[key] = max(newest.get(key, 0.0), made(record))
                seeds.setdefault(key, set()).add(record.seed)
        most = max(map(len, seeds.values()), default=0)
        for key, found in seeds.items():
            whole[key] = whole.get(key, 0) + (len(found) == most)
    best = max(known, key=lambda key: (whole[key], newest[key]), default=None)
    return known[best] if best is not None else {}


def _group(row: Sequence[Record], wanted: Mapping[str, Any], made: Callable[[Record], float]) -> Group:
    """Return the row in the environment where it is fullest; of equals the likest to the wanted one, then newest."""
    ordered = sorted(row, key=made)
    by_environment: dict[str, dict[int, Record]] = {}
    for record in ordered:
        if record.status == "done":
            by_environment.setdefault(key_of(environment(record)), {})[record.seed] = record

    def rank(key: str) -> tuple[int, int, float]:
        found = by_environment[key]
        own = environment(next(iter(found.values())))
        alike = sum(wanted.get(name) == value for name, value in own.items())
        return len(found), alike, max(map(made, found.values()))

    done = by_environment[max(by_environment, key=rank)] if by_environment else {}
    unfinished = {record.seed: record for record in ordered if record.status != "done"}
    return Group(
        method=row[0].method,
        changes=changes(row[0]),
        done=tuple(done[seed] for seed in sorted(done)),
        unfinished=tuple(unfinished[seed] for seed in sorted(unfinished) if seed not in done),
        environments=len(by_environment),
    )
