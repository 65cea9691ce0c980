"""``table NAME [--run]``: run the experiments of a declared table that are missing, then its rows from the store."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

from inkbench.benchmark.cli.launch import pair, prepare, request_of, write_table
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.supervisor import run
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import across, build, render
from inkbench.leaderboards.declared import load, spec


def show_table(flags: argparse.Namespace, typed: Sequence[str]) -> int:
    """Print a declared table on standard output; gives 1 where a run failed. Raises UsageError."""
    declared = spec.with_settings(load.load(flags.name), [pair(text) for text in flags.set])
    if any(word.partition("=")[0] == "--protocol" for word in typed):
        declared = spec.with_protocol(declared, flags.protocol)
    if flags.task:
        declared = spec.with_task(declared, flags.task)
    if flags.init and declared.given:
        declared = spec.with_given(declared, flags.init)
        flags.init = None
    if flags.reference:
        declared = spec.with_reference(declared, flags.reference)
    if flags.run and declared.across:
        raise UsageError(f"table {declared.name} shows what was run; run its rows with --method NAMES --task NAMES")
    store, progress = Store(flags.results), Progress(flags.quiet)
    status = _run_rows(spec.expand(declared), flags, typed, progress) if flags.run else 0
    if flags.dry_run or status == 2:
        return status
    store.sweep()
    made = build.declared_tables(store, declared)
    if not made:
        raise UsageError(
            f"no rows of table '{declared.name}' found in {store.root}; run "
            + ("some with --method NAMES --task NAMES" if declared.across else f"it with: table {declared.name} --run")
        )
    if declared.reference:
        across.require_reference(made, declared.reference)
    for table in made:
        print(render.RENDERERS[flags.format](table), end="" if flags.format == "csv" else "\n")
        status = max(status, int(not write_table(store, table, progress)))
    return status


def _run_rows(
    rows: Sequence[dict[str, Any]], flags: argparse.Namespace, typed: Sequence[str], progress: Progress
) -> int:
    """Run what the rows ask for, all of it checked before any is run; finished runs are found, not repeated.

    What cannot run here (weights out of reach) is a row with its reason; a dataset that the table names and that is
    not here leaves its column empty, and says so. Raises UsageError where that leaves nothing.
    """
    requests = _that_can_run([(row, _request(row, flags, typed)) for row in rows], progress)
    began, worst = time.monotonic(), 0
    for number, (row, request) in enumerate(requests):
        spent = time.monotonic() - began
        left = f", about {spent / number * (len(requests) - number) / 60:.0f} min left" if number else ""
        words = [*row["methods"], *(f"{key}={value}" for key, value in row["sets"]), "on", *row["tasks"]]
        progress.say(f"row {number + 1} of {len(requests)}{left}: {' '.join(words)} {' '.join(row['protocols'])}")
        status, _ = run(request)
        if status == 2:
            return 2
        worst = max(worst, status)
    return worst


def _that_can_run(
    requests: Sequence[tuple[dict[str, Any], Request]], progress: Progress
) -> list[tuple[dict[str, Any], Request]]:
    """Return the rows whose dataset is here; refuse every other fault."""
    kept: list[tuple[dict[str, Any], Request]] = []
    lacking: dict[str, UsageError] = {}
    for row, request in requests:
        if "data" in row:
            try:
                open_dataset(request.data, request.preset, request.sets, request.results)
            except UsageError as absent:
                lacking[request.data] = absent
                continue
        prepare(request)
        kept.append((row, request))
    for name, refusal in lacking.items():
        progress.say(f"columns of {name} omitted: {refusal}")
    if not kept:
        raise next(iter(lacking.values()))
    return kept


def _request(row: dict[str, Any], flags: argparse.Namespace, typed: Sequence[str]) -> Request:
    """Return the request of a row: its own fields over the flags."""
    own = argparse.Namespace(**{**vars(flags), "protocol": ",".join(row["protocols"])})
    for name in ("preset", "backbone", "init", "budget", "data"):
        if name in row:
            setattr(own, name, row[name])
    return request_of(own, row["methods"], row["tasks"], typed, row["sets"]).model_copy(update={"lenient": True})
