"""Backbones as they are handed over: given, read from a finished pretraining, or pretrained first."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from inkbench.benchmark.contracts.dataset import Dataset
from inkbench.benchmark.data.cache import Caching, aligned
from inkbench.benchmark.data.cache import build as build_cache
from inkbench.benchmark.data.packed import Pack
from inkbench.benchmark.errors import CellError, Refusal
from inkbench.benchmark.networks import initialise
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import load_projection, load_weights, weights_bytes
from inkbench.benchmark.planning.planned import Cell, Pretraining
from inkbench.benchmark.running import looks
from inkbench.benchmark.running.bench import Bench
from inkbench.benchmark.running.pictures import save_pictures
from inkbench.benchmark.running.pretrain_items import Reading, reading
from inkbench.benchmark.seeding import derive
from inkbench.benchmark.store.files import checksum, write_atomic, write_json
from inkbench.benchmark.store.locks import machine_slot
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training import engine, pretrain
from inkbench.benchmark.training.learner import Learner


def backbone_of(bench: Bench, cell: Cell) -> Backbone:
    """Return the backbone as a method without pretraining hands it over, or as a pretext task starts from it."""
    torch.manual_seed(derive(cell.seed, "backbone"))
    backbone = Backbone(str(cell.backbone), cell.backbone_settings)
    if cell.giver:
        torch.manual_seed(derive(cell.seed, "build", cell.giver.name))
        cell.giver.give(backbone, cell.weights)
    elif cell.pretraining and cell.pretraining.init is not None:
        initialise.load_init(backbone, cell.pretraining.init, bench.request.weights)
    return backbone


def weights_path(store: Store, work: Pretraining) -> Path:
    """Return the path of the weights of a finished pretraining."""
    return store.root / "backbones" / work.key / "weights.safetensors"


def pretrained(bench: Bench, cell: Cell, work: Pretraining, backbone: Backbone) -> dict[str, Any]:
    """Fill ``backbone`` from a finished pretraining, done first on another where it is missing; gives its card.

    What a process pretrained itself it reads back like any other, so that both go on from the same state.
    """
    path = weights_path(bench.store, work)
    if not bench.agree(lambda: "there" if path.is_file() else ""):
        _pretrain(bench, work, backbone_of(bench, cell))
        bench.report({"event": "working", "cells": [cell.id]})
    try:
        card: dict[str, Any] = json.loads(path.with_name("card.json").read_text())
        if checksum(path.read_bytes()) != card["sha256"]:
            raise ValueError("its checksum is not that of its card")
        load_weights(backbone, path)
        load_projection(backbone, path)
    except (OSError, ValueError, KeyError, RuntimeError, Refusal) as error:
        raise CellError(f"{path} is damaged ({error}); remove {path.parent} and run again") from error
    return card


def _pretrain(bench: Bench, work: Pretraining, backbone: Backbone) -> None:
    affected = [cell.id for cell in bench.plan.cells if cell.pretraining and cell.pretraining.key == work.key]
    bench.report({"event": "working", "cells": affected})
    data, method = bench.plan.pretrain_data, work.method
    for used in (data, bench.plan.data) if bench.request.exclude_suspects else (data,):
        bench.prepare(used)
    found = bench.in_turn(lambda: reading(bench, work))
    if bench.first:
        _tell(bench, work, found)
    views = method.views()
    window = work.settings.window
    panels = aligned({name: bench.training(data, found.train[view.kind], view, window) for name, view in views.items()})
    held_out = aligned({name: bench.squares(data, found.held_out[view.kind], view) for name, view in views.items()})
    checkpoint = engine.Checkpoint(bench.store.root / "checkpoints" / f"{work.key}.pt", bench.device)
    with machine_slot(bench.device.name, bench.progress) if bench.first else ExitStack():
        learner = Learner(bench.device, method, backbone, work.settings, work.seed)
        outcome = pretrain.pretrain(learner, panels, held_out, work.budget, checkpoint, bench.progress)
    if bench.first:
        data_bytes = weights_bytes(backbone)
        card = {
            "key": work.key,
            "identity": dict(work.identity),
            "data": {"id": data.name, "fingerprint": data.fingerprint(), "own": data.own},
            "architecture": work.backbone,
            "method": method.name,
            "supervision": work.supervision,
            "mean": backbone.mean,
            "std": backbone.std,
            "steps": outcome.steps,
            "images": outcome.images,
            "crops": outcome.crops,
            "flops": outcome.flops,
            "pretext": outcome.pretext,
            "curve": outcome.curve,
            "exclusions": {
                "panels_read": sum(len(cache.items) for cache in panels.values()),
                "panels_of_other_series_held_back": found.held_back,
                **found.told(),
                "unreadable": [
                    {"item": item, "reason": why} for cache in panels.values() for item, why in cache.failures
                ],
            },
            "phases": {"pretrain": bench.phase(outcome.seconds, bench.device.fabric.world_size)},
            "sha256": checksum(data_bytes),
        }
        path = weights_path(bench.store, work)
        save_pictures(bench.store.root / "runs" / work.key, outcome.pictures)
        look(bench, backbone, data, bench.store.root / "runs" / work.key)
        write_json(path.with_name("card.json"), card)
        write_atomic(path, data_bytes)
    bench.device.fabric.barrier()
    checkpoint.remove()


def _tell(bench: Bench, work: Pretraining, found: Reading) -> None:
    """Say what is read where it is not the plain training series; the images left out go into a file of their own."""
    name, read = bench.plan.pretrain_data.name, sum(map(len, found.train.values()))
    if found.pool:
        kept = sum(map(len, found.held_out.values()))
        bench.progress.say(
            f"{work.method.name} pretrains on all splits of {name} (no task is tested on it): {read:,} items; "
            f"{kept:,} are held out for pretext evaluation"
            + (f", {found.held_back:,} are test items" if found.held_back else "")
        )
    if bench.request.exclude_suspects:
        lines = ["image,like,bits", *(f'"{one.image}","{one.like}",{one.bits}' for one in found.suspects)]
        path = weights_path(bench.store, work).with_name("suspects.csv")
        write_atomic(path, "\n".join([*lines, ""]).encode())
        bench.progress.say(f"{len(found.suspects):,} suspects excluded from pretraining on {name}: {path}")


def look(bench: Bench, backbone: Backbone, data: Dataset, folder: Path) -> None:
    """Draw pictures of weights as they are handed over: once for each, however many cells use them."""
    if not bench.first or (folder / "first-layer.png").is_file():
        return
    cache = bench.store.root / "cache" / "images"
    items = looks.panels_of(data)
    key, threads = data.fingerprint(), bench.request.threads
    try:
        pack = Pack.of(data.root, bench.store.root)
        panels = build_cache(items, looks.view_of(backbone), Caching(cache, key, bench.progress, threads, pack))
    except CellError as error:
        bench.progress.say(f"nearest-neighbour pictures not written: {error}")
        return
    save_pictures(folder, looks.draw(bench.device, backbone, panels))
