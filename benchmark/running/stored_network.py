"""The network of a finished run as it was when it predicted test: from its file, or fitted again where it has none."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from safetensors.torch import load

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import weights_bytes
from inkbench.benchmark.planning.experiment import Experiment
from inkbench.benchmark.running.job import job_of, task_data
from inkbench.benchmark.running.weights import backbone_of, pretrained
from inkbench.benchmark.running.workspace import Workspace
from inkbench.benchmark.store.files import checksum
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.batch_norm import reestimate
from inkbench.benchmark.training.head_loop import Job, restored, train_head


class Network(NamedTuple):
    """What ``head_loop.predict`` needs: head and backbone as one network, and the backbone alone."""

    net: Any
    backbone: Backbone


def stored_network(workspace: Workspace, experiment: Experiment, record: Record, job: Job) -> Network:
    """Return a run's network from its file. Raises UsageError where that is gone, RunError where it is another's."""
    path = workspace.store.network_path(record.made)
    if not path.is_file():
        raise UsageError(
            f"the network of run {experiment.id[:10]} is not in {path.parent}: run it again with --force; "
            "heads that are fitted at once are not stored"
        )
    backbone = _handed_over(workspace, experiment, record, job)
    return Network(restored(job, backbone, load(path.read_bytes())), backbone)


def network_again(workspace: Workspace, experiment: Experiment, record: Record) -> Network:
    """Return a frozen run's network: from its file, or, of a head without steps, fitted again to the same items.

    Raises UsageError and RunError as ``stored_network``.
    """
    job = job_of(workspace, experiment)
    if job.steps or workspace.store.network_path(record.made).is_file():
        return stored_network(workspace, experiment, record, job)
    train, val = (task_data(workspace, experiment, split) for split in ("train", "val"))
    backbone = _handed_over(workspace, experiment, record, job)
    chosen = record.chosen or {}
    if chosen.get("batch_norm") == "re-estimated":
        reestimate(job.device, backbone, train.sources())
    unused = engine.Checkpoint(workspace.store.root / "checkpoints" / f"{record.made}.pt", job.device)
    net, _, _ = train_head(job, backbone, train, val, float(chosen.get("factor", 1.0)), unused)
    return Network(net, backbone)


def _handed_over(workspace: Workspace, experiment: Experiment, record: Record, job: Job) -> Backbone:
    """Return the backbone as the run was handed it, on the device. Raises UsageError where its weights are others."""
    backbone = backbone_of(workspace, experiment)
    card = pretrained(workspace, experiment, experiment.pretraining, backbone) if experiment.pretraining else {}
    if record.weights_sha256 not in (None, card.get("sha256") or checksum(weights_bytes(backbone))):
        raise UsageError(f"run {experiment.id[:10]} was handed other weights than are there now; run it with --force")
    backbone.to(job.device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return backbone.requires_grad_(False).eval()
