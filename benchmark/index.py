"""What a table must know of every record to find its own, without reading them all again: an index that is a cache."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from benchmark.store import Store, write_atomic

VERSION = 1
KEPT = (
    *("id", "status", "method", "task", "protocol", "family", "seed", "preset", "transductive"),
    *("data", "pretrain_data", "backbone", "changed", "settings"),
)
"""What of a record the index keeps: what rows of tables are found by."""
Entry = tuple[list[int], dict[str, Any]]


def summaries(store: Store) -> list[dict[str, Any]]:
    """What is ``KEPT`` of every record, in the order of their names.

    Only records that are new or changed (by modification time, size and inode) since the last call are read. Files
    that are no records are named on standard error each time, as ``Store.records`` does.
    """
    store.check_folder()
    path = store.root / "cache" / "records.json"
    known = _recall(path)
    found: dict[str, Entry] = {}
    for folder, name, stamp in _files(store.root / "cells"):
        entry = known.get(name)
        if entry is None or entry[0] != stamp:
            record = store.record_or_none(Path(folder, name))
            if record is None:
                continue
            entry = stamp, {key: record[key] for key in KEPT if key in record}
        found[name] = entry
    if found != known:
        write_atomic(path, json.dumps({"version": VERSION, "records": found}, separators=(",", ":")).encode())
    return [found[name][1] for name in sorted(found)]


def _files(cells: Path) -> list[tuple[str, str, list[int]]]:
    """Folder, name and stamp of every record's file."""
    listed = []
    folders = [entry.path for entry in os.scandir(cells) if entry.is_dir()] if cells.is_dir() else []
    for folder in folders:
        for entry in os.scandir(folder):
            if entry.name.endswith(".json") and not entry.name.startswith("."):
                stat = entry.stat()
                listed.append((folder, entry.name, [stat.st_mtime_ns, stat.st_size, stat.st_ino]))
    return listed


def _recall(path: Path) -> dict[str, Entry]:
    """The index as it was left; empty where there is none, or one that cannot be read."""
    try:
        read = json.loads(path.read_bytes())
        if read["version"] != VERSION:
            return {}
        return {name: (stamp, kept) for name, (stamp, kept) in read["records"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
