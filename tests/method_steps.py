"""What the tests of pretext tasks share: contexts, noise to look at, and one update of every network of a method."""

import torch

from inkbench.benchmark.api import Context
from inkbench.benchmark.networks.backbones import Backbone


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def context(seed=0, step=0, steps=1, stage=-1):
    return Context(0, step, steps, torch.device("cpu"), generator(seed), stage=stage)


def noise(n, side, seed=0):
    """Images uint8 (n, 3, side, side) of white noise: nothing in them is equal to anything else."""
    return torch.randint(0, 256, (n, 3, side, side), generator=generator(seed), dtype=torch.uint8)


def batch(method, n=4, seed=0):
    """Noise for each of a method's views, and labels that pairs of images share."""
    images = {name: noise(n, view.side, seed + k) for k, (name, view) in enumerate(method.views().items())}
    images |= {f"{name}_size": torch.tensor([[30, 50], [40, 40]]).repeat(-(-n // 2), 1)[:n] for name in method.views()}
    return images | {name: torch.arange(n) // 2 for name in method.labels({view: [] for view in images})}


def built(method, backbone="test_resnet"):
    """The networks of a method, from a seed."""
    torch.manual_seed(0)
    return method.build(Backbone(backbone))


def drive(method, nets, stage, steps=1, n=4):
    """Updates as the loop does them, under bf16 autocast: each loss moves its network alone.

    Gives losses (steps, networks), and fails where a driven network lacks a finite gradient.
    """
    drives = method.stages()[stage].drives
    trained = {name: [p for p in net.parameters() if p.requires_grad] for name, net in nets.items()}
    optimizers = {name: method.optimizer(name, trained[name]) for name in drives}
    every = []
    for step in range(steps):
        losses = method.step(nets, batch(method, n, step), context(step, step, steps, stage))
        told = []
        for name in drives:
            for other, parameters in trained.items():
                for parameter in parameters:
                    parameter.requires_grad_(other == name)
            with torch.autocast("cpu", torch.bfloat16):
                loss = next(losses)
            optimizers[name].zero_grad()
            loss.backward()
            grads = [p.grad for p in nets[name].parameters() if p.grad is not None]
            assert grads
            assert all(grad.isfinite().all() for grad in grads)
            optimizers[name].step()
            told.append(float(loss.detach()))
        assert next(losses, None) is None
        every.append(told)
    for parameters in trained.values():
        for parameter in parameters:
            parameter.requires_grad_(True)  # as a later stage finds them
    return every
