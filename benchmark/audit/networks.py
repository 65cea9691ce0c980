"""Networks of an audit: trained by the loop of every run, kept whole, so that a second audit finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from inkbench.benchmark.networks import initialise
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.planning.experiment import Pretraining
from inkbench.benchmark.running.pretrain_items import reading
from inkbench.benchmark.running.workspace import Workspace
from inkbench.benchmark.seeding import derive
from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.store.locks import machine_slot
from inkbench.benchmark.training import engine, pretrain
from inkbench.benchmark.training.budget import budgeted_steps
from inkbench.benchmark.training.learner import Learner
from inkbench.benchmark.training.updates import setup


class Workshop:
    """Builds and trains pretext networks as a run of the same plan would, in ``folder``."""

    def __init__(self, workspace: Workspace, work: Pretraining, folder: Path) -> None:
        self.workspace, self.work, self.folder = workspace, work, folder

    def panels(self, method: Any, split: Any) -> Any:
        """Return the squares that a method cuts: those that its pretraining trains on (``train``), or held-out ones."""
        view, found, data = (
            method.views()["image"],
            reading(self.workspace, self.work),
            self.workspace.plan.pretrain_data,
        )
        if split == "train":
            return self.workspace.training(data, found.train[view.kind], view, self.work.settings.window)
        return self.workspace.resized(data, found.held_out[view.kind], view)

    def initial(self, method: Any) -> tuple[Backbone, nn.Module]:
        """Return the backbone and the pretext network as training starts from them, in evaluation mode."""
        backbone, raw = self._build(method)
        net = raw["net"].to(self.workspace.device.torch).eval()
        return backbone, net

    def trained(self, method: Any, name: str) -> tuple[Backbone, nn.Module]:
        """Return the same after training, read back from an earlier audit; unfinished training is resumed."""
        device, work = self.workspace.device, self.work
        backbone, raw = self._build(method)
        panels = {"image": self.panels(method, "train")}
        batch = {
            "image": engine.to_device(
                panels["image"].batch(np.arange(work.settings.batch) % len(panels["image"].items)), device.torch
            )
        }
        learner = Learner(device, method, backbone, work.settings, work.seed)
        steps, _ = budgeted_steps(learner, raw, batch, work.budget)
        driven = setup(device, method, raw, work.settings.sync_batch_norm)
        own = key_of([name, method.config.model_dump(mode="json")])[:8]
        checkpoint = engine.Checkpoint(self.folder / f"{name.replace(' ', '-')}-{own}.pt", device)
        if not checkpoint.path.is_file():
            self.workspace.progress.say(f"audit: training '{name}'")
        with machine_slot(device.name):
            pretrain.drive(learner, panels, steps, driven, checkpoint, self.workspace.progress)
        return backbone, driven.nets["net"].eval()

    def _build(self, method: Any) -> tuple[Backbone, dict[str, nn.Module]]:
        work = self.work
        torch.manual_seed(derive(work.seed, "backbone"))
        backbone = Backbone(work.backbone, work.backbone_settings)
        if work.init is not None:
            initialise.load_init(backbone, work.init, self.workspace.request.weights)
        torch.manual_seed(derive(work.seed, "build", method.name))
        return backbone, method.build(backbone)
