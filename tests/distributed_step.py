"""One update of each of several methods, as one of several ranks or alone on a rank's share; writes what changed.

Run by test_distributed.py: ``python tests/distributed_step.py SHARE OF OUT``.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from inkbench.benchmark import registry
from inkbench.benchmark.api import Context, Method, Stage
from inkbench.benchmark.config import PretrainSettings
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.seeding import derive
from inkbench.benchmark.store.arrays import arrays_bytes
from inkbench.benchmark.store.files import write_atomic
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.learner import Learner
from inkbench.benchmark.training.updates import setup, update

BATCH = 8


class Adversarial(Method):
    """A generator that shifts features and a critic that tells them apart; the critic is called in both turns."""

    name = "adversarial"

    def build(self, backbone):
        generator = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 1))
        critic = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.LazyLinear(1)
        )
        critic(torch.zeros(2, 3, 16, 16))
        return {"generator": generator, "critic": critic}

    def stages(self):
        return (Stage(("generator", "critic")),)

    def optimizer(self, network, parameters):
        return torch.optim.SGD(parameters, lr=1.0)

    def step(self, nets, batch, context):
        real = batch["image"].float() / 255
        fake = nets["generator"](real)
        yield nn.functional.softplus(-nets["critic"](fake)).mean()
        yield (
            nn.functional.softplus(nets["critic"](fake.detach())) + nn.functional.softplus(-nets["critic"](real))
        ).mean()


def by_sgd(name, **sets):
    """A method as it is, but for an optimiser whose update is the gradient."""
    own = registry.load("methods", name)

    class BySgd(own):
        def optimizer(self, network, parameters):
            return torch.optim.SGD(parameters, lr=1.0)

    return BySgd(own.Config.resolve(name, "smoke", sets))


KINDS = {
    "plain": lambda: by_sgd("jigsaw"),
    "adversarial": lambda: Adversarial(Method.Config()),
    "spot_artifacts": lambda: by_sgd("spot_artifacts"),
    "context_encoder": lambda: by_sgd("context_encoder", joint="true"),
    "autoencoder": lambda: by_sgd("autoencoder"),
}


def change(device, kind, rank, of):
    """What one update changes, by network and parameter."""
    torch.manual_seed(0)
    method = KINDS[kind]()
    side = 16 if kind == "adversarial" else next(iter(method.views().values())).side
    backbone = Backbone("test_resnet")
    nets, optimizers = driven = setup(device, method, method.build(backbone))
    before = {name: net.module.state_dict() if name in optimizers else {} for name, net in nets.items()}
    before = {name: {key: value.clone() for key, value in state.items()} for name, state in before.items()}
    pixels = np.random.default_rng(1).integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8)
    batch = {"image": engine.to_device(pixels[rank::of], device.torch)}
    own = derive(0, "pretrain", 0, rank)
    torch.manual_seed(own)
    context = Context(0, 0, 1, device.torch, torch.Generator().manual_seed(own), rank, of)
    update(Learner(device, method, backbone, PretrainSettings(), 0), batch, context, driven)
    return {
        f"{kind}/{name}/{key}": (value - before[name][key]).numpy()
        for name, net in nets.items()
        if name in optimizers
        for key, value in net.module.state_dict().items()
        if key in dict(net.module.named_parameters())
    }


def main(share, of, out):
    device = engine.start(of if share is None else 1, "32", 1)
    rank = device.fabric.global_rank if share is None else share
    changes = {key: value for kind in KINDS for key, value in change(device, kind, rank, of).items()}
    if share is not None or rank == 0:
        write_atomic(Path(out), arrays_bytes(changes))


if __name__ == "__main__":
    main(None if sys.argv[1] == "rank" else int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
