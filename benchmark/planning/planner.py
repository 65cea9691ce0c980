"""The plan of a request: every experiment, or one line that says what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import timm

from inkbench.benchmark import registry
from inkbench.benchmark.api import Dataset, Method, Task
from inkbench.benchmark.contracts.dataset import SPLITS
from inkbench.benchmark.data.cut import whole_pages
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.given import catalogue
from inkbench.benchmark.networks.backbones import DEFAULTS
from inkbench.benchmark.networks.timm_models import untagged
from inkbench.benchmark.planning.asked import begun_with, plugin, require
from inkbench.benchmark.planning.builder import Rows
from inkbench.benchmark.planning.experiment import Experiment, Plan
from inkbench.benchmark.planning.point import Point
from inkbench.benchmark.planning.pool import is_pool
from inkbench.benchmark.planning.request import IMAGENET, Request, all_methods, method_names, predicted, task_names
from inkbench.benchmark.training.engine import Device

FAMILIES = ("frozen", "finetune")
CONTROL = "random"


def make(request: Request, device: Device, data: Dataset, pretrain_data: Dataset) -> Plan:
    """Make the plan of a request. Raises UsageError for any fault, before anything is drawn, trained or written."""
    experiments: dict[str, Experiment] = {}
    notes = []
    for task_name in _usable(task_names(request), "tasks", request.tasks == ("all",)):
        for pairs in request.variants():
            task: Task = plugin(registry.load("tasks", task_name), request, pairs)
            told = task.bind(data)
            if why := _lacks_task(task, data, request):
                notes.append(f"left out: {why}")
                continue
            notes += [line for line in told if line not in notes]
            for protocol in _protocols(task, request.protocols):
                family = task.protocols[protocol]
                if why := _lacks_protocol(task, protocol, data, request):
                    notes.append(f"left out: {why}")
                    continue
                point = Point(request, pairs, device, data, pretrain_data, task, protocol, family)
                found = _without_backbone(Rows(point), request)
                for backbone, methods in _blocks(request).items():
                    rows = Rows(point, backbone)
                    found += [rows.method(name, seed) for name in methods for seed in range(request.seeds)]
                experiments |= {experiment.id: experiments.get(experiment.id, experiment) for experiment in found}
    datasets = [data] if pretrain_data is data else [data, pretrain_data]
    notes += [line for dataset in datasets if (line := dataset.changes())]
    notes += dict.fromkeys(experiment.told for experiment in experiments.values() if experiment.told)
    if any(experiment.pretraining for experiment in experiments.values()) and (line := whole_pages.told(pretrain_data)):
        notes.append(f"{pretrain_data.name}: {line}")
    plan = Plan(list(experiments.values()), data, pretrain_data, notes)
    _refuse_idle_flags(request, plan)
    return plan


def _lacks_task(task: Task, data: Dataset, request: Request) -> str:
    """Return why data cannot serve a task, where it was not asked for by name. Raises UsageError where it was."""
    try:
        require(task.needs(), data, f"task {task.name}")
        for split in SPLITS:
            data.require(task.view().kind, split)
    except UsageError as reason:
        if request.tasks != ("all",):
            raise
        return str(reason)
    return ""


def _lacks_protocol(task: Task, protocol: str, data: Dataset, request: Request) -> str:
    """Return why data cannot serve a protocol, under the same rule."""
    try:
        require(task.needs_for(protocol), data, f"{task.name}/{protocol}")
    except UsageError as reason:
        if request.protocols != ("all",):
            raise
        return str(reason)
    return ""


def _blocks(request: Request) -> dict[str, list[str]]:
    """Group the methods by their backbone, each block with the control row in front where it is asked for.

    Without ``--backbone`` a method that wants another kind of backbone has a block, and a control row, of its own.
    """
    asked = _usable(method_names(request), "methods", all_methods(request))
    others = [name for name in asked if name != CONTROL]
    found: dict[str, list[str]] = {}
    for name in others or asked:
        method: Any = registry.load_entry(registry.find("methods", name), "methods")
        own = untagged(method.architecture) or _network(request) or _network_of_init(method, request)
        own = own or DEFAULTS[method.backbones][request.preset]
        found.setdefault(own, []).append(name)
    if CONTROL in asked and others:
        found = {backbone: [CONTROL, *names] for backbone, names in found.items()}
    return found


def _network(request: Request) -> str:
    """Return the network that ``--backbone`` names, itself or by weights of the catalogue; empty where none."""
    name = request.backbone or ""
    is_weights = name in catalogue.entries() and not timm.is_model(name)
    return untagged(catalogue.find(name).backbone) if is_weights else name


def _network_of_init(method: Method, request: Request) -> str:
    """Return the network of the catalogued weights that a pretext task starts from; empty for any other row."""
    first = begun_with(request)
    return untagged(first.backbone) if first and method.pretrains else ""


def _usable(names: Sequence[str], kind: str, everything: bool) -> Sequence[str]:
    """Return the names without those that cannot be loaded, where everything was asked for and none by its name."""
    known = registry.usable(kind) if everything else names
    return [name for name in names if name in known]


def _refuse_idle_flags(request: Request, plan: Plan) -> None:
    """Refuse flags that no experiment heeds, and a plan without experiments."""
    if not plan.experiments:
        raise UsageError(f"no task can run on {plan.data.name}: {'; '.join(plan.notes)}")
    if (
        request.weights is not None
        and not any(experiment.weights for experiment in plan.experiments)
        and request.init != IMAGENET
    ):
        raise UsageError(
            "--weights is only used by methods like imagenet; to start a pretext task from weights: --init FILE"
        )
    if request.robustness and not any(one.family == "frozen" and one.backbone for one in plan.experiments):
        raise UsageError("--robustness tests frozen runs of a backbone, and this plan has none; add --protocol frozen")
    if request.exclude_suspects and request.transductive:
        raise UsageError("--exclude-suspects leaves out what --transductive includes; use only one of them")
    if request.transductive and is_pool(plan.data, plan.pretrain_data):
        raise UsageError("--transductive applies to the task's own data; another --pretrain-data is read completely")
    idle = {
        "--init": request.init,
        "--transductive": request.transductive,
        "--exclude-suspects": request.exclude_suspects,
        "--pretrain-data": request.pretrain_data,
    }
    for flag, value in idle.items():
        if value and not plan.pretrainings() and not any(experiment.declined for experiment in plan.experiments):
            raise UsageError(f"{flag} applies to pretext tasks, and none of {', '.join(request.methods)} has one")


def _without_backbone(rows: Rows, request: Request) -> list[Experiment]:
    """Return the rows without a backbone: trivial, reference and external predictions, where they are asked for."""
    names = [f"trivial:{name}" for name in rows.task.trivial] + [f"reference:{name}" for name in rows.task.references]
    return [
        *(rows.baseline(name) for name in names if request.baseline),
        *(rows.predicted(path) for path in predicted(request)),
    ]


def _protocols(task: Task, asked: tuple[str, ...]) -> list[str]:
    """Return the protocols that names and families mean: of a family its first one, ``both`` families', or ``all``."""
    first: dict[str, str] = {}
    for protocol, family in task.protocols.items():
        first.setdefault(family, protocol)
    chosen: list[str] = []
    for name in asked:
        families = FAMILIES if name == "both" else (name,)
        matches = [
            protocol
            for protocol in task.protocols
            if name in ("all", protocol, protocol.partition("@")[0], f"{task.name}/{protocol}")
            or any(first.get(family) == protocol for family in families)
        ]
        if not matches:
            known = [*task.protocols, *FAMILIES, "both", "all"]
            raise UsageError(f"{task.name} has no protocol '{name}'{did_you_mean(name, known)}")
        chosen += [match for match in matches if match not in chosen]
    return chosen
