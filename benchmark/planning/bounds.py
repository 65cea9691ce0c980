"""Bounds of a request, held before anything is planned: what is asked for is counted by multiplication."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

from inkbench.benchmark import registry
from inkbench.benchmark.errors import UsageError, brief, plural
from inkbench.benchmark.planning.request import Request, method_names, predicted, task_names

MOST_SEEDS = 1_000
MOST_RUNS = 10_000
"""Runs that one command plans: a plan is held in memory, some kilobytes a run."""
LONGEST_NAME = 255
"""Bytes of a file's name, on Linux."""
LONGEST_PATH = 4_095
"""Bytes of a path, on Linux."""
BELOW_RESULTS = 245
"""Bytes that the longest name of what lies in a results folder takes."""


def check_bounds(request: Request) -> None:
    """Raise UsageError, with the number that is asked for and how to go on, where a request is above a bound."""
    if request.seeds > MOST_SEEDS:
        raise UsageError(f"--seeds {_told(request.seeds)}: a run takes at most {MOST_SEEDS:,} seeds")
    _check_names(request)
    _check_paths(request)
    _check_devices(request)
    _check_runs(request)


def _check_names(request: Request) -> None:
    flags = {
        "--method": request.methods,
        "--task": request.tasks,
        "--protocol": request.protocols,
        "--preset": (request.preset,),
        "--backbone": (request.backbone or "",),
        "--set": [key for key, _ in request.sets],
        "--grid": [key for key, _ in request.grid],
    }
    for flag, names in flags.items():
        for name in names:
            if os.sep not in name and _size(name) > LONGEST_NAME:
                raise UsageError(f"{flag} {brief(name)}: {_long('a name', _size(name), LONGEST_NAME)}")


def _check_paths(request: Request) -> None:
    _check_path("--results", str(request.results), LONGEST_PATH - BELOW_RESULTS)
    methods = [name for name in request.methods if os.sep in name]
    given = [("--data", request.data), ("--pretrain-data", request.pretrain_data), ("--init", request.init)]
    given += [("--weights", str(request.weights or "")), *(("--method", path) for path in methods)]
    for flag, path in given:
        _check_path(flag, path or "", LONGEST_PATH)


def _check_path(flag: str, path: str, longest: int) -> None:
    first, *names = path.split("/")
    for name in (re.split("[=:]", first)[-1], *names):  # the first follows NAME= or LAYOUT: where it is of data
        if _size(name) > LONGEST_NAME:
            raise UsageError(f"{flag} {brief(path)}: {_long('a name', _size(name), LONGEST_NAME)}")
    if (size := _size(os.path.abspath(path))) > longest:  # noqa: PTH100
        raise UsageError(f"{flag} {brief(path)}: {_long('a path', size, longest)}; give a shorter one")


def _check_devices(request: Request) -> None:
    """Refuse more ranks than cores and GPUs; a worker, which has torch, counts the GPUs that it may use."""
    cards = Path("/proc/driver/nvidia/gpus")
    most = max(os.cpu_count() or 1, len(list(cards.iterdir())) if cards.is_dir() else 0)
    if request.devices > most:
        raise UsageError(
            f"--devices {_told(request.devices)}: one process runs on each GPU, or on a core where there is none, and "
            f"this machine takes at most {most}"
        )


def _check_runs(request: Request) -> None:
    """Refuse more runs than can be planned, counted as methods x protocols of tasks x seeds x points of the grid."""
    methods, protocols = len(method_names(request)) + len(predicted(request)), sum(_protocols(request))
    points = math.prod(len(values) for _, values in request.grid)
    runs = methods * protocols * request.seeds * points
    if runs > MOST_RUNS:
        raise UsageError(
            f"this asks for {_told(runs)} runs ({plural(methods, 'method')} x {plural(protocols, 'protocol')} of tasks "
            f"x {plural(request.seeds, 'seed')} x {_told(points)} of --grid), and one command plans at most "
            f"{MOST_RUNS:,}; split --grid or --seeds over several commands: what is finished is not repeated"
        )


def _protocols(request: Request) -> Iterator[int]:
    """Yield how many protocols are asked for of each task; a task is loaded only where they are its own to name."""
    for name in task_names(request):
        if "all" in request.protocols:
            yield len(registry.load("tasks", name).protocols)  # type: ignore[attr-defined]
        else:
            yield len(request.protocols) + request.protocols.count("both")


def _told(count: int) -> str:
    """Return a number in full, or its magnitude where nobody would read it."""
    return f"{count:,}" if count < 10**18 else f"about 10^{int(math.log10(count))}"


def _long(what: str, size: int, longest: int) -> str:
    return f"{what} of {size:,} bytes, and at most {longest:,} are taken"


def _size(text: str) -> int:
    return len(os.fsencode(text))
