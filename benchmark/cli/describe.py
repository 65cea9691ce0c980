"""``describe``: settings of a method, task or dataset, rows of a table, how much of its images a pretraining sees."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.cli.shown import Shown, shown
from inkbench.benchmark.config import Config, PretrainSettings, settings_of
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.given import catalogue
from inkbench.benchmark.given.supervision import WORDS
from inkbench.benchmark.planning.request import SHARED_OWNERS


def describe(flags: argparse.Namespace) -> int:
    """Print what there is to know of ``flags.name``. Raises UsageError where nothing has this name."""
    name, kind = flags.name, ""
    described: Any = None
    config: Any
    if name in SHARED_OWNERS:
        kind, config, summary = "settings", SHARED_OWNERS[name], (SHARED_OWNERS[name].__doc__ or "")
    elif catalogue.is_row(name):
        return _describe_weights(flags)
    else:
        kind = _kind_of(name)
        if kind == registry.TABLES:
            return _describe_table(flags)
        entry = registry.find(kind or "methods", name)
        kind, name = kind or registry.kind_of(entry), entry.name
        described, summary = registry.load_entry(entry, kind), entry.summary
        config = described.Config if kind != "metrics" else Config
    fields = [_field(name, field, config) for name, field in config.model_fields.items()]
    told: dict[str, Any] = {"name": name, "kind": kind, "summary": summary, "settings": fields}
    seen, unknown = _seen(described, flags) if kind == "methods" and described.pretrains else ({}, "")
    if flags.json:
        if seen:
            views = {view: asdict(figures) for view, figures in seen.items()}
            told |= {"data": flags.data, "preset": flags.preset, "seen": views}
        print(json.dumps(told, indent=1))
        return 0
    print(f"{name}: {summary.strip()}")
    for field in fields:
        presets = "".join(f"; {preset}: {value}" for preset, value in field["presets"].items())
        print(f"\n  {name}.{field['name']} = {field['default']}   ({field['type']}{presets})")
        print(f"      {field['help']}  [{field['source']}]")
    for view, figures in seen.items():
        print("\n  " + _sentence(view, figures, flags))
    if unknown:
        print(f"\n  share of an image that is seen: unknown ({unknown})")
    return 0


def _kind_of(name: str) -> str:
    """Return the kind of what has this name; of a class of a file none yet. Raises UsageError where nothing has it."""
    if name.endswith(".toml"):
        return registry.TABLES
    kinds = (*registry.ROOMS, registry.TABLES)
    kind = next((kind for kind in kinds if name in registry.entries(kind)), "")
    if kind or ".py" in name:
        return kind
    if why := next((why for kind in kinds if (why := registry.left_out(kind).get(name))), ""):
        raise UsageError(why)
    known = [*(name for kind in kinds for name in registry.names(kind)), *SHARED_OWNERS, *catalogue.entries()]
    raise UsageError(f"there is no '{name}'{did_you_mean(name, known)}")


def _describe_weights(flags: argparse.Namespace) -> int:
    """Print the facts on given weights. Raises UsageError."""
    found = catalogue.find(flags.name)
    facts = {key: value for key, value in found.model_dump(mode="json").items() if key not in ("name", "folder")}
    if flags.json:
        print(json.dumps({"name": found.name, "kind": "weights", **facts}, indent=1))
        return 0
    print(f"{found.name}: {found.family}\n")
    for key, value in facts.items():
        if value not in ("", None):
            print(f"  {key:13} {', '.join(map(str, value)) if isinstance(value, list) else value}")
    meaning = WORDS.get(found.supervision, "in the words of its card")
    print(f"\n  supervision '{found.supervision}': {meaning}; use it as --method {flags.name}")
    return 0


def _describe_table(flags: argparse.Namespace) -> int:
    """Print a declared table's rows with their settings and its columns. Raises UsageError where it is none."""
    from inkbench.leaderboards.declared import load

    table = load.load(flags.name)
    if flags.json:
        rows = [{"label": row.label, "settings": dict(row.settings)} for row in table.rows]
        columns = [column.id for column in table.columns]
        told = {"name": table.name, "kind": "tables", "summary": table.title, "rows": rows, "columns": columns}
        print(json.dumps(told, indent=1))
        return 0
    print(f"{table.name}: {table.title}\n\n  task {table.task or '(each column its own)'}, protocol {table.protocol}")
    for row in table.rows:
        settings = ", ".join(f"{key} = {value}" for key, value in row.settings.items())
        print(f"  row {row.label}: {settings or 'reported only'}")
    for column in table.columns:
        print(f"  column {column.id}")
    return 0


def _field(name: str, field: Any, config: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": _type_name(field.annotation),
        "default": field.default if not isinstance(field.default, Path) else str(field.default),
        "presets": {preset: values[name] for preset, values in config.presets.items() if name in values},
        "help": field.description,
        "source": (field.json_schema_extra or {}).get("source"),
    }


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def _seen(method: Any, flags: argparse.Namespace) -> tuple[dict[str, Shown], str]:
    """Return what the method would see of the data that the flags name, or why that is not known.

    Raises UsageError for settings and data that there are not.
    """
    pairs = []
    for text in flags.set:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set takes NAME.FIELD=VALUE, not '{text}'")
        pairs.append((key, value))
    own = method(method.Config.resolve(method.name, flags.preset, settings_of(method.name, pairs)))
    settings = PretrainSettings.resolve("pretrain", flags.preset, settings_of("pretrain", pairs))
    data = open_dataset(flags.data, flags.preset, pairs, flags.results)
    try:
        return shown(own, settings, data), ""
    except UsageError as reason:
        return {}, str(reason)


def _sentence(view: str, of: Shown, flags: argparse.Namespace) -> str:
    where = f"{of.images} {of.view.kind} that {flags.data} trains on"
    return (
        f"{view}: crops of {of.view.side} px; of the {where}, one epoch shows {of.one_epoch:.0%} of an image on "
        f"average,\n      the {of.epochs:.1f} epochs of {flags.preset} {of.budget:.0%} (pretrain.window)"
    )
