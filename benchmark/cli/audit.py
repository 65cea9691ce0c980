"""``audit``: trains what it needs, measures, prints; a second call finds what the first has trained."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from inkbench.benchmark import escaping, registry
from inkbench.benchmark.audit.cues import Cue, CutsTiles, cues_of, shuffled_labels
from inkbench.benchmark.audit.measure import Figure, Gradient, accuracy, even_share, example, gradient
from inkbench.benchmark.audit.networks import Workshop
from inkbench.benchmark.audit.pictures import draw_average, draw_examples
from inkbench.benchmark.audit.report import Findings
from inkbench.benchmark.cli.launch import prepare, request_of
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.planning import planner
from inkbench.benchmark.planning.experiment import Pretraining
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.workspace import Workspace
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training import engine

EXAMPLES = 3


def audit(flags: argparse.Namespace, typed: Sequence[str]) -> int:
    """Audit the method that the flags name; prints the findings. Raises UsageError before anything is trained."""
    _check_tiled(flags.method)
    flags.no_baseline = True
    request = request_of(flags, [flags.method], [flags.task], typed)
    prepare(request)
    workspace, work = _plan(request)
    store = Store(request.results)
    if flags.dry_run:
        cues = ", ".join(cue.name for cue in cues_of(work.method))  # type: ignore[arg-type]
        print(f"audit of {work.method.name}: the network, two controls, and without: {cues}")
        return 0
    findings, pictures = _examine(workspace, work, store, retrain=not flags.no_retrain)
    folder = store.root / "audit" / work.key
    findings.write(folder, pictures)
    print(findings.json() if flags.json else escaping.lines(findings.text()))
    workspace.progress.say(f"pictures and page: {folder / 'index.html'}")
    return 0


def _check_tiled(name: str) -> None:
    """Refuse a method without tiles, naming those that have some."""
    method = registry.load_entry(registry.find("methods", name), "methods")
    if not _tiled(method):
        having = [other for other, kind in registry.usable("methods").items() if _tiled(kind)]
        raise UsageError(f"{name} does not use tiles and cannot be audited; methods that do: {', '.join(having)}")


def _tiled(method: type) -> bool:
    return issubclass(method, CutsTiles)


def _plan(request: Request) -> tuple[Workspace, Pretraining]:
    """Return the one pretraining of the request, and where it is done."""
    device = engine.start(1, request.precision, request.threads)
    data = open_dataset(request.data, request.preset, request.sets, request.results)
    pretrain_data = data
    if request.pretrain_data not in (None, request.data):
        pretrain_data = open_dataset(str(request.pretrain_data), request.preset, request.sets, request.results)
    work = planner.make(request, device, data, pretrain_data)
    pretrainings = work.pretrainings()
    if len(pretrainings) != 1:
        raise UsageError(f"audit takes one method with one set of settings and one seed, not {len(pretrainings)}")
    store, progress = Store(request.results), Progress(request.quiet)
    return Workspace(request, work, device, store, progress, lambda event: None), pretrainings[0]


def _examine(
    workspace: Workspace, work: Pretraining, store: Store, retrain: bool
) -> tuple[Findings, dict[str, np.ndarray]]:
    """Train and measure everything."""
    workspace.prepare(workspace.plan.pretrain_data)
    workshop = Workshop(workspace, work, store.root / "audit" / work.key)
    method: Any = work.method
    device = workspace.device
    backbone, net = workshop.trained(method, "trained")
    panels = workshop.panels(method, "val")
    count = len(panels.items)
    rows = np.linspace(0, count - 1, min(work.settings.held_out, count)).astype(np.int64)
    series = np.array([panels.items[row].series for row in rows])

    def solved(method: Any, backbone: Any, net: Any) -> Figure:
        return Figure.of(accuracy(device, method, backbone, net, workshop.panels(method, "val"), rows), series)

    gradients: dict[str, Gradient] = {"trained": gradient(device, method, net, panels, rows, series)}
    controls: dict[str, Figure] = {}
    for name, (own, other) in {
        "at initialisation": workshop.initial(method),
        "trained on shuffled labels": workshop.trained(shuffled_labels(method), "shuffled labels"),
    }.items():
        gradients[name] = gradient(device, method, other, panels, rows, series)
        controls[name] = solved(method, own, other)
    accuracies: dict[str, dict[str, Figure | None]] = {
        "nothing": {"at test time": solved(method, backbone, net), "retrained": None}
    }
    for cue in cues_of(method):
        without = cue.taken_from(method)
        workshop.initial(without)  # a method knows its backbone's input only once it is built
        retrained = _retrained(workshop, cue, without, solved) if retrain and cue.retrained else None
        accuracies[cue.name] = {"at test time": solved(without, backbone, net), "retrained": retrained}
    few = example(device, method, net, panels, rows[:: max(1, len(rows) // EXAMPLES)][:EXAMPLES])
    tile = few["tiles"].shape[2]
    findings = Findings(
        method=method.name,
        settings=method.config.changed(workspace.request.preset),
        data=f"{workspace.plan.pretrain_data.name} {workspace.plan.pretrain_data.fingerprint()[:8]}",
        even=even_share(tile),
        chance=method.trivial()["accuracy"],
        gradients={name: {"right": found.share, "sum": found.share_sum} for name, found in gradients.items()},
        accuracies=accuracies,
        controls=controls,
        transfer=_transfer(store, work),
    )
    pictures = {
        "input and gradient": draw_examples(few["tiles"], few["slope"]),
        "average gradient over a tile": draw_average({name: found.map for name, found in gradients.items()}),
    }
    return findings, {name.replace(" ", "-"): picture for name, picture in pictures.items()}


def _retrained(workshop: Workshop, cue: Cue, without: Any, solved: Any) -> Figure:
    own, other = workshop.trained(without, f"without {cue.name}")
    figure: Figure = solved(without, own, other)
    return figure


def _setting(record: Record) -> tuple[Any, ...]:
    """Return what a control row shares with the row that it is the control of."""
    return record.task, record.protocol, record.seed, record.preset, record.backbone, record.settings.task


def _transfer(store: Store, work: Pretraining) -> list[str]:
    """Return lines on the same weights' results on tasks, where those were run, with the control row beside."""
    lines = []
    records = [record for record in store.records() if record.status == "done"]
    for record in records:
        if record.pretraining != work.key:
            continue
        metric = record.primary
        line = f"transfer: {record.task} {metric} {record.metrics[metric].value:.3f}"
        for other in records:
            if other.method == "random" and _setting(other) == _setting(record):
                line += f" (random {other.metrics[metric].value:.3f})"
                break
        lines.append(line)
    return lines or ["transfer: no run with these weights; use the same flags without 'audit' and with a task"]
