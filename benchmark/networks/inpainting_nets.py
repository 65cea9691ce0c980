"""Encoder-decoders around a backbone and the DCGAN critic (Pathak et al. 2016, section 3.1 and 3.2)."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone

SLOPE = 0.2
"""The slope of the critic's leaky rectifier."""


class ChannelWise(nn.Module):
    """A fully connected layer within each of m maps of n x n, m n^4 weights, then a 1 x 1 convolution across maps.

    It carries information over the whole map without the m^2 n^4 weights of a full connection (section 3.1).
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        bound = (1 / size**2) ** 0.5
        self.weight = nn.Parameter(torch.empty(channels, size**2, size**2).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(channels, size**2, 1))
        self.across = nn.Conv2d(channels, channels, 1)

    def within(self, maps: Tensor) -> Tensor:
        """Map each channel (N, C, n, n) on its own."""
        n, channels, height, width = maps.shape
        flat = maps.permute(1, 2, 3, 0).reshape(channels, height * width, n)
        out = torch.baddbmm(self.bias.to(flat.dtype), self.weight.to(flat.dtype), flat)
        return out.reshape(channels, height, width, n).permute(3, 0, 1, 2)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, C, n, n) to the same shape."""
        mixed: Tensor = self.across(torch.relu(self.within(maps)))
        return mixed


class EncoderDecoder(nn.Module):
    """The backbone's coarsest map, a bottleneck, and convolutions that grow it back to an image in [-1, 1]."""

    def __init__(
        self,
        backbone: Backbone,
        side: int,
        width: int,
        bottleneck: Literal["channel-wise", "plain"],
        code: int,
    ) -> None:
        """Build for images of ``side`` px; ``width`` channels at half size, doubled towards the code.

        ``code`` is the number of values of the plain bottleneck.
        Raises UsageError where the backbone's map does not grow
        to ``side`` by doubling.
        """
        super().__init__()
        self.backbone = backbone
        was = backbone.training
        backbone.eval()
        with torch.no_grad():
            coarsest = backbone(torch.zeros(1, 3, side, side, device=next(backbone.parameters()).device))[-1]
        backbone.train(was)
        channels, size = int(coarsest.shape[1]), int(coarsest.shape[-1])
        doublings = (side // size).bit_length() - 1
        if size << doublings != side:
            raise UsageError(
                f"{backbone.name} turns {side} px into a map of {size}, which doubling does not restore; "
                f"choose a side that is {size} times a power of two"
            )
        if bottleneck == "channel-wise":
            self.bottleneck: nn.Module = ChannelWise(channels, size)
        else:
            self.bottleneck = nn.Sequential(
                nn.Conv2d(channels, code, size),
                nn.BatchNorm2d(code),
                nn.ReLU(),
                nn.ConvTranspose2d(code, channels, size),
            )
        widths = [channels, *(min(width << level, 512) for level in reversed(range(doublings)))]
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [nn.BatchNorm2d(a), nn.ReLU(), nn.ConvTranspose2d(a, b, 4, 2, 1)]
        self.decoder = nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(widths[-1], 3, 3, padding=1), nn.Tanh())

    def forward(self, images: Tensor) -> Tensor:
        """Return images in [-1, 1] (N, 3, side, side) of normalised ones."""
        filled: Tensor = self.decoder(self.bottleneck(self.backbone(images)[-1]))
        return filled


class Discriminator(nn.Module):
    """DCGAN's critic: strided convolutions down to one logit (Radford et al. 2016)."""

    def __init__(self, side: int, width: int) -> None:
        """Build for images of ``side`` px; ``width`` channels after the first layer, doubled at each."""
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        size, channels = side // 2, width
        while size > 4:
            out = min(2 * channels, 8 * width)
            layers += [nn.Conv2d(channels, out, 4, 2, 1, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(SLOPE)]
            size, channels = size // 2, out
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 1, size))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.02)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N,) of "real" for images in [-1, 1]."""
        scores: Tensor = self.layers(images).flatten(1).mean(1).float()
        return scores
