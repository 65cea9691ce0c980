"""An index of what a table must know of every record to find its own; a cache of the records."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from inkbench.benchmark.store.record import Record, Summary
from inkbench.benchmark.store.sealed import SealedFiles
from inkbench.benchmark.store.store import Store

KEY = "records-6"
SUMMARY = set(Summary.model_fields)


class Brief(NamedTuple):
    """Fields of a record that can be asked before the rest of what the index keeps is read."""

    task: str
    protocol: str
    method: str
    changed: dict[str, Any]
    """The settings that differ from the preset's."""


class _Line(NamedTuple):
    stamp: list[int]
    brief: Brief
    kept: str
    """JSON of a ``Summary``."""


def summaries(store: Store, wanted: Callable[[Brief], bool] = lambda brief: True) -> list[Summary]:
    """Return the summary of every wanted record, in the order of their names.

    Only records that are new or changed (by their times, size and inode) since the last call are read. Files
    that are no records are named on standard error each time, as ``Store.records`` does.
    """
    store.check_folder()
    kept = SealedFiles(store.root / "cache")
    known = _recall(kept.read(KEY))
    found: dict[str, _Line] = {}
    for folder, name, stamp in _files(store.root / "cells"):
        line = known.get(name)
        if line is None or not stamp or line.stamp != stamp:
            record = store.record_or_none(Path(folder, name), orjson.loads)
            if record is None:
                continue
            line = _line(stamp, record)
        found[name] = line
    if found != known:
        kept.write(KEY, "\n".join(_written(found)).encode())
    return [Summary.model_validate_json(found[name].kept) for name in sorted(found) if wanted(found[name].brief)]


def _line(stamp: list[int], record: Record) -> _Line:
    brief = Brief(record.task, record.protocol, record.method, record.changed)
    return _Line(stamp, brief, record.model_dump_json(include=SUMMARY, exclude_unset=True))


def _files(records: Path) -> Iterator[tuple[str, str, list[int]]]:
    """Yield the folder, name and stamp of every record's file."""
    folders = [entry.path for entry in os.scandir(records) if entry.is_dir()] if records.is_dir() else []
    for folder in folders:
        for entry in os.scandir(folder):
            if entry.name.endswith(".json") and not entry.name.startswith("."):
                yield folder, entry.name, _stamp(entry)


def _stamp(entry: os.DirEntry[str]) -> list[int]:
    """Return what changes with a file's content; empty for what cannot be looked at, which is then read and told."""
    try:
        stat = entry.stat()
    except OSError:
        return []
    return [stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino]


def _written(lines: dict[str, _Line]) -> Iterator[str]:
    for name, line in lines.items():
        yield f"{orjson.dumps([name, line.stamp, tuple(line.brief)]).decode()}\t{line.kept}"


def _recall(data: bytes | None) -> dict[str, _Line]:
    """Read the index as it was left; empty where there is none, or one of another version."""
    known = {}
    for line in data.decode().split("\n") if data else []:
        start, _, kept = line.partition("\t")
        name, stamp, brief = orjson.loads(start)
        known[name] = _Line(stamp, Brief(*brief), kept)
    return known
