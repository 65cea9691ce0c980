"""Batch norm over all ranks: the statistics of a training batch are those of the whole one, as on a single device.

torch's own class where the device is CUDA, which is all that it takes; elsewhere the same on ``all_reduce``. A layer
keeps its identity, its parameters, its buffers and their names, and is a plain one again afterwards.
"""

from __future__ import annotations

from typing import Any

import torch
from timm.layers import BatchNormAct2d
from timm.layers.norm_act import SyncBatchNormAct
from torch import Tensor, distributed, nn
from torch.nn.functional import batch_norm

from inkbench.benchmark.networks.precision import full_precision

PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, BatchNormAct2d)


class _Sum(torch.autograd.Function):
    """The sum over all ranks; of gradients too, as what a rank gives to the sum moves the loss of every rank."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        total = own.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        distributed.all_reduce(total)
        return total


class SyncedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """A batch norm of any number of dimensions, (N, C, ...), whose training statistics are those of all ranks."""

    def forward(self, values: Tensor) -> Tensor:
        """Normalise by mean and biased variance over N and space of all ranks; running ones keep the unbiased one."""
        if not (self.training or self.running_mean is None):
            return batch_norm(values, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        with full_precision(values):
            return self._by_batch(values.to(torch.promote_types(values.dtype, torch.float32))).to(values.dtype)

    def _by_batch(self, values: Tensor) -> Tensor:
        others = [0, *range(2, values.dim())]
        shape = (1, -1, *(1,) * (values.dim() - 2))
        count = values.new_full((1,), values.numel() / values.shape[1])
        told = _Sum.apply(torch.cat([values.sum(others), count]))
        mean, number = told[:-1] / told[-1], told[-1].detach()
        centred = values - mean.view(shape)
        variance = _Sum.apply(centred.square().sum(others)) / number
        self._follow(mean.detach(), variance.detach() * number / (number - 1).clamp_min(1))
        normalised = centred * (variance + self.eps).rsqrt().view(shape)
        if self.weight is None:
            return normalised
        scaled: Tensor = normalised * self.weight.view(shape) + self.bias.view(shape)
        return scaled

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Update the running statistics, by the momentum or as the plain average over batches."""
        if not (self.training and self.track_running_stats) or self.running_mean is None:
            return
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)


class SyncedBatchNormAct(SyncedBatchNorm):
    """timm's batch norm that is followed by its own activation."""

    act: nn.Module
    drop: nn.Module

    def forward(self, values: Tensor) -> Tensor:
        """Return the output of ``BatchNormAct2d``, by the statistics of all ranks."""
        activated: Tensor = self.act(self.drop(super().forward(values)))
        return activated


def synchronise(net: nn.Module) -> None:
    """Let every batch norm of a network, which is on its device already, take the statistics of all ranks."""
    for layer in net.modules():
        if type(layer) in PLAIN:
            own = layer.__dict__
            own["plain_class"] = type(layer)
            own["process_group"] = None  # what torch's class looks for: all ranks
            layer.__class__ = _class_for(layer)


def desynchronise(net: nn.Module) -> None:
    """Make them plain batch norms again."""
    for layer in net.modules():
        if "plain_class" in layer.__dict__:
            del layer.__dict__["process_group"]
            layer.__class__ = layer.__dict__.pop("plain_class")


def _class_for(layer: nn.Module) -> type[nn.Module]:
    on_cuda = any(tensor.is_cuda for tensor in (*layer.parameters(), *layer.buffers()))
    if isinstance(layer, BatchNormAct2d):
        return SyncBatchNormAct if on_cuda else SyncedBatchNormAct
    return nn.SyncBatchNorm if on_cuda else SyncedBatchNorm
