"""One update of a method whose views are drawn without chance, as one of two ranks or alone on the whole batch.

Run by test_sync_batch_norm.py: ``python tests/distributed_batch_norm.py METHOD WORLD SYNC OUT``. Writes what the net
gave for each image of this rank, its running statistics and its gradients (the update is SGD's with a rate of 1).
"""

import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import interpolate

from inkbench.benchmark import registry
from inkbench.benchmark.api import Context, Method
from inkbench.benchmark.config import PretrainSettings
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.store.arrays import arrays_bytes
from inkbench.benchmark.store.files import write_atomic
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.learner import Learner
from inkbench.benchmark.training.updates import setup, update

BATCH = 32


class Toy(Method):
    """Batch norm of images and of vectors, timm's with its activation, and one without parameters; a mean over all."""

    name = "toy"
    sync_batch_norm = True

    def build(self, backbone):
        from timm.layers import BatchNormAct2d

        del backbone
        return {
            "net": nn.Sequential(
                nn.Conv2d(3, 6, 3, stride=2),
                BatchNormAct2d(6),
                nn.Conv2d(6, 6, 3, stride=2),
                nn.BatchNorm2d(6, momentum=None),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(6, 5),
                nn.BatchNorm1d(5, affine=False),
            )
        }

    def optimizer(self, network, parameters):
        return torch.optim.SGD(parameters, lr=1.0)

    def step(self, nets, batch, context):
        out = nets["net"](batch["image"].float() / 255)
        yield (out.softmax(1) * torch.arange(5.0)).sum(1).square().mean()


def made(name):
    """The method, trained by plain SGD."""
    if name == "toy":
        return Toy(Toy.Config())
    sets = {"dino": {"frozen_last": "0"}}.get(name, {})
    Loaded = registry.load("methods", name)
    Plain = type(
        "Plain", (Loaded,), {"optimizer": lambda self, network, parameters: torch.optim.SGD(parameters, lr=1.0)}
    )
    method = Plain(Loaded.Config.resolve(name, "smoke", sets))
    method.clip = lambda network: 0.0
    return method


def without_chance(name, monkey):
    """Two views of an image are it and its mirror, a third it upside down, at the size that the method asks for."""

    def views(images, size, count):
        whole = interpolate(images.float() / 255, size=(size, size), mode="bilinear")
        return [whole, whole.flip(-1), whole.flip(-2)][:count]

    if name == "dino":
        monkey.crops = lambda images, generator, sizes=None: (
            views(images, monkey.config.side, 2),
            views(images, monkey.config.local, 2),
        )
    elif name != "toy":
        module = sys.modules[registry.entries("methods")[name].module]
        module.strong_pairs = lambda batch, sides, c, generator: {
            kind: views(batch[kind], side, 2) for kind, side in sides.items()
        }
        module.weak = lambda images, size, smallest, generator, sizes=None: views(images, size, 3)[2]


def images_of(method, name, rank, world):
    sides = {"image": 24} if name == "toy" else {kind: view.side for kind, view in method.views().items()}
    generator = torch.Generator().manual_seed(5)
    whole = {
        kind: torch.randint(0, 256, (BATCH, 3, side, side), generator=generator, dtype=torch.uint8)
        for kind, side in sides.items()
    }
    whole = {kind: (of.float() * torch.linspace(0.2, 1, BATCH).view(-1, 1, 1, 1)).byte() for kind, of in whole.items()}
    whole |= {f"{kind}_size": torch.full((BATCH, 2), side) for kind, side in sides.items()}
    return {kind: of[rank::world] for kind, of in whole.items()}


def exactly():
    """Compute in float64, casts to float32 too: a value near a kink of ReLU that rounding moves across it, or one over
    a small temperature, is no fault of what is tested."""
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double


def main(name, world, sync, out):
    exactly()
    device = engine.start(world, "32", 1)
    rank = device.fabric.global_rank
    method = made(name)
    without_chance(name, method)
    torch.manual_seed(0)
    backbone = Backbone("test_resnet")
    nets, _ = driven = setup(device, method, method.build(backbone), sync)
    batch = images_of(method, name, rank, world)
    mine = len(next(iter(batch.values())))
    arrays = {}

    def keep(module, taken, given):
        for k, view in enumerate(given if isinstance(given, tuple) else (given,)):
            arrays[f"out {k}"] = view.detach().view(-1, mine, view.shape[-1]).numpy()

    nets["net"].module.register_forward_hook(keep)
    state = {key: value.clone() for key, value in nets["net"].module.state_dict().items()}
    context = Context(0, 0, 10, device.torch, torch.Generator().manual_seed(0), rank, world, 0)
    update(Learner(device, method, backbone, PretrainSettings(), 0), batch, context, driven)
    trained = dict(nets["net"].module.named_parameters())
    for key, value in nets["net"].module.state_dict().items():
        kind = "gradient" if key in trained else "buffer"
        arrays[f"{kind} {key}"] = (state[key] - value).numpy() if kind == "gradient" else value.numpy()
    write_atomic(Path(out), arrays_bytes(arrays))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
