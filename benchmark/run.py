"""Drains a plan: pretrain once, transfer many, evaluate, record. Runs in a worker; the parent imports no torch."""

from __future__ import annotations

import importlib
import json
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark import engine, plan, pretrain, provenance, transfer
from benchmark.api import Item, View
from benchmark.backbones import Backbone, load_weights, weights_bytes
from benchmark.data.cache import ImageCache
from benchmark.data.cache import build as build_cache
from benchmark.data.dataset import SPLITS, Dataset, Split
from benchmark.data.images import read_rgb
from benchmark.errors import CellError
from benchmark.locks import claim, machine_slot
from benchmark.pictures import save_pictures
from benchmark.progress import Progress
from benchmark.records import base_record, item_arrays, metric_entries
from benchmark.request import Request
from benchmark.seeding import derive
from benchmark.store import Store, arrays_bytes, checksum, pack, write_atomic, write_json

WAIT_S = 1.0
PICTURED = 4


class Crash(Exception):
    """A rank cannot go on beside the others; the parent ends them all and starts anew."""


class Runner:
    """One worker's (or rank's) way through a plan over a results folder that others may share."""

    def __init__(
        self,
        request: Request,
        work: plan.Plan,
        device: engine.Device,
        store: Store,
        progress: Progress,
        report: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self.request, self.plan, self.device = request, work, device
        self.store, self.progress, self.report = store, progress, report
        self.first = device.fabric.global_rank == 0
        self.prepared: set[str] = set()

    def drain(self, skip: frozenset[str]) -> None:
        """Do every cell once; cells that another process holds are waited for."""
        pending = [cell for cell in self.plan.cells if cell.id not in skip]
        while pending:
            moved = False
            for cell in list(pending):
                with ExitStack() as held:
                    turn = self._agree(lambda cell=cell, held=held: self._claim(cell, held))  # type: ignore[misc]
                    if turn == "busy":
                        continue
                    moved = True
                    pending.remove(cell)
                    if turn == "run":
                        self._attempt(cell)
            if not moved:
                time.sleep(WAIT_S)

    def _agree(self, decide: Callable[[], str]) -> str:
        """What rank 0 decides, on every rank."""
        return self.device.fabric.broadcast(decide() if self.first else "", src=0)

    def _claim(self, cell: plan.Cell, held: ExitStack) -> str:
        if self._done(cell):
            return "done"
        locks = self.store.root / "locks"
        if not held.enter_context(claim(locks / f"{cell.id}.lock")):
            return "busy"
        if self._done(cell):
            return "done"
        if cell.pretraining is None or self._weights(cell.pretraining).is_file():
            return "run"
        return "run" if held.enter_context(claim(locks / f"{cell.pretraining.key}.lock")) else "busy"

    def _done(self, cell: plan.Cell) -> bool:
        record = self.store.read(cell.id)
        if record is None or record["status"] == "failed":
            return False
        if not self.request.force:
            self._note_reuse(record)
            return True
        return bool(record["request"]["resolved"]["started"] == self.request.started)

    def _note_reuse(self, record: Mapping[str, Any]) -> None:
        then, now = record["provenance"]["git"].get("commit"), provenance.git_state().get("commit")
        other = f", made by commit {str(then)[:10]}" if then != now else ""
        self.progress.say(f"{record['method']} on {record['task']}, seed {record['seed']}: already there{other}")

    def _attempt(self, cell: plan.Cell) -> None:
        """Run a cell; whatever fails is recorded as failed and does not stop the others."""
        self.report({"event": "working", "cells": [cell.id]})
        try:
            if cell.declined:
                self._write(
                    {**base_record(cell, self.plan, self.request), "status": "declined", "reason": cell.declined}
                )
            elif cell.trivial:
                self._trivial(cell)
            else:
                self._method(cell)
        except Exception as error:
            if self.first:
                log = self.store.root / "logs" / f"{cell.id}.log"
                write_atomic(log, traceback.format_exc().encode())
                reason = str(error) if isinstance(error, CellError) else f"{type(error).__name__}: {error}"
                self._write(
                    {
                        **base_record(cell, self.plan, self.request),
                        "status": "failed",
                        "reason": reason.strip().split("\n")[0],
                        "log": str(log.relative_to(self.store.root)),
                    }
                )
                self.progress.say(f"FAILED {cell.method} on {cell.task.name}: {reason} (log: {log})")
            if self.device.fabric.world_size > 1:
                raise Crash(cell.id) from error
        self.report({"event": "idle"})

    def _trivial(self, cell: plan.Cell) -> None:
        began = time.monotonic()
        self._prepare(self.plan.data)
        train, test = (self._task_data(cell, split) for split in ("train", "test"))
        predictions = cell.task.predict_trivial(cell.trivial or "", train.truths, test.truths, test.placements)
        self._record(
            cell,
            test,
            predictions,
            {"exclusions": {"unreadable": transfer.exclusions([train.cache, test.cache])}},
            {"test": began},
        )

    def _method(self, cell: plan.Cell) -> None:
        self._prepare(self.plan.data)
        backbone = self._backbone(cell)
        card = self._pretrained(cell.pretraining, backbone) if cell.pretraining else {}
        splits: tuple[Split, ...] = ("train", "val", "test")
        train, val, test = (self._task_data(cell, split) for split in splits)
        checkpoint = engine.Checkpoint(self.store.root / "checkpoints" / f"{cell.id}.pt", self.device)
        with machine_slot(self.device.name, self.progress) if self.first else ExitStack():
            outcome = transfer.transfer(
                self.device, cell.task, cell.family, backbone, train, val, test, cell.seed, checkpoint, self.progress
            )
        if not self.first:
            return
        world = self.device.fabric.world_size
        extra = {
            "trials": outcome.trials,
            "chosen": outcome.chosen,
            "curve": outcome.curve,
            "head_parameters": outcome.head_parameters,
            "transfer_images": outcome.images,
            "pretext": card.get("pretext"),
            "images_seen": card.get("images", 0),
            "crops_seen": card.get("crops", 0),
            "pretrain_steps": card.get("steps", 0),
            "flops": card.get("flops", 0.0),
            "weights_sha256": card.get("sha256") or checksum(weights_bytes(backbone)),
            "exclusions": {
                "unreadable": transfer.exclusions([train.cache, val.cache, test.cache]),
                "warnings": list(self.plan.data.warnings),
                "pretraining": card.get("exclusions"),
            },
            "phases": {
                **card.get("phases", {}),
                "train": _phase(outcome.train_s, world, self.device),
                "test": _phase(outcome.test_s, world, self.device),
            },
        }
        self._record(cell, test, outcome.predictions, extra, {})

    def _record(
        self,
        cell: plan.Cell,
        test: transfer.TaskData,
        predictions: list[dict[str, np.ndarray]],
        extra: dict[str, Any],
        began: dict[str, float],
    ) -> None:
        """Score the one opening of test; write predictions, items, pictures, then the record."""
        if not self.first:
            return
        start = time.monotonic()
        scorer = importlib.import_module(cell.task.scorer)
        scored = scorer.score_items(predictions, test.truths, **cell.task.score_options())
        items = {**scored, **item_arrays(test.cache.items)}
        metrics = metric_entries(scorer, items)
        write_atomic(self.store.predictions_path(cell.id), arrays_bytes(pack(predictions)))
        few = np.linspace(0, len(test.truths) - 1, min(PICTURED, len(test.truths))).astype(int)
        pictures = cell.task.pictures(
            [read_rgb(test.cache.items[i].path, test.cache.items[i].crop) for i in few],
            [test.truths[i] for i in few],
            [predictions[i] for i in few],
        )
        save_pictures(self.store.root / "runs" / cell.id, pictures)
        phases = dict(extra.pop("phases", {}))
        for name, moment in began.items():
            phases[name] = _phase(start - moment, 1, self.device)
        phases["score"] = _phase(time.monotonic() - start, 1, self.device)
        self._write(
            {
                **base_record(cell, self.plan, self.request),
                "status": "done",
                "metrics": metrics,
                **extra,
                "phases": phases,
            },
            items,
        )

    def _write(self, record: dict[str, Any], items: dict[str, np.ndarray] | None = None) -> None:
        if self.first:
            record["provenance"] = {
                "git": provenance.git_state(),
                "packages": provenance.versions(provenance.TOLD),
                "hardware": provenance.hardware(self.device.hardware),
                **{name: value for name, value in self.device.identity().items() if name != "precision"},
            }
            self.store.write(record, items)

    def _backbone(self, cell: plan.Cell) -> Backbone:
        """The backbone as a method without pretraining hands it over, or as a pretext task starts from it."""
        torch.manual_seed(derive(cell.seed, "backbone"))
        backbone = Backbone(str(cell.backbone), cell.backbone_settings)
        if cell.giver:
            torch.manual_seed(derive(cell.seed, "build", cell.giver.name))
            cell.giver.give(backbone, cell.weights)
        elif cell.pretraining and cell.pretraining.init is not None:
            plan.load_init(backbone, cell.pretraining.init, self.request.weights)
        return backbone

    def _weights(self, work: plan.Pretraining) -> Path:
        return self.store.root / "backbones" / work.key / "weights.safetensors"

    def _pretrained(self, work: plan.Pretraining, backbone: Backbone) -> dict[str, Any]:
        """Fill ``backbone`` from a finished pretraining, or do it; gives its card."""
        path = self._weights(work)
        if not self._agree(lambda: "there" if path.is_file() else ""):
            self._pretrain(work, backbone)
        load_weights(backbone, path)
        return json.loads(path.with_name("card.json").read_text())

    def _pretrain(self, work: plan.Pretraining, backbone: Backbone) -> None:
        affected = [cell.id for cell in self.plan.cells if cell.pretraining and cell.pretraining.key == work.key]
        self.report({"event": "working", "cells": affected})
        data, method = self.plan.pretrain_data, work.method
        self._prepare(data)
        splits = SPLITS if self.request.transductive else ("train",)
        views = method.views()
        panels = {name: self._cache(data, view, splits) for name, view in views.items()}
        held_out = {name: self._cache(data, view, ("val",)) for name, view in views.items()}
        checkpoint = engine.Checkpoint(self.store.root / "checkpoints" / f"{work.key}.pt", self.device)
        with machine_slot(self.device.name, self.progress) if self.first else ExitStack():
            outcome = pretrain.pretrain(
                self.device,
                method,
                backbone,
                panels,
                held_out,
                work.settings,
                self.request.budget,
                work.seed,
                checkpoint,
                self.progress,
            )
        if self.first:
            data_bytes = weights_bytes(backbone)
            held_back = sum(
                len(data.items(view.kind, split)) for view in views.values() for split in SPLITS if split not in splits
            )
            card = {
                "key": work.key,
                "identity": dict(work.identity),
                "architecture": work.backbone,
                "method": method.name,
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
                    "panels_of_other_series_held_back": held_back,
                    "unreadable": transfer.exclusions(list(panels.values())),
                },
                "phases": {"pretrain": _phase(outcome.seconds, self.device.fabric.world_size, self.device)},
                "sha256": checksum(data_bytes),
            }
            path = self._weights(work)
            save_pictures(self.store.root / "runs" / work.key, outcome.pictures)
            write_json(path.with_name("card.json"), card)
            write_atomic(path, data_bytes)
        self.device.fabric.barrier()
        checkpoint.remove()

    def _prepare(self, data: Dataset) -> None:
        """Draw what is drawn by a program, once; the other ranks wait."""
        if str(data.root) in self.prepared:
            return
        if self.first:
            data.prepare(self.progress)
            for warning in data.warnings:
                self.progress.say(f"{data.name}: {warning}")
        self.device.fabric.barrier()
        self.prepared.add(str(data.root))

    def _task_data(self, cell: plan.Cell, split: Split) -> transfer.TaskData:
        view = cell.task.view()
        items = cell.task.items(self.plan.data, split)
        if not items:
            raise CellError(f"the {split} split of {self.plan.data.name} is empty for {cell.task.name}")
        return transfer.TaskData.of(cell.task, self._built(self.plan.data, items, view))

    def _cache(self, data: Dataset, view: View, splits: tuple[Split, ...]) -> ImageCache:
        items = [item for split in splits for item in data.items(view.kind, split)]
        if not items:
            raise CellError(f"{data.name} has no {view.kind} in its {' and '.join(splits)} series")
        return self._built(data, items, view)

    def _built(self, data: Dataset, items: list[Item], view: View) -> ImageCache:
        """The cache of items; rank 0 builds it, the others open it."""
        folder = self.store.root / "cache" / "images"

        def build() -> ImageCache:
            return build_cache(items, view, folder, data.fingerprint(), self.progress, self.request.threads)

        if self.first:
            cache = build()
            self.device.fabric.barrier()
            return cache
        self.device.fabric.barrier()
        return build()


def _phase(seconds: float, devices: int, device: engine.Device) -> dict[str, float]:
    return {
        "wall_s": round(seconds, 3),
        "device_s": round(seconds * devices, 3),
        "peak_mib": round(engine.peak_memory_mib(device), 1),
    }
