"""Three updates of DINO as one of two ranks; writes its prototypes before and after each, and a checksum of the rest.

Run by test_dino.py: ``python tests/distributed_dino.py BACKBONE OUT``.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from inkbench.benchmark.config import PretrainSettings
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.store.arrays import arrays_bytes
from inkbench.benchmark.store.files import write_atomic
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.learner import Learner
from inkbench.benchmark.training.updates import setup, update
from inkbench.methods.dino.method import Dino

STEPS = 3


def main(backbone_name, out):
    device = engine.start(2, "32", 1)
    rank = device.fabric.global_rank
    torch.manual_seed(0)
    sets = {"frozen_last": "0.5", "locals": "1", "drop_path": "0.1"}
    method = Dino(Dino.Config.resolve("dino", "smoke", sets))
    backbone = Backbone(backbone_name)
    nets, _ = driven = setup(device, method, method.build(backbone))
    last = nets["net"].module.last
    prototypes = [last.detach().clone().numpy()]
    for step in range(STEPS):
        pixels = np.random.default_rng(10 * step + rank).integers(0, 256, (4, 60, 60, 3), dtype=np.uint8)
        context = replace(engine.context(device, 0, "pretrain", step, STEPS), stage=0)
        batch = {"image": engine.to_device(pixels, device.torch)}
        update(Learner(device, method, backbone, PretrainSettings(), 0), batch, context, driven)
        prototypes.append(last.detach().clone().numpy())
    every = torch.cat([p.detach().flatten() for p in nets["net"].parameters() if p.requires_grad])
    with torch.no_grad():
        figures = method.pretext(nets, batch, engine.context(device, 0, "held out", 0, 1))
    told = {"last": np.stack(prototypes), "every": every.numpy(), "knn": figures["knn"]}
    write_atomic(Path(out) / f"{rank}.npz", arrays_bytes(told))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
