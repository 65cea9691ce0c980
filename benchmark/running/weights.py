"""Backbones as they are handed over: given, read from a finished pretraining, or pretrained first."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from inkbench.benchmark.contracts.dataset import Dataset
from inkbench.benchmark.data.cache import Caching, aligned
from inkbench.benchmark.data.cache import build as build_cache
from inkbench.benchmark.data.cached import Cached
from inkbench.benchmark.data.own import about
from inkbench.benchmark.data.packed import Pack
from inkbench.benchmark.errors import RunError, UsageError, plural
from inkbench.benchmark.networks import initialise
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import load_projection, load_weights, weights_bytes
from inkbench.benchmark.planning.asked import name_of
from inkbench.benchmark.planning.experiment import Experiment, Pretraining
from inkbench.benchmark.progress import complain
from inkbench.benchmark.running import visualise
from inkbench.benchmark.running.pictures import save_pictures
from inkbench.benchmark.running.pretrain_items import Reading, reading
from inkbench.benchmark.running.workspace import Workspace
from inkbench.benchmark.seeding import derive
from inkbench.benchmark.store.files import checksum, json_bytes, key_of, remove, write_result
from inkbench.benchmark.store.locks import machine_slot
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training import engine, pretrain
from inkbench.benchmark.training.learner import Learner


def backbone_of(workspace: Workspace, experiment: Experiment) -> Backbone:
    """Return the backbone as a method without pretraining hands it over, or as a pretext task starts from it."""
    torch.manual_seed(derive(experiment.seed, "backbone"))
    backbone = Backbone(str(experiment.backbone), experiment.backbone_settings)
    if experiment.weight_source:
        torch.manual_seed(derive(experiment.seed, "build", experiment.weight_source.name))
        experiment.weight_source.set_weights(backbone, experiment.weights)
    elif experiment.pretraining and experiment.pretraining.init is not None:
        initialise.load_init(backbone, experiment.pretraining.init, workspace.request.weights)
    return backbone


def weights_path(store: Store, work: Pretraining) -> Path:
    """Return the path of the weights of a finished pretraining."""
    return store.root / "backbones" / work.key / "weights.safetensors"


def pretrained(workspace: Workspace, experiment: Experiment, work: Pretraining, backbone: Backbone) -> dict[str, Any]:
    """Fill ``backbone`` from a finished pretraining, done first on another where it is missing; gives its card.

    What a process pretrained itself it reads back like any other, so that both go on from the same state.
    """
    path = weights_path(workspace.store, work)
    if not workspace.agree(lambda: "there" if _found(path) else ""):
        _pretrain(workspace, work, backbone_of(workspace, experiment))
        workspace.report({"event": "working", "cells": [experiment.id]})
    try:
        card: dict[str, Any] = json.loads(path.with_name("card.json").read_text())
        load_weights(backbone, path)
        load_projection(backbone, path)
    except (OSError, ValueError, KeyError, RuntimeError, UsageError) as error:
        raise RunError(f"{path} cannot be read ({error}); remove {path.parent} and run again") from error
    return card


def _found(path: Path) -> bool:
    """Return whether the weights are there as their card says; what is damaged is set aside and told."""
    if not os.path.lexists(path):
        return False  # a card without weights is of a pretraining that was stopped just before its end
    try:
        card = json.loads(path.with_name("card.json").read_text())
        if key_of(card["identity"]) != path.parent.name:
            reason = "its card is that of another pretraining"
        elif checksum(path.read_bytes()) == card["sha256"]:
            return True
        else:
            reason = "its checksum differs from its card"
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
    aside = path.parents[2] / "damaged" / path.parent.name
    complain(f"{path} is damaged ({reason}); set aside as {aside}, pretraining again")
    remove(aside)
    aside.parent.mkdir(exist_ok=True)
    path.parent.rename(aside)
    return False


def _pretrain(workspace: Workspace, work: Pretraining, backbone: Backbone) -> None:
    affected = [
        experiment.id
        for experiment in workspace.plan.experiments
        if experiment.pretraining and experiment.pretraining.key == work.key
    ]
    workspace.report({"event": "working", "cells": affected})
    data, method = workspace.plan.pretrain_data, work.method
    for used in (data, workspace.plan.data) if workspace.request.exclude_suspects else (data,):
        workspace.prepare(used)
    found = workspace.in_turn(lambda: reading(workspace, work))
    if workspace.first:
        _tell(workspace, work, found)
    views = method.views()
    window = work.settings.window
    panels = aligned(
        {name: workspace.training(data, found.train[view.kind], view, window) for name, view in views.items()}
    )
    held_out = aligned({name: workspace.resized(data, found.held_out[view.kind], view) for name, view in views.items()})
    checkpoint = engine.Checkpoint(workspace.store.root / "checkpoints" / f"{work.key}.pt", workspace.device)
    with machine_slot(workspace.device.name) if workspace.first else ExitStack():
        learner = Learner(workspace.device, method, backbone, work.settings, work.seed)
        outcome = pretrain.pretrain(learner, panels, held_out, work.budget, checkpoint, workspace.progress)
    if workspace.first:
        _hand_over(workspace, work, backbone, outcome, _read_from(panels, found))
    workspace.device.fabric.barrier()
    checkpoint.remove()


def _read_from(panels: Mapping[str, Cached], found: Reading) -> dict[str, Any]:
    """Return what of the data was pretrained on and what was left out, with the reason of each that is unreadable."""
    failures = [failure for cache in panels.values() for failure in cache.failures]
    return {
        "panels_read": sum(len(cache.items) for cache in panels.values()),
        "panels_of_other_series_held_back": found.held_back,
        **found.told(),
        "unreadable": [{"item": item, "reason": why} for item, why in failures],
    }


def _hand_over(
    workspace: Workspace, work: Pretraining, backbone: Backbone, outcome: pretrain.Outcome, read: dict[str, Any]
) -> None:
    """Write pictures, card and weights; the weights last, since they say that the pretraining is finished."""
    data, weights = workspace.plan.pretrain_data, weights_bytes(backbone)
    card = {
        "key": work.key,
        "identity": dict(work.identity),
        "data": _data_told(data),
        "architecture": work.backbone,
        "method": work.method.name,
        "supervision": work.supervision,
        "init": "" if work.init is None else name_of(str(work.init)),
        "sides": work.method.input_sides(),
        "mean": backbone.mean,
        "std": backbone.std,
        "steps": outcome.steps,
        "images": outcome.images,
        "crops": outcome.crops,
        "flops": outcome.flops,
        "pretext": outcome.pretext,
        "curve": outcome.curve,
        "exclusions": read,
        "phases": {"pretrain": workspace.phase(outcome.seconds, workspace.device.fabric.world_size)},
        "sha256": checksum(weights),
    }
    path, pictures = weights_path(workspace.store, work), workspace.store.root / "runs" / work.key
    save_pictures(pictures, outcome.pictures)
    look(workspace, backbone, data, pictures)
    write_result(path.with_name("card.json"), json_bytes(card))
    write_result(path, weights)


def _data_told(data: Dataset) -> dict[str, Any]:
    """Return what a card says of the data: which they are, whether they are comics, and under which terms."""
    known = about(data)
    return {
        "id": data.name,
        "fingerprint": data.fingerprint(),
        "own": data.own,
        "simulated": data.simulated,
        "photographs": data.photographs,
        "licence": known.licence,
        "citation": known.citation,
        "homepage": known.homepage,
    }


def _tell(workspace: Workspace, work: Pretraining, found: Reading) -> None:
    """Say what is read where it is not the plain training series; the images left out go into a file of their own."""
    name, read = workspace.plan.pretrain_data.name, sum(map(len, found.train.values()))
    if found.pool:
        kept = sum(map(len, found.held_out.values()))
        workspace.progress.say(
            f"{work.method.name} pretrains on all splits of {name} (no task is tested on it): {plural(read, 'item')}; "
            f"{kept:,} held out for pretext evaluation"
            + (f", {plural(found.held_back, 'item')} of validation or test series left out" if found.held_back else "")
        )
    if workspace.request.exclude_suspects:
        lines = ["image,like,bits", *(f'"{one.image}","{one.like}",{one.bits}' for one in found.suspects)]
        path = weights_path(workspace.store, work).with_name("suspects.csv")
        write_result(path, "\n".join([*lines, ""]).encode())
        workspace.progress.say(f"{plural(len(found.suspects), 'suspect')} excluded from pretraining on {name}: {path}")


def look(workspace: Workspace, backbone: Backbone, data: Dataset, folder: Path) -> None:
    """Draw pictures of weights as they are handed over: once for each, however many experiments use them."""
    if not workspace.first or (folder / "first-layer.png").is_file():
        return
    cache = workspace.store.root / "cache" / "images"
    items = visualise.panels_of(data)
    key, threads = data.fingerprint(), workspace.request.threads
    try:
        pack = Pack.of(data.root, workspace.store.root)
        panels = build_cache(items, visualise.view_of(backbone), Caching(cache, key, workspace.progress, threads, pack))
    except RunError as error:
        workspace.progress.say(f"nearest-neighbour pictures not written: {error}")
        return
    save_pictures(folder, visualise.draw(workspace.device, backbone, panels))
