"""The work of one experiment: its data, its backbone, transfer, the one scoring of test."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save

from inkbench.benchmark.api import Item, Predictions
from inkbench.benchmark.contracts.dataset import SPLITS
from inkbench.benchmark.data.cache import Caching
from inkbench.benchmark.data.cache import build as build_cache
from inkbench.benchmark.data.damage.items import read_item
from inkbench.benchmark.data.own_numbers import reading_options
from inkbench.benchmark.data.splits import labelled
from inkbench.benchmark.data.subsets import keep
from inkbench.benchmark.errors import RunError, plural
from inkbench.benchmark.networks.weights_files import weights_bytes
from inkbench.benchmark.planning.experiment import Experiment, Pretraining
from inkbench.benchmark.running import leak_check, pretrain_items
from inkbench.benchmark.running.job import job_of, task_data
from inkbench.benchmark.running.network import network_of
from inkbench.benchmark.running.pictures import save_pictures
from inkbench.benchmark.running.stored_network import stored_network
from inkbench.benchmark.running.weights import backbone_of, look, pretrained
from inkbench.benchmark.running.workspace import Workspace
from inkbench.benchmark.scorers import scorer_for
from inkbench.benchmark.scoring.score import Scored, score
from inkbench.benchmark.store.files import checksum, write_result
from inkbench.benchmark.store.locks import machine_slot
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training import engine, transfer
from inkbench.benchmark.training.head_loop import predict as predict_with
from inkbench.benchmark.training.task_data import TaskData

PICTURED = 4
GIVEN_KEY = 20
"""Pictures of given weights lie under so much of their checksum, where those of a pretraining lie under its key."""
OF_THE_WORK = (
    *("trials", "chosen", "calibration", "labelled", "curve", "head_parameters", "transfer_images", "pretext", "flops"),
    *("images_seen", "crops_seen", "pretrain_steps", "weights_sha256", "exclusions", "phases", "predictions"),
    *("network", "provenance"),
)
"""The fields of a record that are of its predictions, whatever they are scored by."""
Measured = tuple[dict[str, Any], dict[str, np.ndarray]]
"""The fields of a record that are of the work, and the items beside it; both empty on ranks that do not write."""


def measure(workspace: Workspace, experiment: Experiment) -> Measured:
    """Do the work of an experiment. Raises RunError and whatever a plugin raises."""
    workspace.prepare(workspace.plan.data)
    if experiment.predicted:
        return _predicted(workspace, experiment, experiment.predicted)
    return _baseline(workspace, experiment) if experiment.baseline else _method(workspace, experiment)


def forget(store: Store, experiment: Experiment) -> None:
    """Remove the checkpoints of an experiment that is recorded."""
    for path in (store.root / "checkpoints").glob(f"{experiment.work}-*.pt"):
        path.unlink(missing_ok=True)


def _baseline(workspace: Workspace, experiment: Experiment) -> Measured:
    began = time.monotonic()
    train, test = (task_data(workspace, experiment, split) for split in ("train", "test"))

    def predict(data: TaskData) -> Predictions:
        return experiment.task.predict_trivial(str(experiment.baseline), train.truths, data.truths, data.placements)

    predictions = predict(test)
    calibration = {}
    if experiment.task.calibrates:
        val = task_data(workspace, experiment, "val")
        calibration = experiment.task.calibrate(predict(val), val.truths)
    fields = {
        "calibration": calibration,
        "labelled": _subset(workspace, experiment),
        "exclusions": {"unreadable": train.failures + test.failures},
        "phases": {"test": workspace.phase(time.monotonic() - began)},
    }
    return _score(workspace, experiment, test, predictions, fields)


def _predicted(workspace: Workspace, experiment: Experiment, source: Path) -> Measured:
    """Score predictions from elsewhere like any other; what validation would choose keeps its default."""
    began = time.monotonic()
    test = task_data(workspace, experiment, "test")
    reader = experiment.task.prediction_format
    assert reader is not None
    ids = [item.id for item in test.items]
    options = reading_options(workspace.plan.data, ids, experiment.task.score_options())
    predictions = reader.read(source, ids, test.truths, options)
    fields = {
        "calibration": {},
        "exclusions": {"unreadable": test.failures},
        "phases": {"test": workspace.phase(time.monotonic() - began)},
    }
    return _score(workspace, experiment, test, predictions, fields)


def _method(workspace: Workspace, experiment: Experiment) -> Measured:
    backbone = backbone_of(workspace, experiment)
    card = pretrained(workspace, experiment, experiment.pretraining, backbone) if experiment.pretraining else {}
    handed_over = card.get("sha256") or checksum(weights_bytes(backbone))
    if experiment.weight_source:
        look(workspace, backbone, workspace.plan.data, workspace.store.root / "runs" / handed_over[:GIVEN_KEY])
    train, val, test = (task_data(workspace, experiment, split) for split in SPLITS)
    job = job_of(workspace, experiment)
    checkpoint = engine.Checkpoint(workspace.store.root / "checkpoints" / f"{experiment.work}.pt", workspace.device)
    with machine_slot(workspace.device.name) if workspace.first else ExitStack():
        outcome = transfer.transfer(job, backbone, transfer.Splits(train, val, test), checkpoint)
        network = network_of(workspace.device, backbone, experiment.task.view().side) if workspace.first else None
    if workspace.first and outcome.network:
        write_result(workspace.store.network_path(experiment.work), save(outcome.network))
    world = workspace.device.fabric.world_size
    fields = {
        "trials": outcome.trials,
        "chosen": outcome.chosen,
        "calibration": outcome.calibration,
        "labelled": _subset(workspace, experiment),
        "curve": outcome.curve,
        "head_parameters": outcome.head_parameters,
        "transfer_images": outcome.images,
        "pretext": card.get("pretext"),
        "images_seen": card.get("images", experiment.extra_steps * experiment.task.config.batch),
        "crops_seen": card.get("crops", 0),
        "pretrain_steps": card.get("steps", 0),
        "flops": card.get("flops", 0.0),
        "weights_sha256": handed_over,
        "network": network,
        "exclusions": {
            "unreadable": train.failures + val.failures + test.failures,
            "warnings": list(workspace.plan.data.warnings),
            "pretraining": card.get("exclusions"),
        },
        "phases": {
            **card.get("phases", {}),
            "train": workspace.phase(outcome.train_s, world),
            "test": workspace.phase(outcome.test_s, world),
        },
    }
    return _score(workspace, experiment, test, outcome.predictions, fields)


def predict(
    workspace: Workspace, experiment: Experiment, record: Record, items: list[Item], data_key: str
) -> tuple[TaskData, Predictions]:
    """Predict images without truth with a finished experiment's network; return also which of them could be read.

    Raises UsageError where the network is not stored, RunError where no image can be read.
    """
    job = replace(job_of(workspace, experiment), disk=None)
    net, backbone = stored_network(workspace, experiment, record, job)
    folder = workspace.store.root / "cache" / "images"
    caching = Caching(folder, data_key, workspace.progress, workspace.request.threads)
    cache = build_cache(items, experiment.task.view(), caching)
    data = TaskData.without_truth(experiment.task, cache)
    for failure in data.failures:
        workspace.progress.say(f"excluded: {failure['item']}: {failure['reason']}")
    return data, predict_with(job, net, backbone, data, f"predict {experiment.task.name}")


def _score(
    workspace: Workspace, experiment: Experiment, test: TaskData, predictions: Predictions, fields: dict[str, Any]
) -> Measured:
    """Score the one opening of test; predictions and pictures are written before the record."""
    if not workspace.first:
        return {}, {}
    began = time.monotonic()
    scored = score(experiment.task, predictions, test.items, test.truths, fields["calibration"])
    if experiment.pretraining:
        _look_for_leaks(workspace, experiment, experiment.pretraining, test, scored, fields)
    if "empty" in scored.items:
        fields["exclusions"]["empty_truth"] = scored.empty
    fields["notes"] = scored.notes
    for note in scored.notes if not experiment.baseline else ():
        workspace.progress.say(f"{experiment.method} on {experiment.task.name}: {note}")
    if "predictions" not in fields:
        fields["predictions"] = workspace.store.write_predictions(experiment.work, predictions, fields["calibration"])
    few = np.linspace(0, len(test.truths) - 1, min(PICTURED, len(test.truths))).astype(int)
    originals = [read_item(test.items[i]) for i in few]
    pictures = experiment.task.pictures(originals, [test.truths[i] for i in few], [predictions[i] for i in few])
    options = {**experiment.task.score_options(), **fields["calibration"]}
    pictures |= experiment.task.album(test.items, test.truths, predictions, options)
    save_pictures(workspace.store.root / "runs" / experiment.id, pictures)
    fields["phases"]["score"] = workspace.phase(time.monotonic() - began)
    return {"metrics": scored.metrics, **fields}, scored.items


def _look_for_leaks(
    workspace: Workspace,
    experiment: Experiment,
    work: Pretraining,
    test: TaskData,
    scored: Scored,
    fields: dict[str, Any],
) -> None:
    """Note which test items look like what was pretrained on, and the metrics without them."""
    began = time.monotonic()
    pretrained_on = pretrain_items.reading(workspace, work).images
    leaks, suspect = leak_check.check(pretrained_on, workspace.plan, test.items, workspace.store, workspace.progress)
    leaks["without"] = leak_check.without(scorer_for(experiment.task), scored.items, suspect, scored.metrics)
    if suspect.any():
        scored.items["leak"] = suspect
        workspace.progress.say(
            f"{experiment.method} on {experiment.task.name}: "
            f"possible leakage in {leaks['suspect']:,} of {plural(len(suspect), 'test image')}: "
            f"{plural(leaks['by_image'], 'near-duplicate')} of pretraining images, {leaks['by_series']:,} from series "
            "in both"
        )
    fields["leaks"] = leaks
    fields["phases"]["leaks"] = workspace.phase(time.monotonic() - began)


def again(workspace: Workspace, experiment: Experiment, record: Record | None) -> Measured:
    """Score the stored predictions of ``record``, whose work the experiment shares; None on ranks that do not write.

    Raises UsageError where they cannot be read, RunError where they are not one for each test item.
    """
    workspace.prepare(workspace.plan.data)
    test = task_data(workspace, experiment, "test")
    if record is None:
        return {}, {}
    predictions, told = workspace.store.read_predictions(record), record.to_json()
    if len(predictions) != len(test.items):
        raise RunError(f"run {record.id[:10]} predicted {len(predictions)} items, not the {len(test.items)} of test")
    fields = {name: told[name] for name in OF_THE_WORK if name in told}
    fields = {"exclusions": {}, "phases": {}, **fields, "was": record.id}
    return _score(workspace, experiment, test, predictions, fields)


def _subset(workspace: Workspace, experiment: Experiment) -> dict[str, Any] | None:
    """Return which items' labels were used, where not all; their ids are kept in a file of the results folder."""
    share = experiment.task.config.label_fraction
    if share == 1 or not workspace.first:
        return None
    items = experiment.task.items(workspace.plan.data, "train")
    return {"share": share, **keep(labelled(items, share), len(items), workspace.store.root / "subsets")}
