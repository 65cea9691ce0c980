"""The work of one cell: data, backbone, pretraining where it is missing, transfer, the one scoring of test."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

from benchmark import engine, initialise, leak_check, looks, pretrain, transfer
from benchmark.api import Item, Predictions, View
from benchmark.backbones import Backbone, load_weights, weights_bytes
from benchmark.data.cache import ImageCache, aligned
from benchmark.data.cache import build as build_cache
from benchmark.data.dataset import SPLITS, Dataset, Split
from benchmark.data.images import read_rgb
from benchmark.data.packed import Pack
from benchmark.data.splits import labelled
from benchmark.data.subsets import keep
from benchmark.errors import CellError, Refusal
from benchmark.features import Features
from benchmark.head_loop import Job, predict, restored
from benchmark.locks import machine_slot
from benchmark.pictures import save_pictures
from benchmark.planned import Cell, Plan, Pretraining
from benchmark.progress import Progress
from benchmark.request import Request
from benchmark.scoring import Scored, score
from benchmark.seeding import derive
from benchmark.store import Store, arrays_bytes, checksum, pack, write_atomic, write_json
from benchmark.task_data import TaskData

PICTURED = 4
GIVEN_KEY = 20
"""Pictures of given weights lie under so much of their checksum, where those of a pretraining lie under its key."""
Measured = tuple[dict[str, Any], dict[str, np.ndarray]]
"""What a record says of the work, and the items beside it; both empty on ranks that do not write."""


class Bench:
    """Where cells are measured: one device, one plan, one results folder."""

    def __init__(
        self,
        request: Request,
        work: Plan,
        device: engine.Device,
        store: Store,
        progress: Progress,
        report: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self.request, self.plan, self.device = request, work, device
        self.store, self.progress, self.report = store, progress, report
        self.first = device.fabric.global_rank == 0
        self.prepared: set[str] = set()

    def agree(self, decide: Callable[[], str]) -> str:
        """What rank 0 decides, on every rank."""
        return self.device.fabric.broadcast(decide() if self.first else "", src=0)

    def measure(self, cell: Cell) -> Measured:
        """Do the work of a cell. Raises CellError and whatever a plugin raises."""
        self.prepare(self.plan.data)
        if cell.predicted:
            return self._predicted(cell, cell.predicted)
        return self._plain(cell) if cell.plain else self._method(cell)

    def forget(self, cell: Cell) -> None:
        """Remove the checkpoints of a cell that is recorded."""
        for path in (self.store.root / "checkpoints").glob(f"{cell.id}-*.pt"):
            path.unlink(missing_ok=True)

    def _plain(self, cell: Cell) -> Measured:
        began = time.monotonic()
        train, test = (self._task_data(cell, split) for split in ("train", "test"))

        def predict(data: TaskData) -> Predictions:
            return cell.task.predict_trivial(str(cell.plain), train.truths, data.truths, data.placements)

        predictions = predict(test)
        calibration = {}
        if cell.task.calibrates:
            val = self._task_data(cell, "val")
            calibration = cell.task.calibrate(predict(val), val.truths)
        fields = {
            "calibration": calibration,
            "labelled": self._subset(cell),
            "exclusions": {"unreadable": train.failures + test.failures},
            "phases": {"test": _phase(time.monotonic() - began, 1, self.device)},
        }
        return self._score(cell, test, predictions, fields)

    def _predicted(self, cell: Cell, source: Path) -> Measured:
        """Predictions from elsewhere, scored like any other; what validation would choose keeps its default."""
        began = time.monotonic()
        test = self._task_data(cell, "test")
        reader = importlib.import_module(cell.task.files)
        ids = [item.id for item in test.items]
        predictions = reader.read(source, ids, test.truths, cell.task.score_options())
        fields = {
            "calibration": {},
            "exclusions": {"unreadable": test.failures},
            "phases": {"test": _phase(time.monotonic() - began, 1, self.device)},
        }
        return self._score(cell, test, predictions, fields)

    def _method(self, cell: Cell) -> Measured:
        backbone = self._backbone(cell)
        card = self._pretrained(cell, cell.pretraining, backbone) if cell.pretraining else {}
        handed_over = card.get("sha256") or checksum(weights_bytes(backbone))
        if cell.giver:
            self._look(backbone, self.plan.data, self.store.root / "runs" / handed_over[:GIVEN_KEY])
        train, val, test = (self._task_data(cell, split) for split in SPLITS)
        job = self._job(cell)
        checkpoint = engine.Checkpoint(self.store.root / "checkpoints" / f"{cell.id}.pt", self.device)
        with machine_slot(self.device.name, self.progress) if self.first else ExitStack():
            outcome = transfer.transfer(job, backbone, transfer.Splits(train, val, test), checkpoint)
        if self.first and outcome.network:
            write_atomic(self.store.network_path(cell.id), save(outcome.network))
        world = self.device.fabric.world_size
        fields = {
            "trials": outcome.trials,
            "chosen": outcome.chosen,
            "calibration": outcome.calibration,
            "labelled": self._subset(cell),
            "curve": outcome.curve,
            "head_parameters": outcome.head_parameters,
            "transfer_images": outcome.images,
            "pretext": card.get("pretext"),
            "images_seen": card.get("images", cell.extra_steps * cell.task.config.batch),
            "crops_seen": card.get("crops", 0),
            "pretrain_steps": card.get("steps", 0),
            "flops": card.get("flops", 0.0),
            "weights_sha256": handed_over,
            "exclusions": {
                "unreadable": train.failures + val.failures + test.failures,
                "warnings": list(self.plan.data.warnings),
                "pretraining": card.get("exclusions"),
            },
            "phases": {
                **card.get("phases", {}),
                "train": _phase(outcome.train_s, world, self.device),
                "test": _phase(outcome.test_s, world, self.device),
            },
        }
        return self._score(cell, test, outcome.predictions, fields)

    def _job(self, cell: Cell) -> Job:
        return Job(
            device=self.device,
            task=cell.task,
            protocol=cell.protocol,
            steps=cell.task.steps(cell.protocol) + cell.extra_steps,
            seed=cell.seed,
            disk=Features(self.store.root / "cache" / "features", self.plan.data.fingerprint()),
            progress=self.progress,
        )

    def predict(self, cell: Cell, items: list[Item], data_key: str) -> tuple[TaskData, Predictions]:
        """What the network of a finished cell predicts for images without truth, and which of them could be read.

        Raises Refusal where the network is not stored, CellError where no image can be read.
        """
        path = self.store.network_path(cell.id)
        if not path.is_file():
            raise Refusal(
                f"the network of cell {cell.id[:10]} is not in {path.parent}: run it again with --force; of heads that "
                "are fitted at once none is kept"
            )
        backbone = self._backbone(cell)
        if cell.pretraining:
            self._pretrained(cell, cell.pretraining, backbone)
        job = replace(self._job(cell), disk=None)
        net = restored(job, backbone.requires_grad_(False).eval(), load(path.read_bytes()))
        cache = build_cache(
            items, cell.task.view(), self.store.root / "cache" / "images", data_key, self.progress, self.request.threads
        )
        data = TaskData.without_truth(cell.task, cache)
        for failure in data.failures:
            self.progress.say(f"left out: {failure['item']}: {failure['reason']}")
        return data, predict(job, net, backbone, data, f"predict {cell.task.name}")

    def _score(self, cell: Cell, test: TaskData, predictions: Predictions, fields: dict[str, Any]) -> Measured:
        """Score the one opening of test; predictions and pictures are written before the record."""
        if not self.first:
            return {}, {}
        began = time.monotonic()
        scored = score(cell.task, predictions, test.items, test.truths, fields["calibration"])
        if cell.pretraining:
            self._look_for_leaks(cell, cell.pretraining, test, scored, fields)
        if "empty" in scored.items:
            fields["exclusions"]["empty_truth"] = scored.empty
        fields["notes"] = scored.notes
        for note in scored.notes if not cell.plain else ():
            self.progress.say(f"{cell.method} on {cell.task.name}: {note}")
        write_atomic(self.store.predictions_path(cell.id), arrays_bytes(pack(predictions)))
        few = np.linspace(0, len(test.truths) - 1, min(PICTURED, len(test.truths))).astype(int)
        originals = [read_rgb(test.items[i].path, test.items[i].crop) for i in few]
        pictures = cell.task.pictures(originals, [test.truths[i] for i in few], [predictions[i] for i in few])
        options = {**cell.task.score_options(), **fields["calibration"]}
        pictures |= cell.task.album(test.items, test.truths, predictions, options)
        save_pictures(self.store.root / "runs" / cell.id, pictures)
        fields["phases"]["score"] = _phase(time.monotonic() - began, 1, self.device)
        return {"metrics": scored.metrics, **fields}, scored.items

    def _look_for_leaks(
        self, cell: Cell, work: Pretraining, test: TaskData, scored: Scored, fields: dict[str, Any]
    ) -> None:
        """Note which test items look like what was pretrained on, and the metrics without them."""
        began = time.monotonic()
        splits = SPLITS if self.request.transductive else ("train",)
        leaks, suspect = leak_check.check(work, self.plan, splits, test.items, self.store, self.progress)
        leaks["without"] = leak_check.without(cell.task.scorer, scored.items, suspect, scored.metrics)
        if suspect.any():
            scored.items["leak"] = suspect
            self.progress.say(
                f"{cell.method} on {cell.task.name}: {leaks['suspect']} of {len(suspect)} test items are suspect: "
                f"{leaks['by_image']} look like an image that was pretrained on, {leaks['by_series']} are of a series "
                "that was"
            )
        fields["leaks"] = leaks
        fields["phases"]["leaks"] = _phase(time.monotonic() - began, 1, self.device)

    def _backbone(self, cell: Cell) -> Backbone:
        """The backbone as a method without pretraining hands it over, or as a pretext task starts from it."""
        torch.manual_seed(derive(cell.seed, "backbone"))
        backbone = Backbone(str(cell.backbone), cell.backbone_settings)
        if cell.giver:
            torch.manual_seed(derive(cell.seed, "build", cell.giver.name))
            cell.giver.give(backbone, cell.weights)
        elif cell.pretraining and cell.pretraining.init is not None:
            initialise.load_init(backbone, cell.pretraining.init, self.request.weights)
        return backbone

    def weights_path(self, work: Pretraining) -> Path:
        """Where the weights of a finished pretraining lie."""
        return self.store.root / "backbones" / work.key / "weights.safetensors"

    def _pretrained(self, cell: Cell, work: Pretraining, backbone: Backbone) -> dict[str, Any]:
        """Fill ``backbone`` from a finished pretraining, done first on another where it is missing; gives its card.

        What a process pretrained itself it reads back like any other, so that both go on from the same state.
        """
        path = self.weights_path(work)
        if not self.agree(lambda: "there" if path.is_file() else ""):
            self._pretrain(work, self._backbone(cell))
            self.report({"event": "working", "cells": [cell.id]})
        try:
            card = json.loads(path.with_name("card.json").read_text())
            if checksum(path.read_bytes()) != card["sha256"]:
                raise ValueError("its checksum is not that of its card")
            load_weights(backbone, path)
        except (OSError, ValueError, KeyError, Refusal) as error:
            raise CellError(f"{path} is damaged ({error}); remove {path.parent} and run again") from error
        return card

    def _pretrain(self, work: Pretraining, backbone: Backbone) -> None:
        affected = [cell.id for cell in self.plan.cells if cell.pretraining and cell.pretraining.key == work.key]
        self.report({"event": "working", "cells": affected})
        data, method = self.plan.pretrain_data, work.method
        self.prepare(data)
        splits = SPLITS if self.request.transductive else ("train",)
        views = method.views()
        panels = aligned({name: self.cache(data, view, splits) for name, view in views.items()})
        held_out = aligned({name: self.cache(data, view, ("val",)) for name, view in views.items()})
        checkpoint = engine.Checkpoint(self.store.root / "checkpoints" / f"{work.key}.pt", self.device)
        with machine_slot(self.device.name, self.progress) if self.first else ExitStack():
            outcome = pretrain.pretrain(
                self.device,
                method,
                backbone,
                panels,
                held_out,
                work.settings,
                work.budget,
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
                    "unreadable": [
                        {"item": item, "reason": why} for cache in panels.values() for item, why in cache.failures
                    ],
                },
                "phases": {"pretrain": _phase(outcome.seconds, self.device.fabric.world_size, self.device)},
                "sha256": checksum(data_bytes),
            }
            path = self.weights_path(work)
            save_pictures(self.store.root / "runs" / work.key, outcome.pictures)
            self._look(backbone, data, self.store.root / "runs" / work.key)
            write_json(path.with_name("card.json"), card)
            write_atomic(path, data_bytes)
        self.device.fabric.barrier()
        checkpoint.remove()

    def _look(self, backbone: Backbone, data: Dataset, folder: Path) -> None:
        """Pictures of weights as they are handed over: once for each, however many cells use them."""
        if not self.first or (folder / "first-layer.png").is_file():
            return
        cache = self.store.root / "cache" / "images"
        items = looks.panels_of(data)
        key, threads = data.fingerprint(), self.request.threads
        try:
            pack = Pack.of(data.root, self.store.root)
            panels = build_cache(items, looks.view_of(backbone), cache, key, self.progress, threads, pack)
        except CellError as error:
            self.progress.say(f"no pictures of what the weights find alike: {error}")
            return
        save_pictures(folder, looks.draw(self.device, backbone, panels))

    def prepare(self, data: Dataset) -> None:
        """Draw what is drawn by a program, once; the other ranks wait."""
        if str(data.root) in self.prepared:
            return
        if self.first:
            data.prepare(self.progress)
            data.settle()
            for warning in data.warnings:
                self.progress.say(f"{data.name}: {warning}")
        self.device.fabric.barrier()
        self.prepared.add(str(data.root))

    def _task_data(self, cell: Cell, split: Split) -> TaskData:
        views = cell.task.views()
        items = cell.task.items(self.plan.data, split)
        if split == "train" and cell.task.config.label_fraction < 1:
            items = labelled(items, cell.task.config.label_fraction)
        if not items:
            raise CellError(f"the {split} split of {self.plan.data.name} is empty for {cell.task.name}")
        return TaskData.of(cell.task, items, lambda name, parts: self._built(self.plan.data, parts, views[name]))

    def _subset(self, cell: Cell) -> dict[str, Any] | None:
        """Which items' labels were used, where not all; their ids are kept in a file of the results folder."""
        share = cell.task.config.label_fraction
        if share == 1 or not self.first:
            return None
        items = cell.task.items(self.plan.data, "train")
        return {"share": share, **keep(labelled(items, share), len(items), self.store.root / "subsets")}

    def cache(self, data: Dataset, view: View, splits: tuple[Split, ...]) -> ImageCache:
        """The squares of all items of a view's kind in some splits. Raises CellError where there are none."""
        items = [item for split in splits for item in data.items(view.kind, split)]
        if not items:
            raise CellError(f"{data.name} has no {view.kind} in its {' and '.join(splits)} series")
        return self._built(data, items, view)

    def _built(self, data: Dataset, items: list[Item], view: View) -> ImageCache:
        """The cache of items; rank 0 builds it, the others open it."""
        folder = self.store.root / "cache" / "images"

        def build() -> ImageCache:
            key, threads = data.fingerprint(), self.request.threads
            return build_cache(items, view, folder, key, self.progress, threads, Pack.of(data.root, self.store.root))

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
