"""``table NAME``: a declared table from what has been run; ``--run`` runs what is missing first."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from benchmark.errors import Refusal
from benchmark.progress import Progress
from benchmark.store import Store
from leaderboards import board, render, tables
from leaderboards.rows import Record
from leaderboards.table import Table

RENDERERS = {"text": render.text, "md": render.markdown, "csv": render.csv}


def table(flags: argparse.Namespace, words: Sequence[str]) -> int:
    """Print the table ``flags.name`` and write it under results/tables; gives the exit status.

    Without ``--run`` every dataset and preset that its rows were run with, each a table of its own; with it,
    those that the run touched. Raises Refusal.
    """
    declared = tables.load(flags.name)
    store = Store(flags.results)
    status, touched = _run(flags, declared, words) if flags.run else (0, None)
    if status == 2 or (flags.run and flags.dry_run):
        return status
    found = tables.match(declared, list(store.records()))
    parts = _touched(found, touched)
    if not parts:
        raise Refusal(
            f"table {declared.name}: none of its rows is in {store.root}; run_benchmark.py table {flags.name} --run"
        )
    store.check_writable()
    made = board.tables(store, parts, declared)
    print(_rendered(made, flags.format))
    for each in made:
        Progress(flags.quiet).say(f"table: {board.write(store, each)}")
    return status


def _rendered(made: Sequence[Table], form: str) -> str:
    if form != "json":
        return "\n".join(RENDERERS[form](each) for each in made).rstrip("\n")
    if len(made) == 1:
        return render.json(made[0]).rstrip("\n")
    return json.dumps([json.loads(render.json(each)) for each in made], indent=1, ensure_ascii=False)


def _run(flags: argparse.Namespace, declared: tables.TableFile, words: Sequence[str]) -> tuple[int, set[str]]:
    """Run all rows; everything is checked before the first one starts."""
    from benchmark import supervise
    from benchmark.launch import prepare, request_of

    requests = []
    for wanted in tables.expand(declared):
        fixed: dict[str, Any] = {key: wanted[key] for key in ("protocols", *tables.FLAGS[1:]) if key in wanted}
        request = request_of(flags, wanted["methods"], wanted["tasks"], words, wanted["sets"])
        requests.append(request.model_copy(update=fixed))
    for request in requests:
        prepare(request)
    status, touched = 0, set()
    for request in requests:
        ended, ids = supervise.run(request)
        status = max(status, ended)
        touched |= set(ids)
        if ended == 2:
            break
    return status, touched


def _touched(found: Sequence[Record], ids: set[str] | None) -> list[Record]:
    """The records of the datasets and presets that ``ids`` belong to; all where there is no such set."""
    if ids is None:
        return list(found)
    wanted = {_part(record) for record in found if record["id"] in ids}
    return [record for record in found if _part(record) in wanted]


def _part(record: Record) -> tuple[str, str]:
    return record["data"]["fingerprint"], record["preset"]
