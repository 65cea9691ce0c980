"""Declared tables: ``leaderboards/tables/NAME.toml`` says which rows and columns, and what the paper printed."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmark import registry
from benchmark.config import PRESETS
from benchmark.errors import Refusal, did_you_mean
from leaderboards.columns import COLUMNS
from leaderboards.rows import Group, Record, plain

FOLDER = Path(__file__).resolve().parent / "tables"
FLAGS = ("method", "preset", "backbone", "init", "budget")
"""Settings of a row that are flags of the command line, not NAME.FIELD."""
TOLD = ("init", "budget")
"""Those of them that a record lists among what was changed."""


@dataclass(frozen=True, slots=True)
class RowSpec:
    """A declared row: a label, all its settings (the table's included), and the paper's figures by column."""

    label: str
    settings: Mapping[str, Any]
    reported: Mapping[str, float | int | str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The method's name."""
        return str(self.settings["method"])


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A declared column: its key (an entry of ``columns.COLUMNS`` or a metric), labels of ours and of the paper's."""

    key: str
    label: str
    reported: str = ""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A declared table."""

    name: str
    title: str
    task: str
    protocol: str
    source: str
    rows: tuple[RowSpec, ...]
    columns: tuple[ColumnSpec, ...]

    def row_of(self, group: Group) -> RowSpec | None:
        """The declared row that a group of records is, or None."""
        return next((spec for spec in self.rows if _fits(spec, self.task, group.any)), None)


def names() -> list[str]:
    """The names of all declared tables."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> TableFile:
    """A declared table by its name, or a file by its path. Raises Refusal."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        raise Refusal(f"no table '{name}'{did_you_mean(name, names())}")
    try:
        text = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{path} is no TOML: {error}") from None
    return parse(path.stem, text, str(path))


def parse(name: str, text: Mapping[str, Any], where: str) -> TableFile:
    """The table that a parsed TOML file declares; ``where`` is its path. Raises Refusal."""
    _known(text, ("title", "task", "protocol", "source", "settings", "rows", "columns"), where)
    for key in ("title", "task", "protocol", "source"):
        if not isinstance(text.get(key, ""), str):
            raise Refusal(f"{where}: {key} is a text, not {text[key]!r}")
    for key in ("title", "task"):
        if not text.get(key):
            raise Refusal(f"{where} has no {key}")
    metrics = _metrics_of(text["task"])
    columns = tuple(
        _column(entry, metrics, f"{where}, column {k}") for k, entry in enumerate(_list(text, "columns", where), 1)
    )
    shared = _settings(text, where)
    rows = tuple(
        _row(entry, shared, [column.key for column in columns], f"{where}, row {k}")
        for k, entry in enumerate(_list(text, "rows", where), 1)
    )
    labels = [row.label for row in rows]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if not rows or twice:
        raise Refusal(f"{where} has {'two rows ' + repr(twice[0]) if twice else 'no [[rows]]'}")
    if any(row.reported for row in rows) and not text.get("source"):
        raise Refusal(f"{where} has reported figures and no source; say where they are printed")
    return TableFile(
        name, text["title"], text["task"], text.get("protocol", "frozen"), text.get("source", ""), rows, columns
    )


def expand(table: TableFile) -> list[dict[str, Any]]:
    """What to run for the whole table: fields of a Request for each distinct row, over those of the command line."""
    requests: list[dict[str, Any]] = []
    for row in table.rows:
        request: dict[str, Any] = {
            "methods": (row.method,),
            "tasks": (table.task,),
            "protocols": (table.protocol,),
            "sets": tuple((key, plain(value)) for key, value in row.settings.items() if _concerns(key, row.method)),
        }
        request |= {key: row.settings[key] for key in FLAGS[1:] if key in row.settings}
        if request not in requests:
            requests.append(request)
    return requests


def with_settings(table: TableFile, sets: Sequence[tuple[str, str]]) -> TableFile:
    """The table with what ``--set`` lays over the settings of every row that it concerns."""
    rows = tuple(
        replace(row, settings={**row.settings, **{key: text for key, text in sets if _concerns(key, row.method)}})
        for row in table.rows
    )
    return replace(table, rows=rows)


def match(table: TableFile, records: Sequence[Record]) -> list[Record]:
    """The records of a table's rows, of their control and trivial rows.

    A record is a row's where every setting of the row has its value and nothing else differs from the preset.
    """
    ours = [record for record in records if record["task"] == table.task and _protocol_fits(table, record)]
    chosen = [record for record in ours if any(_fits(spec, table.task, record) for spec in table.rows)]
    setups = [_common(record) for record in chosen]
    beside = [
        record
        for record in ours
        if (record["method"] == "random" or record["backbone"] is None)
        and record not in chosen
        and any(_beside(record, setup) for setup in setups)
    ]
    return beside + chosen


def _concerns(key: str, method: str) -> bool:
    """Whether a setting of the whole table says something about a row of this method."""
    owner = key.partition(".")[0]
    return key not in FLAGS and (owner == method or owner not in registry.names("methods"))


def _fits(spec: RowSpec, task: str, record: Record) -> bool:
    if record["method"] != spec.method:
        return False
    if record.get("transductive") or _elsewhere(record):
        return False
    if "preset" in spec.settings and record["preset"] != spec.settings["preset"]:
        return False
    if "backbone" in spec.settings and (record["backbone"] or {}).get("name") != spec.settings["backbone"]:
        return False
    if any(record["changed"].get(flag) != spec.settings.get(flag) for flag in TOLD):
        return False
    rooms = {
        record["method"]: record["settings"].get("method"),
        task: record["settings"].get("task"),
        "pretrain": record["settings"].get("pretrain"),
        "backbone": record["settings"].get("backbone"),
        record["data"]["id"]: record["data"].get("settings"),
    }
    wanted = {key: value for key, value in spec.settings.items() if key not in FLAGS}
    for key, value in wanted.items():
        owner, _, name = key.partition(".")
        known = rooms.get(owner)
        if owner in rooms and known is not None and plain(known.get(name, ...)) != plain(value):
            return False
    return all(key in spec.settings for key in record["changed"])


def _elsewhere(record: Record) -> bool:
    """Whether a pretext task of this record saw other data than the task's."""
    origin = record.get("pretrain_data")
    return origin is not None and origin["fingerprint"] != record["data"]["fingerprint"]


def _protocol_fits(table: TableFile, record: Record) -> bool:
    return table.protocol in (record["protocol"], record["protocol"].partition("@")[0])


def _common(record: Record) -> dict[str, Any]:
    """What a control row must share with a declared one."""
    return {
        "task": record["settings"].get("task"),
        "protocol": record["protocol"],
        "data": record["data"]["fingerprint"],
        "preset": record["preset"],
        "backbone": (record["backbone"] or {}).get("name"),
        "backbone settings": record["settings"].get("backbone"),
    }


def _beside(record: Record, wanted: Mapping[str, Any]) -> bool:
    own = _common(record)
    shared = ("task", "protocol", "data", "preset") if record["backbone"] is None else tuple(own)
    plain_control = not any(key.startswith(f"{record['method']}.") for key in record["changed"])
    return plain_control and all(own[key] == wanted[key] for key in shared)


def _row(entry: Any, shared: Mapping[str, Any], columns: Sequence[str], where: str) -> RowSpec:
    _known(entry, ("label", "settings", "reported"), where)
    settings = {**shared, **_settings(entry, where)}
    if not isinstance(settings.get("method"), str):
        raise Refusal(f'{where} names no method; write settings = {{ method = "jigsaw" }}')
    registry.find("methods", settings["method"])
    if settings.get("preset", "quick") not in PRESETS:
        raise Refusal(f"{where}: no preset '{settings['preset']}'{did_you_mean(str(settings['preset']), PRESETS)}")
    reported = entry.get("reported", {})
    _known(reported, columns, f"{where}, reported")
    if not all(isinstance(value, int | float | str) for value in reported.values()):
        raise Refusal(f"{where}: reported figures are numbers, or a text such as '-'")
    return RowSpec(str(entry.get("label", settings["method"])), settings, reported)


def _column(entry: Any, metrics: Sequence[str], where: str) -> ColumnSpec:
    _known(entry, ("key", "label", "reported"), where)
    key = entry.get("key")
    if not isinstance(key, str):
        raise Refusal(f"{where} has no key")
    if not {key, key.partition("@")[0], key.partition("[")[0]} & {*COLUMNS, *metrics}:
        raise Refusal(f"{where}: there is no column '{key}'{did_you_mean(key, (*COLUMNS, *metrics))}")
    return ColumnSpec(entry["key"], str(entry.get("label", "")), str(entry.get("reported", "")))


def _metrics_of(task: str) -> list[str]:
    """The metrics of a task, read off its source: importing it would import torch. Raises Refusal."""
    entry = registry.find("tasks", task)
    source = importlib.util.find_spec(entry.module)
    if source is None or source.origin is None:
        raise Refusal(f"task '{task}' has no source {entry.module}")
    for node in ast.walk(ast.parse(Path(source.origin).read_text())):
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["scorer"]:
            scorer = importlib.import_module(ast.literal_eval(node.value))
            return [metric.name for metric in scorer.METRICS]
    raise Refusal(f"task '{task}' ({entry.module}) names no scorer")


def _settings(entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    settings = entry.get("settings", {})
    if not isinstance(settings, dict):
        raise Refusal(f"{where}: settings is a table of NAME.FIELD = value")
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{name}": inner for name, inner in value.items()}
        elif "." in key or key in FLAGS:
            flat[key] = value
        else:
            raise Refusal(f"{where}: '{key}' is no NAME.FIELD{did_you_mean(key, FLAGS)}")
    return flat


def _list(text: Mapping[str, Any], key: str, where: str) -> list[Any]:
    entries = text.get(key, [])
    if not isinstance(entries, list):
        raise Refusal(f"{where}: write [[{key}]], one for each")
    return entries


def _known(entry: Any, options: Sequence[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise Refusal(f"{where} is not a table of keys")
    for key in entry:
        if key not in options:
            raise Refusal(f"{where}: there is no key '{key}'{did_you_mean(key, options)}")
