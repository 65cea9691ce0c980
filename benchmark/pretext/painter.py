"""The shared part of a context encoder and its control: networks, optimiser, schedule, crops, and painting error.

The two differ in ``taken`` alone: what is taken away of an image.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, TypeVar

import torch
from torch import Tensor, nn

from inkbench.benchmark import augment
from inkbench.benchmark.api import Config, Context, Method, View, setting
from inkbench.benchmark.networks.inpainting_nets import EncoderDecoder
from inkbench.benchmark.training.schedules import warmup_cosine

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone

PAPER = "Pathak et al. 2016"
CODE = "pathak22/context-encoder"


class PainterConfig(Config):
    """Settings that both have."""

    side: int = setting(64, "side of the images, px", PAPER, ge=16)
    bottleneck: Literal["channel-wise", "plain"] = setting(
        "channel-wise", "fully connected within each channel, or through one vector", PAPER
    )
    code: int = setting(256, "numbers of the plain bottleneck", CODE, ge=1)
    width: int = setting(16, "channels of the decoder at its last doubling, doubled towards the code", CODE, ge=1)
    lr: float = setting(2e-3, "learning rate of the encoder-decoder (Adam)", CODE, gt=0)
    beta1: float = setting(0.5, "Adam's first decay", CODE, ge=0, lt=1)
    schedule: Literal["cosine", "constant"] = setting("cosine", "course of the learning rate", "inkbench")

    presets = {
        "smoke": {"width": 8},
        "standard": {"side": 128, "width": 32, "code": 2000},
        "paper": {"side": 128, "width": 64, "code": 4000, "schedule": "constant"},
    }


PainterConfigT = TypeVar("PainterConfigT", bound=PainterConfig)


class Painter(Method[PainterConfigT]):
    """An encoder-decoder gives back an image of which something may be missing; images are floats in [-1, 1]."""

    def views(self) -> dict[str, View]:
        """Return one square per panel, larger than the image so that a crop has something to choose from."""
        return {"image": View(side=self.config.side * 9 // 8)}

    def input_sides(self) -> tuple[int, ...]:
        """Return the side of the crops, smaller than the view."""
        return (self.config.side,)

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """Build F, the encoder-decoder."""
        c = self.config
        self._normalize = backbone.normalize
        return {"net": EncoderDecoder(backbone, c.side, c.width, c.bottleneck, c.code)}

    def optimizer(self, network: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(parameters, lr=self.config.lr, betas=(self.config.beta1, 0.999), fused=True)

    def rate(self, progress: float) -> float:
        """Return the factor of a cosine with warm-up, or a constant as in the authors' code."""
        return warmup_cosine(progress) if self.config.schedule == "cosine" else 1.0

    @abstractmethod
    def taken(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return M, 1 where a pixel is taken away, and each pixel's error weight; float (n, 1, side, side) each."""

    def seen(self, images: Tensor, mask: Tensor) -> Tensor:
        """Return images without what ``mask`` takes away, as the backbone expects its input."""
        return self._normalize((self.without(images, mask) + 1) / 2)

    def without(self, images: Tensor, mask: Tensor) -> Tensor:
        """Return (1 - M) x and what fills M; nothing is missing unless a subclass says so."""
        del mask
        return images

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Yield the weighted squared error of what is given back."""
        images, said, weight = self._painted(nets, batch, context)
        yield weighted_error(said, images, weight)

    def _painted(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Paint random crops of a batch: return the crops, what F makes of what is left, and the error weights."""
        images = self._crops(batch["image"], context.generator)
        mask, weight = self.taken(len(images), context.generator)
        return images, nets["net"](self.seen(images, mask)).float(), weight

    @torch.no_grad()
    def _held_out(
        self, nets: Mapping[str, nn.Module], images: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the middles of uint8 panels, M, and what F makes of what is left."""
        start = (images.shape[-1] - self.config.side) // 2
        inner = slice(start, start + self.config.side)
        centred = augment.to_float(images[:, :, inner, inner]) * 2 - 1
        mask, _ = self.taken(len(images), generator)
        return centred, mask, nets["net"](self.seen(centred, mask)).float()

    def _crops(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Cut random crops of uint8 panels, half of them mirrored: float (N, 3, side, side) in [-1, 1]."""
        room = images.shape[-1] - self.config.side
        y, x = augment.integers((2, len(images), 1), room, generator)
        crops = augment.to_float(augment.cut(images, y, x, self.config.side)[:, 0]) * 2 - 1
        mirrored = augment.coin(len(images), 0.5, generator)[:, None, None, None]
        return torch.where(mirrored, crops.flip(-1), crops)


def weighted_error(said: Tensor, images: Tensor, weight: Tensor) -> Tensor:
    """Compute the mean, over the pixels that weigh anything, of ``weight`` times the squared error.

    As the authors apply weights: to the terms of a plain mean, so that a pixel that weighs 10 counts as ten, and no
    other counts less for it. ``said`` and ``images`` (N, 3, s, s), ``weight`` (N, 1, s, s), not all 0.
    """
    return (weight * (said - images).square()).sum() / (3 * (weight > 0).sum())
