"""The parent's side of a run, from flags to tables, without torch."""

from __future__ import annotations

import argparse
import os
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from inkbench.benchmark import registry
from inkbench.benchmark.cli.flags import USUAL_PROTOCOL
from inkbench.benchmark.config import SERIES_FROM
from inkbench.benchmark.data.locate import heeds_series_from, open_dataset
from inkbench.benchmark.errors import UsageError, of_the_system
from inkbench.benchmark.planning.bounds import check_bounds
from inkbench.benchmark.planning.request import Request, check_names, check_settings, task_names, usual_threads
from inkbench.benchmark.progress import Progress, complain
from inkbench.benchmark.running import supervisor
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store

if TYPE_CHECKING:
    from inkbench.leaderboards.table import Table


def request_of(
    flags: argparse.Namespace,
    methods: Sequence[str],
    tasks: Sequence[str],
    typed: Sequence[str],
    sets: Sequence[tuple[str, str]] = (),
) -> Request:
    """Return the request that parsed run flags mean; ``sets`` are laid under those of the flags. Raises UsageError."""
    try:
        request = Request(
            methods=tuple(methods),
            tasks=tuple(tasks),
            data=flags.data,
            pretrain_data=flags.pretrain_data,
            preset=flags.preset,
            protocols=tuple((_few_shot(flags, tasks) or flags.protocol).split(",")),
            backbone=flags.backbone,
            weights=flags.weights,
            init=flags.init,
            seeds=flags.seeds,
            budget=flags.budget,
            transductive=flags.transductive,
            exclude_suspects=flags.exclude_suspects,
            sets=(*sets, *(pair(text) for text in flags.set), *series_from(flags), *_shots(flags)),
            grid=(
                *((key, tuple(values.split(","))) for key, values in map(pair, flags.grid)),
                *_label_fractions(flags.label_fraction, tasks),
            ),
            results=flags.results,
            devices=flags.devices,
            precision=flags.precision,
            threads=usual_threads() if flags.threads is None else flags.threads,
            robustness=flags.robustness,
            baseline=not flags.no_baseline,
            force=flags.force,
            dry_run=flags.dry_run,
            quiet=flags.quiet,
            typed=(*typed, *_plugged_in()),
            started=uuid.uuid4().hex,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']} (got {first['input']!r})"
        ) from None
    check_bounds(request)
    return request


def _plugged_in() -> list[str]:
    """Return the words that plug in what is plugged in, by a flag or the environment, for the record."""
    files = os.environ.get(registry.PLUGINS, "").split(os.pathsep)
    return [word for file in files if file for word in ("--plugin", file)]


def _shots(flags: argparse.Namespace) -> list[tuple[str, str]]:
    return [("classification.shots", flags.shots)] if flags.shots else []


def _few_shot(flags: argparse.Namespace, tasks: Sequence[str]) -> str:
    """Return the protocol that ``--shots`` means where no other is asked for. Raises UsageError without such a task."""
    if flags.shots and "classification" not in tasks:
        raise UsageError("--shots is of task classification: --task classification --shots 1,5,10")
    return "fewshot" if flags.shots and flags.protocol == USUAL_PROTOCOL else ""


def _label_fractions(text: str | None, tasks: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the grid axis that ``--label-fraction`` means for every task."""
    if text is None:
        return []
    names = registry.names("tasks") if list(tasks) == ["all"] else [registry.find("tasks", name).name for name in tasks]
    return [(f"{name}.label_fraction", tuple(text.split(","))) for name in names]


AS_ASKED = (*("preset", "changed", "given", "init", "weights", "transductive", "supervision", "data", "pretrain_data"),)
"""The fields of a record that are of the request and not of the number (supervision: a card may have come since)."""

WRITTEN = ("cells", "backbones", "runs", "networks", "cache", "cache/images")
"""The folders of a results folder that a run cannot do without; what else cannot be written costs time."""


def prepare(request: Request) -> None:
    """Refuse a request that cannot be carried out, before a worker is started."""
    check_names(request)
    for name in task_names(request):
        if file := registry.find("tasks", name).file:
            registry.plug(file)  # its tables ask for the scorer by the task's name
    named = {request.data, request.pretrain_data or request.data}
    datasets = [open_dataset(name, request.preset, request.sets, request.results) for name in named]
    check_settings(request, {dataset.reader for dataset in datasets})
    if not any(dataset.guesses for dataset in datasets):
        heeds_series_from(datasets[0], request.sets)
    if not request.dry_run:
        Store(request.results).check_writable(*WRITTEN)


def launch(request: Request) -> int:
    """Refuse or run a request, print its tables on standard output; gives the exit status."""
    prepare(request)
    store = Store(request.results)
    status, planned = supervisor.run(request)
    if status != 2 and not request.dry_run:
        records = [record for experiment in planned if (record := _as_asked(store, experiment))]
        written = show(store, records, Progress(request.quiet), [key for key, _ in request.grid])
        status = max(status, int(not written))
    return status


def _as_asked(store: Store, experiment: Record) -> Record | None:
    """Return the record of an experiment as this command asked for it: another preset may have made it before."""
    record = store.known(experiment.id)
    return record and record.but(**{name: getattr(experiment, name) for name in AS_ASKED})


def show(store: Store, records: Sequence[Record], progress: Progress, axes: Sequence[str] = ()) -> bool:
    """Print the tables of records, write them under results/tables, name the failed runs; gives whether all is written.

    ``axes`` are the settings of ``--grid``; those of methods and of their pretraining get a column each.
    """
    from inkbench.leaderboards import build, render
    from inkbench.leaderboards.combine.overall import overall

    written, tasks = True, {record.task for record in records}
    axes = [key for key in axes if key.partition(".")[0] not in {*tasks, "backbone"}]
    tables = build.tables(store, records, axes=axes)
    whole = overall(build.tables(store, records) if axes else tables) if len(tables) > 1 else None
    for table in [*tables, *([whole] if whole else [])]:
        print(render.text(table))
        written = write_table(store, table, progress) and written
    for record in records:
        if record.status == "failed":
            complain(f"failed: {record.method} on {record.task}, seed {record.seed}: {record.reason}")
            _show_log(store, record)
    done = [record for record in records if record.status == "done"]
    if done:
        progress.say(f"records: {store.root / 'cells'}; pictures: {store.root / 'runs'}")
    return written


def write_table(store: Store, table: Table, progress: Progress) -> bool:
    """Write a printed table under results/tables; gives False, and says why, where the disk does not take it."""
    from inkbench.leaderboards import build

    try:
        progress.say(f"table: {build.write(store, table)}")
    except OSError as error:
        complain(f"the table is not written ({of_the_system(error)}); its runs are recorded")
        return False
    return True


def _show_log(store: Store, record: Record) -> None:
    if record.log:
        path = store.root / record.log
        try:
            lines = path.read_text().strip().splitlines()
        except (OSError, ValueError):
            return  # it is gone; the record has the reason
        for line in [*lines[-3:], f"full log: {path}"]:
            complain(f"    {line}")


def pair(text: str) -> tuple[str, str]:
    """Split ``NAME.FIELD=VALUE`` into key and value. Raises UsageError."""
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set and --grid take NAME.FIELD=VALUE, not '{text}'")
    return key.strip(), value


def series_from(flags: argparse.Namespace) -> list[tuple[str, str]]:
    """Return the pair of ``--series-from``; none where it is not given."""
    return [(SERIES_FROM, flags.series_from)] if flags.series_from is not None else []
