"""``table NAME [--run]``: the cells of a declared table run where they are missing, then its rows from the store."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from benchmark.errors import Refusal
from benchmark.launch import pair, prepare, request_of
from benchmark.progress import Progress
from benchmark.request import Request
from benchmark.store import Store
from benchmark.supervise import run
from leaderboards import board, render, tables


def show_table(flags: argparse.Namespace, typed: Sequence[str]) -> int:
    """Print a declared table on standard output; gives 1 where a cell failed. Raises Refusal."""
    declared = tables.with_settings(tables.load(flags.name), [pair(text) for text in flags.set])
    store, progress = Store(flags.results), Progress(flags.quiet)
    status = _run_rows(tables.expand(declared), flags, typed, progress) if flags.run else 0
    if flags.dry_run or status == 2:
        return status
    made = board.declared_tables(store, declared)
    if not made:
        raise Refusal(
            f"nothing of table '{declared.name}' is in {store.root}; run it with: table {declared.name} --run"
        )
    for table in made:
        print(render.RENDERERS[flags.format](table), end="" if flags.format == "csv" else "\n")
        progress.say(f"table: {board.write(store, table)}")
    return status


def _run_rows(
    rows: Sequence[dict[str, Any]], flags: argparse.Namespace, typed: Sequence[str], progress: Progress
) -> int:
    """Run what the rows ask for, all of it checked before any is run; finished cells are found, not repeated."""
    requests = [_request(row, flags, typed) for row in rows]
    for request in requests:
        prepare(request)
    worst = 0
    for row, request in zip(rows, requests, strict=True):
        progress.say(f"row: {' '.join(row['methods'])} {' '.join(f'{key}={value}' for key, value in row['sets'])}")
        status, _ = run(request)
        if status == 2:
            return 2
        worst = max(worst, status)
    return worst


def _request(row: dict[str, Any], flags: argparse.Namespace, typed: Sequence[str]) -> Request:
    """The request of a row: its own fields over the flags."""
    own = argparse.Namespace(**{**vars(flags), "protocol": ",".join(row["protocols"])})
    for name in ("preset", "backbone", "init", "budget"):
        if name in row:
            setattr(own, name, row[name])
    return request_of(own, row["methods"], row["tasks"], typed, row["sets"])
