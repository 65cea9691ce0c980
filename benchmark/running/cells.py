"""The work of one cell: its data, its backbone, transfer, the one scoring of test."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load, save

from inkbench.benchmark.api import Item, Predictions
from inkbench.benchmark.contracts.dataset import SPLITS, Split
from inkbench.benchmark.data.cache import Caching
from inkbench.benchmark.data.cache import build as build_cache
from inkbench.benchmark.data.images import read_rgb
from inkbench.benchmark.data.own_numbers import reading_options
from inkbench.benchmark.data.splits import labelled
from inkbench.benchmark.data.subsets import keep
from inkbench.benchmark.errors import CellError, Refusal
from inkbench.benchmark.networks.weights_files import weights_bytes
from inkbench.benchmark.planning.planned import Cell, Pretraining
from inkbench.benchmark.running import leak_check, pretrain_items
from inkbench.benchmark.running.bench import Bench
from inkbench.benchmark.running.pictures import save_pictures
from inkbench.benchmark.running.pretrained import backbone_of, look, pretrained
from inkbench.benchmark.scorers import scorer_for
from inkbench.benchmark.scoring.score import Scored, score
from inkbench.benchmark.store.files import checksum, write_atomic
from inkbench.benchmark.store.locks import machine_slot
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training import engine, transfer
from inkbench.benchmark.training.features import Features
from inkbench.benchmark.training.head_loop import Job, restored
from inkbench.benchmark.training.head_loop import predict as predict_with
from inkbench.benchmark.training.task_data import TaskData

PICTURED = 4
GIVEN_KEY = 20
"""Pictures of given weights lie under so much of their checksum, where those of a pretraining lie under its key."""
OF_THE_WORK = (
    *("trials", "chosen", "calibration", "labelled", "curve", "head_parameters", "transfer_images", "pretext", "flops"),
    *("images_seen", "crops_seen", "pretrain_steps", "weights_sha256", "exclusions", "phases", "predictions"),
    "provenance",
)
"""The fields of a record that are of its predictions, whatever they are scored by."""
Measured = tuple[dict[str, Any], dict[str, np.ndarray]]
"""The fields of a record that are of the work, and the items beside it; both empty on ranks that do not write."""


def measure(bench: Bench, cell: Cell) -> Measured:
    """Do the work of a cell. Raises CellError and whatever a plugin raises."""
    bench.prepare(bench.plan.data)
    if cell.predicted:
        return _predicted(bench, cell, cell.predicted)
    return _plain(bench, cell) if cell.plain else _method(bench, cell)


def forget(store: Store, cell: Cell) -> None:
    """Remove the checkpoints of a cell that is recorded."""
    for path in (store.root / "checkpoints").glob(f"{cell.work}-*.pt"):
        path.unlink(missing_ok=True)


def _plain(bench: Bench, cell: Cell) -> Measured:
    began = time.monotonic()
    train, test = (_task_data(bench, cell, split) for split in ("train", "test"))

    def predict(data: TaskData) -> Predictions:
        return cell.task.predict_trivial(str(cell.plain), train.truths, data.truths, data.placements)

    predictions = predict(test)
    calibration = {}
    if cell.task.calibrates:
        val = _task_data(bench, cell, "val")
        calibration = cell.task.calibrate(predict(val), val.truths)
    fields = {
        "calibration": calibration,
        "labelled": _subset(bench, cell),
        "exclusions": {"unreadable": train.failures + test.failures},
        "phases": {"test": bench.phase(time.monotonic() - began)},
    }
    return _score(bench, cell, test, predictions, fields)


def _predicted(bench: Bench, cell: Cell, source: Path) -> Measured:
    """Score predictions from elsewhere like any other; what validation would choose keeps its default."""
    began = time.monotonic()
    test = _task_data(bench, cell, "test")
    reader = cell.task.prediction_format
    assert reader is not None
    ids = [item.id for item in test.items]
    options = reading_options(bench.plan.data, ids, cell.task.score_options())
    predictions = reader.read(source, ids, test.truths, options)
    fields = {
        "calibration": {},
        "exclusions": {"unreadable": test.failures},
        "phases": {"test": bench.phase(time.monotonic() - began)},
    }
    return _score(bench, cell, test, predictions, fields)


def _method(bench: Bench, cell: Cell) -> Measured:
    backbone = backbone_of(bench, cell)
    card = pretrained(bench, cell, cell.pretraining, backbone) if cell.pretraining else {}
    handed_over = card.get("sha256") or checksum(weights_bytes(backbone))
    if cell.giver:
        look(bench, backbone, bench.plan.data, bench.store.root / "runs" / handed_over[:GIVEN_KEY])
    train, val, test = (_task_data(bench, cell, split) for split in SPLITS)
    job = _job(bench, cell)
    checkpoint = engine.Checkpoint(bench.store.root / "checkpoints" / f"{cell.work}.pt", bench.device)
    with machine_slot(bench.device.name, bench.progress) if bench.first else ExitStack():
        outcome = transfer.transfer(job, backbone, transfer.Splits(train, val, test), checkpoint)
    if bench.first and outcome.network:
        write_atomic(bench.store.network_path(cell.work), save(outcome.network))
    world = bench.device.fabric.world_size
    fields = {
        "trials": outcome.trials,
        "chosen": outcome.chosen,
        "calibration": outcome.calibration,
        "labelled": _subset(bench, cell),
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
            "warnings": list(bench.plan.data.warnings),
            "pretraining": card.get("exclusions"),
        },
        "phases": {
            **card.get("phases", {}),
            "train": bench.phase(outcome.train_s, world),
            "test": bench.phase(outcome.test_s, world),
        },
    }
    return _score(bench, cell, test, outcome.predictions, fields)


def _job(bench: Bench, cell: Cell) -> Job:
    return Job(
        device=bench.device,
        task=cell.task,
        protocol=cell.protocol,
        steps=cell.task.steps(cell.protocol) + cell.extra_steps,
        seed=cell.seed,
        disk=Features(bench.store.root / "cache" / "features", bench.plan.data.fingerprint()),
        progress=bench.progress,
    )


def predict(bench: Bench, cell: Cell, record: Record, items: list[Item], data_key: str) -> tuple[TaskData, Predictions]:
    """Predict images without truth with a finished cell's network; return also which of them could be read.

    Raises Refusal where the network is not stored, CellError where no image can be read.
    """
    path = bench.store.network_path(record.made)
    if not path.is_file():
        raise Refusal(
            f"the network of cell {cell.id[:10]} is not in {path.parent}: run it again with --force; of heads that "
            "are fitted at once none is kept"
        )
    backbone = backbone_of(bench, cell)
    if cell.pretraining:
        pretrained(bench, cell, cell.pretraining, backbone)
    job = replace(_job(bench, cell), disk=None)
    net = restored(job, backbone.requires_grad_(False).eval(), load(path.read_bytes()))
    folder = bench.store.root / "cache" / "images"
    caching = Caching(folder, data_key, bench.progress, bench.request.threads)
    cache = build_cache(items, cell.task.view(), caching)
    data = TaskData.without_truth(cell.task, cache)
    for failure in data.failures:
        bench.progress.say(f"excluded: {failure['item']}: {failure['reason']}")
    return data, predict_with(job, net, backbone, data, f"predict {cell.task.name}")


def _score(bench: Bench, cell: Cell, test: TaskData, predictions: Predictions, fields: dict[str, Any]) -> Measured:
    """Score the one opening of test; predictions and pictures are written before the record."""
    if not bench.first:
        return {}, {}
    began = time.monotonic()
    scored = score(cell.task, predictions, test.items, test.truths, fields["calibration"])
    if cell.pretraining:
        _look_for_leaks(bench, cell, cell.pretraining, test, scored, fields)
    if "empty" in scored.items:
        fields["exclusions"]["empty_truth"] = scored.empty
    fields["notes"] = scored.notes
    for note in scored.notes if not cell.plain else ():
        bench.progress.say(f"{cell.method} on {cell.task.name}: {note}")
    if "predictions" not in fields:
        fields["predictions"] = bench.store.write_predictions(cell.work, predictions)
    few = np.linspace(0, len(test.truths) - 1, min(PICTURED, len(test.truths))).astype(int)
    originals = [read_rgb(test.items[i].path, test.items[i].crop) for i in few]
    pictures = cell.task.pictures(originals, [test.truths[i] for i in few], [predictions[i] for i in few])
    options = {**cell.task.score_options(), **fields["calibration"]}
    pictures |= cell.task.album(test.items, test.truths, predictions, options)
    save_pictures(bench.store.root / "runs" / cell.id, pictures)
    fields["phases"]["score"] = bench.phase(time.monotonic() - began)
    return {"metrics": scored.metrics, **fields}, scored.items


def _look_for_leaks(
    bench: Bench, cell: Cell, work: Pretraining, test: TaskData, scored: Scored, fields: dict[str, Any]
) -> None:
    """Note which test items look like what was pretrained on, and the metrics without them."""
    began = time.monotonic()
    pretrained_on = pretrain_items.reading(bench, work).images
    leaks, suspect = leak_check.check(pretrained_on, bench.plan, test.items, bench.store, bench.progress)
    leaks["without"] = leak_check.without(scorer_for(cell.task), scored.items, suspect, scored.metrics)
    if suspect.any():
        scored.items["leak"] = suspect
        bench.progress.say(
            f"{cell.method} on {cell.task.name}: Possible leakage: {leaks['suspect']} of {len(suspect)} test images: "
            f"{leaks['by_image']} are near-duplicates of pretraining images; {leaks['by_series']} share a series."
        )
    fields["leaks"] = leaks
    fields["phases"]["leaks"] = bench.phase(time.monotonic() - began)


def again(bench: Bench, cell: Cell, record: Record | None) -> Measured:
    """Score the stored predictions of ``record``, whose work is that of the cell; None on ranks that do not write.

    Raises Refusal where they cannot be read, CellError where they are not one for each test item.
    """
    bench.prepare(bench.plan.data)
    test = _task_data(bench, cell, "test")
    if record is None:
        return {}, {}
    predictions, told = bench.store.read_predictions(record), record.to_json()
    if len(predictions) != len(test.items):
        raise CellError(f"cell {record.id[:10]} predicted {len(predictions)} items, not the {len(test.items)} of test")
    fields = {name: told[name] for name in OF_THE_WORK if name in told}
    fields = {"exclusions": {}, "phases": {}, **fields, "was": record.id}
    return _score(bench, cell, test, predictions, fields)


def _task_data(bench: Bench, cell: Cell, split: Split) -> TaskData:
    views = cell.task.views()
    items = cell.task.items(bench.plan.data, split)
    if split == "train" and cell.task.config.label_fraction < 1:
        items = labelled(items, cell.task.config.label_fraction)
    if not items:
        raise CellError(f"the {split} split of {bench.plan.data.name} is empty for {cell.task.name}")
    return TaskData.of(cell.task, items, lambda name, parts: bench.squares(bench.plan.data, parts, views[name]))


def _subset(bench: Bench, cell: Cell) -> dict[str, Any] | None:
    """Return which items' labels were used, where not all; their ids are kept in a file of the results folder."""
    share = cell.task.config.label_fraction
    if share == 1 or not bench.first:
        return None
    items = cell.task.items(bench.plan.data, "train")
    return {"share": share, **keep(labelled(items, share), len(items), bench.store.root / "subsets")}
