"""``leaderboards/tables/NAME.toml``, read and checked: every misspelt key, task, method or metric is one line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.config import PRESETS
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.scorers import scorer_of
from inkbench.leaderboards.columns.usual import COLUMNS
from inkbench.leaderboards.declared.spec import FLAGS, ColumnSpec, RowSpec, TableFile

TEXTS = ("title", "task", "protocol", "source", "head", "given")
AGAINST = ("given", "fresh")
SHARED_OWNERS = ("pretrain", "backbone")


def names() -> list[str]:
    """Return the names of all declared tables: ours, of installed packages, of files that are plugged in."""
    return registry.names(registry.TABLES)


def load(name: str) -> TableFile:
    """Load a declared table by its name, or a file by its path. Raises UsageError."""
    path = _path_of(name)
    return parse(path.stem, _read(path), str(path))


def title_of(name: str) -> str:
    """Return a table's title; what else its file says is not looked at. Raises UsageError."""
    path = _path_of(name)
    title = _read(path).get("title")
    if not isinstance(title, str) or not title:
        raise UsageError(f"{path} has no title")
    return title


def _path_of(name: str) -> Path:
    path = Path(name) if name.endswith(".toml") else registry.find(registry.TABLES, name).file
    if path is None or not path.is_file():
        raise UsageError(f"no table '{name}'{did_you_mean(name, names())}")
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from None


def parse(name: str, text: Mapping[str, Any], where: str) -> TableFile:
    """Return the table that a parsed TOML file declares; ``where`` is its path. Raises UsageError."""
    _known(text, (*TEXTS, "notes", "settings", "rows", "columns", "across"), where)
    across = text.get("across", False)
    for key in TEXTS:
        if not isinstance(text.get(key, ""), str):
            raise UsageError(f"{where}: {key} must be a string, not {text[key]!r}")
    if not text.get("title"):
        raise UsageError(f"{where} has no title")
    notes = _list(text, "notes", where, 'notes = ["..."]')
    if not all(isinstance(note, str) and note.strip() for note in notes):
        raise UsageError(f"{where}: notes must be strings, one line each")
    task = text.get("task", "")
    if task:
        registry.find("tasks", task)
    columns = [_column(entry, task, f"{where}, column {k}") for k, entry in enumerate(_list(text, "columns", where), 1)]
    _check_columns(columns, task, where, across)
    shared = _settings(text, where)
    rows = [_row(entry, shared, columns, f"{where}, row {k}") for k, entry in enumerate(_list(text, "rows", where), 1)]
    _check_rows(rows, where, across)
    if any(row.reported for row in rows) and not text.get("source"):
        raise UsageError(f"{where} has reported figures but no source; state where they are published")
    return TableFile(
        name=name,
        title=text["title"],
        task=task,
        protocol=text.get("protocol", "" if across else "frozen"),
        source=text.get("source", ""),
        rows=tuple(rows),
        columns=tuple(columns),
        head=text.get("head", "row"),
        notes=tuple(notes),
        across=across,
        given=text.get("given", ""),
    )


def _check_rows(rows: Sequence[RowSpec], where: str, across: Any) -> None:
    """Check that a table has rows, each once, or none and is ``across``; and that those they name are there."""
    if across not in (True, False) or (across and rows):
        raise UsageError(f"{where}: across = true makes a row of all that was run; it stands without [[rows]]")
    labels = [row.label for row in rows]
    if not (rows or across) or (twice := _twice(labels)):
        raise UsageError(f"{where} has {f'two rows {twice!r}' if rows else 'no [[rows]]'}")
    for row in rows:
        if lost := [other for other in row.against.values() if other not in labels]:
            raise UsageError(f"{where}, row {row.label!r}: there is no row {lost[0]!r} to hold it against")


def _row(entry: Any, shared: Mapping[str, Any], columns: Sequence[ColumnSpec], where: str) -> RowSpec:
    _known(entry, ("label", "settings", "reported", "only_reported", "against"), where)
    against = entry.get("against", {})
    _known(against, AGAINST, f"{where}, against")
    reported = entry.get("reported", {})
    _known(reported, [column.id for column in columns] + [column.key for column in columns], f"{where}, reported")
    by_column = {_column_of(key, columns, where): value for key, value in reported.items()}
    if not all(isinstance(value, int | float | str) for value in reported.values()):
        raise UsageError(f"{where}: reported figures must be numbers, or a string such as '-'")
    if entry.get("only_reported", False):
        if not reported or "label" not in entry or "settings" in entry:
            raise UsageError(f"{where}: a row with only_reported needs a label and reported figures, and no settings")
        return RowSpec(str(entry["label"]), {}, by_column)
    settings = {**shared, **_settings(entry, where)}
    if not isinstance(settings.get("method"), str):
        raise UsageError(f'{where} names no method; write settings = {{ method = "jigsaw" }}, or only_reported = true')
    method = registry.find("methods", settings["method"])
    if method.name != settings["method"]:
        raise UsageError(f'{where}: write method = "{method.name}", and name its file with --plugin {method.origin}')
    if settings.get("preset", "quick") not in PRESETS:
        raise UsageError(f"{where}: no preset '{settings['preset']}'{did_you_mean(str(settings['preset']), PRESETS)}")
    return RowSpec(str(entry.get("label", settings["method"])), settings, by_column, against)


def _column_of(key: str, columns: Sequence[ColumnSpec], where: str) -> str:
    """Return the id of the column that a reported figure belongs to."""
    found = [column.id for column in columns if key in (column.id, column.key)]
    if len(found) > 1:
        raise UsageError(f"{where}: several columns are called '{key}'; write {' or '.join(map(repr, found))}")
    return found[0]


def _column(entry: Any, task: str, where: str) -> ColumnSpec:
    _known(entry, ("key", "label", "reported", "task", "protocol", "data"), where)
    key = entry.get("key")
    if not isinstance(key, str):
        raise UsageError(f"{where} has no key")
    own = entry.get("task", "")
    scorer = scorer_of(own or task) if own or task else None
    if key not in COLUMNS and not _is_setting(key) and not (scorer and scorer.defines(key)):
        known = (*COLUMNS, *(metric.name for metric in (scorer.metrics if scorer else ())))
        raise UsageError(f"{where}: there is no column '{key}'{did_you_mean(key, known)}")
    texts = {name: str(entry.get(name, "")) for name in ("label", "reported", "task", "protocol", "data")}
    if texts["data"] and texts["data"] not in registry.names("datasets"):
        raise UsageError(
            f"{where}: no dataset '{texts['data']}'{did_you_mean(texts['data'], registry.names('datasets'))}"
        )
    return ColumnSpec(key, **texts, setting=key not in COLUMNS and _is_setting(key))


def _check_columns(columns: Sequence[ColumnSpec], task: str, where: str, across: bool) -> None:
    """Check that every column has a task, but of a table of all tasks, and no two are the same."""
    if twice := _twice([column.id for column in columns]):
        raise UsageError(f"{where} has two columns '{twice}'")
    if not (task or across) and not any(column.task for column in columns):
        raise UsageError(f"{where} has no task; name one for the table, or one for each column")


def _is_setting(key: str) -> bool:
    """Return whether a key is NAME.FIELD of something that has settings."""
    owner, dot, name = key.partition(".")
    return bool(dot and name) and owner in (*registry.names("methods"), *registry.names("tasks"), *SHARED_OWNERS)


def _settings(entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    settings = entry.get("settings", {})
    if not isinstance(settings, dict):
        raise UsageError(f"{where}: settings is a table of NAME.FIELD = value")
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{name}": inner for name, inner in value.items()}
        elif "." in key or key in FLAGS:
            flat[key] = value
        else:
            raise UsageError(f"{where}: '{key}' is not NAME.FIELD{did_you_mean(key, FLAGS)}")
    return flat


def _list(text: Mapping[str, Any], key: str, where: str, form: str = "") -> list[Any]:
    entries = text.get(key, [])
    if not isinstance(entries, list):
        raise UsageError(f"{where}: write {form or f'[[{key}]], one for each'}")
    return entries


def _known(entry: Any, options: Sequence[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise UsageError(f"{where} is not a table of keys")
    for key in entry:
        if key not in options:
            raise UsageError(f"{where}: there is no key '{key}'{did_you_mean(key, options)}")


def _twice(values: Sequence[str]) -> str:
    """Return the first entry that is there more than once, or an empty text."""
    return next((value for place, value in enumerate(values) if value in values[:place]), "")
