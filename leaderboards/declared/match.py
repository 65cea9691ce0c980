"""The records of a declared table's rows, and the control and trivial baselines that stand beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from inkbench.benchmark.given import catalogue
from inkbench.benchmark.store.index import Brief
from inkbench.benchmark.store.record import Summary
from inkbench.leaderboards.declared.spec import FLAGS, RowSpec, TableFile
from inkbench.leaderboards.groups import CONTROL, Group, plain

Known = TypeVar("Known", bound=Summary)
TOLD = ("init", "budget")
"""Flags that a record lists among what was changed."""
NO_SETTING = "file"
"""What a record lists among what was changed of a method in a file of its own: the file's name, which no row pins."""


def sieve(parts: Sequence[TableFile]) -> Callable[[Brief], bool]:
    """Return whether a record of which only this is known may be one of a table's, or stand beside them."""
    asked = {(part.task, part.protocol) for part in parts}
    rows: dict[str, list[dict[str, str]]] = {}
    for spec in parts[0].rows:
        wanted = {key: plain(value) for key, value in spec.settings.items()}
        if "init" in wanted:
            wanted["init"] = catalogue.name_of(wanted["init"])
        rows.setdefault(catalogue.name_of(spec.method), []).append(wanted)

    def may_be(brief: Brief) -> bool:
        if parts[0].across:
            return True
        if not {(brief.task, brief.protocol), (brief.task, brief.protocol.partition("@")[0])} & asked:
            return False
        if brief.method == CONTROL or ":" in brief.method:
            return True
        changed = {key: plain(value) for key, value in brief.changed.items() if key != NO_SETTING}.items()
        return any(changed <= settings.items() for settings in rows.get(brief.method, ()))

    return may_be


def match(table: TableFile, records: Sequence[Known]) -> list[Known]:
    """Return the records of a table's rows, control and trivial baselines; it has one task (``TableFile.parts``).

    A record is a row's where every setting of the row has its value and nothing else differs from the preset. Of
    a table across backbones all records are.
    """
    ours = [record for record in records if _of_table(table, record)]
    if table.across:
        return ours
    chosen = [record for record in ours if any(_fits(spec, table.task, record) for spec in table.rows)]
    setups = [_common(record) for record in chosen]
    taken = {record.id for record in chosen}
    beside = [
        record
        for record in ours
        if (record.method == CONTROL or record.backbone is None)
        and record.id not in taken
        and any(_beside(record, setup) for setup in setups)
    ]
    return beside + chosen


def row_of(table: TableFile, group: Group) -> RowSpec | None:
    """Return the declared row that a group of records is, or None."""
    return next((spec for spec in table.rows if _fits(spec, table.task, group.any)), None)


def _of_table(table: TableFile, record: Summary) -> bool:
    if (table.task and record.task != table.task) or (table.data and record.data.layout != table.data):
        return False
    return table.protocol in ("", record.protocol, record.protocol_name)


def _fits(spec: RowSpec, task: str, record: Summary) -> bool:
    if record.method != catalogue.name_of(spec.method):
        return False
    if record.transductive or _elsewhere(record):
        return False
    if "preset" in spec.settings and record.preset != spec.settings["preset"]:
        return False
    if "backbone" in spec.settings and (record.backbone.name if record.backbone else None) != spec.settings["backbone"]:
        return False
    told = {flag: spec.settings.get(flag) for flag in TOLD}
    told["init"] = catalogue.name_of(str(told["init"])) if told["init"] else None
    if any(record.changed.get(flag) != value for flag, value in told.items()):
        return False
    rooms = record.rooms()
    wanted = {key: value for key, value in spec.settings.items() if key not in FLAGS}
    for key, value in wanted.items():
        owner, _, name = key.partition(".")
        if owner in rooms and plain(rooms[owner].get(name, ...)) != plain(value):
            return False
    return all(key in spec.settings for key in record.changed if key != NO_SETTING)


def _elsewhere(record: Summary) -> bool:
    """Return whether a pretext task of this record saw other data than the task's."""
    origin = record.pretrain_data
    return origin is not None and origin.fingerprint != record.data.fingerprint


def _common(record: Summary) -> dict[str, Any]:
    """Return the facts that a control row must share with a declared one."""
    return {
        "task": record.settings.task,
        "protocol": record.protocol,
        "data": record.data.fingerprint,
        "preset": record.preset,
        "backbone": record.backbone.name if record.backbone else None,
        "backbone settings": record.settings.backbone,
    }


def _beside(record: Summary, wanted: Mapping[str, Any]) -> bool:
    own = _common(record)
    shared = ("task", "protocol", "data", "preset") if record.backbone is None else tuple(own)
    plain_control = not any(key.startswith(f"{record.method}.") for key in record.changed)
    return plain_control and all(own[key] == wanted[key] for key in shared)
