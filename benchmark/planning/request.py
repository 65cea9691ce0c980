"""The request of the command line, as a value that travels to the worker."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from inkbench.benchmark import registry
from inkbench.benchmark.config import PRESETS, SERIES_FROM, BackboneSettings, PretrainSettings
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.given import catalogue

SHARED_OWNERS = {"backbone": BackboneSettings, "pretrain": PretrainSettings}


def usual_threads() -> int:
    """Return the CPU threads of a run that does not set them: ``OMP_NUM_THREADS`` where it is set, else all cores."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() and int(told) else os.cpu_count() or 1


class Request(BaseModel):
    """A run: methods x tasks x protocols x seeds x grid, on named data, under a preset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    data: str = "synth"
    pretrain_data: str | None = None
    preset: str = "quick"
    protocols: tuple[str, ...] = ("frozen",)
    backbone: str | None = None
    weights: Path | None = None
    init: str | None = None
    seeds: int = Field(default=1, ge=1)
    budget: Literal["images", "flops"] = "images"
    transductive: bool = False
    exclude_suspects: bool = False
    sets: tuple[tuple[str, str], ...] = ()
    grid: tuple[tuple[str, tuple[str, ...]], ...] = ()
    results: Path = Path("results")
    devices: int = Field(default=1, ge=1)
    precision: Literal["auto", "32", "bf16"] = "auto"
    threads: int = Field(default_factory=usual_threads, ge=1, le=1024)
    robustness: bool = False
    """True if frozen runs are also tested on damaged images."""
    baseline: bool = True
    force: bool = False
    dry_run: bool = False
    lenient: bool = False
    """True if what cannot run here is declined with its reason, as under ``all``, instead of refused."""
    quiet: bool = False
    typed: tuple[str, ...] = ()
    started: str = ""

    def variants(self) -> list[tuple[tuple[str, str], ...]]:
        """Return the ``--set`` pairs of every point of the grid; one point where there is no grid."""
        axes = [[(key, value) for value in values] for key, values in self.grid]
        return [self.sets + point for point in itertools.product(*axes)]


PREDICTIONS = "predictions:"
IMAGENET = "imagenet"
"""The weights of ``--init`` that are those of ``--weights``, where these are given."""


def predicted(request: Request) -> list[Path]:
    """Return the paths of external predictions that a request names as ``predictions:PATH``, in order."""
    return [Path(name.removeprefix(PREDICTIONS)) for name in dict.fromkeys(request.methods) if _is_predicted(name)]


def all_methods(request: Request) -> bool:
    """Return whether every method is asked for, so that those that cannot run here are declined instead of refused."""
    return _named(request) == ["all"]


def _named(request: Request) -> list[str]:
    return [name for name in dict.fromkeys(request.methods) if not _is_predicted(name)]


def _is_predicted(name: str) -> bool:
    return name.startswith(PREDICTIONS)


def method_names(request: Request) -> list[str]:
    """Return the methods of a request in order, ``all`` opened, the control row ``random`` in front."""
    asked = registry.names("methods") if all_methods(request) else _named(request)
    if request.baseline and "random" not in asked:
        asked.insert(0, "random")
    return asked


def task_names(request: Request) -> list[str]:
    """Return the tasks of a request in order, ``all`` opened."""
    return registry.names("tasks") if request.tasks == ("all",) else list(dict.fromkeys(request.tasks))


def check_names(request: Request) -> None:
    """Refuse unknown methods, tasks and presets, and files that are not there."""
    for name in method_names(request):
        registry.find("methods", name)
    for name in task_names(request):
        registry.find("tasks", name)
    for path in predicted(request):
        if not path.exists():
            raise UsageError(f"--method {PREDICTIONS}{path}: there is no file or folder {path}")
    if request.preset not in PRESETS:
        raise UsageError(f"no preset '{request.preset}'{did_you_mean(request.preset, PRESETS)}")
    if request.weights is not None and not request.weights.is_file():
        why = "is a folder; give the file in it" if request.weights.is_dir() else "is not a file"
        raise UsageError(f"--weights {request.weights} {why}")
    init = request.init
    if init is not None and not is_named(init) and not Path(init).is_file():
        near = did_you_mean(init, ["imagenet", *catalogue.entries()])
        raise UsageError(f"--init takes a weights file or a name of given weights; there is no file {init}{near}")
    if init is not None and init != IMAGENET and is_named(init):
        catalogue.find(init)


def is_named(init: str) -> bool:
    """Return whether the weights of ``--init`` are those of a row, and no file."""
    return init == IMAGENET or catalogue.is_row(init)


def check_settings(request: Request, datasets: set[str]) -> None:
    """Refuse settings of what is unknown or takes no part in this run; ``datasets`` are the names of those that do."""
    methods = [registry.find("methods", name) for name in method_names(request)]
    tasks = [registry.find("tasks", name) for name in task_names(request)]
    known = {
        *registry.names("methods"),
        *registry.names("tasks"),
        *registry.names("datasets"),
        *(entry.name for entry in (*methods, *tasks)),
        *SHARED_OWNERS,
    }
    running = {*datasets, *(entry.name for entry in (*methods, *tasks)), *SHARED_OWNERS}
    for key, _ in request.grid:
        if key.split(".")[0] in datasets:
            raise UsageError(f"--grid {key}: all rows of a table share the data; use --set and a separate run")
    for key, _ in (*request.sets, *request.grid):
        if key == SERIES_FROM:
            continue
        owner, dot, field = key.partition(".")
        if not dot or not field:
            raise UsageError(f"--set and --grid take NAME.FIELD=VALUE, not '{key}'")
        if owner not in known:
            raise UsageError(f"'{key}': there is no '{owner}' to set{did_you_mean(owner, known)}")
        if owner not in running:
            raise UsageError(f"'{key}': this run has no {owner}; it has {', '.join(sorted(running))}")
