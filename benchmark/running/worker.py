"""A worker process (one rank): plans, then drains, and tells its parent what it is doing."""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inkbench.benchmark import stopping, streams
from inkbench.benchmark.errors import DEBUG, NotApplicable, UsageError
from inkbench.benchmark.progress import complain

if TYPE_CHECKING:
    from inkbench.benchmark.planning.experiment import Plan
    from inkbench.benchmark.planning.request import Request

EVENTS_FD = "INKBENCH_EVENTS_FD"
PARENT = "INKBENCH_PARENT"


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies, so that a killed run leaves nothing computing.

    A parent that died before it could be asked for is seen by its number.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.environ.get(PARENT, str(os.getppid())) != str(os.getppid()):
        sys.exit(1)


def main() -> int:
    """Read a request from standard input, carry it out; 0 done, 2 refused (one line on standard error)."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too, and ends its workers
    first = os.environ.get("RANK", "0") == "0"  # it stops after a step of all ranks, and the parent ends the others
    try:
        with stopping.at_next_step() if first else stopping.ignored():
            return _work()
    except stopping.Stopped as stop:
        return stop.status
    except ImportError as error:  # a package is missing or broken; what a run imports fails that run alone
        if first:
            _tell(error)
        return 2


def _work() -> int:
    streams.show_what_can_be_shown()
    warnings.filterwarnings("ignore", module=r"(torch|lightning|timm|faster_coco_eval|pycocotools).*")
    asked = json.loads(sys.stdin.read())
    from inkbench.benchmark import registry
    from inkbench.benchmark.data.locate import open_dataset
    from inkbench.benchmark.planning import estimate, planner, space
    from inkbench.benchmark.planning.request import Request
    from inkbench.benchmark.progress import Progress
    from inkbench.benchmark.running import runner
    from inkbench.benchmark.running.records import base_record
    from inkbench.benchmark.running.workspace import Workspace
    from inkbench.benchmark.store.store import Store
    from inkbench.benchmark.training import engine

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    request = Request.model_validate(asked["request"])
    first = os.environ.get("RANK", "0") == "0"
    progress = Progress(quiet=request.quiet or not first)
    try:
        device = engine.start(request.devices, request.precision, request.threads)
        registry.plug_in(os.environ.get(registry.PLUGINS, ""))
        data = open_dataset(request.data, request.preset, request.sets, request.results)
        pretrain_data = data
        if request.pretrain_data not in (None, request.data):
            pretrain_data = open_dataset(str(request.pretrain_data), request.preset, request.sets, request.results)
        stopping.check()
        for used in (data, pretrain_data):
            used.verify(progress)
        work = planner.make(request, device, data, pretrain_data)
        space.require_space(work, request.results, request.robustness)
        if not request.dry_run:
            space.require_folders(work, Store(request.results))
        estimated = estimate.show(work, device, Store(request.results)) if request.dry_run else ""
    except Exception as error:
        if first:
            _tell(error)
        return 2
    for note in [*work.notes, *_precision(work, request)]:
        progress.say(note)
    if request.dry_run:
        if first:
            with contextlib.suppress(BrokenPipeError):
                print(estimated, flush=True)
        return 0
    report = _reporter()
    report(
        {
            "event": "plan",
            "cells": [base_record(experiment, work, request).to_json() for experiment in work.experiments],
        }
    )
    try:
        workspace = Workspace(request, work, device, Store(request.results), progress, report)
        runner.Runner(workspace).execute(frozenset(asked["skip"]))
    except runner.Crash:
        return 70
    return 0


def _precision(work: Plan, request: Request) -> list[str]:
    """Return the line that says what ``--precision auto`` is here, by backbone where they differ."""
    used = {
        experiment.backbone: str(experiment.identity["precision"])
        for experiment in work.experiments
        if experiment.backbone
    }
    if request.precision != "auto" or not used:
        return []
    if len(kinds := set(used.values())) == 1:
        return [f"--precision auto: {kinds.pop()}"]
    return ["--precision auto: " + ", ".join(f"{precision} for {name}" for name, precision in used.items())]


def _tell(error: Exception) -> None:
    """Say why nothing can be done: a refusal as it is, anything else with its kind and how to see where."""
    if isinstance(error, UsageError | NotApplicable):
        complain(f"run_benchmark.py: {error}")
        return
    if DEBUG in os.environ:
        traceback.print_exception(error, file=sys.stderr)
    what = f"{type(error).__name__}: {' '.join(str(error).split())}"
    complain(f"run_benchmark.py: planning failed, nothing was run ({what}); {DEBUG}=1 shows where")


def _reporter() -> Any:
    """Return a function that sends one event to the parent; silent on ranks other than 0."""
    if EVENTS_FD not in os.environ:
        return lambda event: None
    pipe = os.fdopen(int(os.environ[EVENTS_FD]), "w", buffering=1)

    def report(event: Mapping[str, Any]) -> None:
        pipe.write(json.dumps(event) + "\n")
        pipe.flush()

    return report


if __name__ == "__main__":
    sys.exit(main())
