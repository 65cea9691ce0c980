"""``table NAME [--run]``: the cells of a declared table run where they are missing, then its rows from the store."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from benchmark.errors import Refusal
from benchmark.launch import prepare, request_of
from benchmark.progress import Progress
from benchmark.store import Store
from benchmark.supervise import run
from leaderboards import board, render, tables

RENDERERS = {"text": render.text, "md": render.markdown, "csv": render.csv, "json": render.json}


def show_table(flags: argparse.Namespace, typed: Sequence[str]) -> int:
    """Print a declared table on standard output; gives 1 where a cell failed. Raises Refusal."""
    declared = tables.load(flags.name)
    store, progress = Store(flags.results), Progress(flags.quiet)
    status = (
        max((_run_row(row, flags, typed, progress) for row in tables.expand(declared)), default=0) if flags.run else 0
    )
    if flags.dry_run or status == 2:
        return status
    records = tables.match(declared, list(store.records()))
    if not records:
        raise Refusal(
            f"nothing of table '{declared.name}' is in {store.root}; run it with: table {declared.name} --run"
        )
    for table in board.tables(store, records, declared):
        print(RENDERERS[flags.format](table), end="" if flags.format == "csv" else "\n")
        progress.say(f"table: {board.write(store, table)}")
    return status


def _run_row(row: dict[str, Any], flags: argparse.Namespace, typed: Sequence[str], progress: Progress) -> int:
    """Run what one row asks for; finished cells are found, not repeated."""
    own = argparse.Namespace(**{**vars(flags), "protocol": ",".join(row["protocols"])})
    for name in ("preset", "backbone", "init", "budget"):
        if name in row:
            setattr(own, name, row[name])
    request = request_of(own, row["methods"], row["tasks"], typed, row["sets"])
    progress.say(f"row: {' '.join(row['methods'])} {' '.join(f'{key}={value}' for key, value in row['sets'])}")
    prepare(request)
    status, _ = run(request)
    if status == 2:
        print(f"run_benchmark.py: table {flags.name} stopped at this row", file=sys.stderr)
    return status
