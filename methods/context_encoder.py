"""Context encoders: what belongs in the hole of a panel (Pathak et al., CVPR 2016)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark import augment
from benchmark.api import Config, Context, Method, Stage, View, setting
from benchmark.parts.draw_rows import draw_rows
from benchmark.parts.inpainting_nets import Discriminator, EncoderDecoder
from benchmark.parts.psnr import psnr
from benchmark.parts.schedules import warmup_cosine

if TYPE_CHECKING:
    from benchmark.backbones import Backbone

PAPER = "Pathak et al. 2016"
CODE = "pathak22/context-encoder"
MEAN_COLOUR = (117 / 255, 104 / 255, 123 / 255)
"""What holes are filled with by the authors' code; a panel's own mean is what ``fill=mean`` takes."""


class ContextEncoderConfig(Config):
    """Settings of context encoders; the defaults are those of ``quick``."""

    side: int = setting(64, "side of the images, px", PAPER, ge=16)
    holes: Literal["central", "random_block", "random_region"] = setting("random_region", "kind of hole", PAPER)
    share: float = setting(0.25, "share of the area that holes take away", PAPER, gt=0, lt=1)
    fill: Literal["mean", "constant"] = setting(
        "mean", "what is seen in the hole: the mean colour of what is left, or the authors' constant", CODE
    )
    joint: bool = setting(False, "adversarial loss beside the squared error; off: L2 only", f"{PAPER}, section 3.2")
    reconstruction: float = setting(0.999, "lambda_rec of the joint loss", PAPER, ge=0, le=1)
    adversarial: float = setting(0.001, "lambda_adv of the joint loss", PAPER, ge=0, le=1)
    overlap: int = setting(4, "band inside the hole's edge whose error weighs more, px; 0: none", CODE, ge=0)
    overlap_weight: float = setting(10.0, "how many times more", CODE, ge=1)
    bottleneck: Literal["channel-wise", "plain"] = setting(
        "channel-wise", "fully connected within each channel, or through one vector", PAPER
    )
    code: int = setting(256, "numbers of the plain bottleneck", CODE, ge=1)
    width: int = setting(16, "channels of the decoder at its last doubling, doubled towards the code", CODE, ge=1)
    critic_width: int = setting(16, "channels of the critic's first layer, doubled at each", CODE, ge=1)

    lr: float = setting(2e-3, "learning rate of the encoder-decoder (Adam)", CODE, gt=0)
    critic_lr: float = setting(2e-4, "learning rate of the critic (Adam)", CODE, gt=0)
    beta1: float = setting(0.5, "Adam's first decay", CODE, ge=0, lt=1)
    schedule: Literal["cosine", "constant"] = setting("cosine", "course of the learning rates", "inkbench")

    presets = {
        "smoke": {"width": 8},
        "standard": {"side": 128, "width": 32, "critic_width": 64, "code": 2000},
        "paper": {
            "side": 128,
            "width": 64,
            "critic_width": 64,
            "code": 4000,
            "fill": "constant",
            "schedule": "constant",
        },
    }


class ContextEncoder(Method):
    """An encoder-decoder fills in what a hole has taken away; the encoder is what is handed over."""

    name = "context_encoder"
    Config = ContextEncoderConfig
    source = "Pathak et al., Context Encoders: Feature Learning by Inpainting, CVPR 2016"

    config: ContextEncoderConfig

    def views(self) -> dict[str, View]:
        """One square per panel, larger than the image so that a crop has something to choose from."""
        return {"image": View(side=self.config.side * 9 // 8)}

    def input_sides(self) -> tuple[int, ...]:
        """The crops, smaller than the view."""
        return (self.config.side,)

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """F, the encoder-decoder; with the joint loss also D, the critic."""
        c = self.config
        self._normalize = backbone.normalize
        nets: dict[str, nn.Module] = {"net": EncoderDecoder(backbone, c.side, c.width, c.bottleneck, c.code)}
        if c.joint:
            nets["critic"] = Discriminator(c.side, c.critic_width)
        return nets

    def stages(self) -> tuple[Stage, ...]:
        """One stage; with the joint loss the critic is driven after the encoder-decoder."""
        return (Stage(("net", "critic") if self.config.joint else ("net",)),)

    def optimizer(self, network: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Adam, the critic ten times slower."""
        c = self.config
        return torch.optim.Adam(
            parameters, lr=c.critic_lr if network == "critic" else c.lr, betas=(c.beta1, 0.999), fused=True
        )

    def rate(self, progress: float) -> float:
        """Cosine with warm-up, or constant as in the authors' code."""
        return warmup_cosine(progress) if self.config.schedule == "cosine" else 1.0

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """L_rec, or lambda_rec L_rec + lambda_adv L_adv and then the critic's own loss."""
        c = self.config
        images = self._crops(batch["image"], context.generator)
        mask = self.holes(len(images), context.generator)
        said = nets["net"](self.seen(images, mask)).float()
        loss = self.reconstruction(said, images, mask)
        if not c.joint:
            yield loss
            return
        filled = torch.where(mask > 0, said, images)
        logits = nets["critic"](filled)
        yield c.reconstruction * loss + c.adversarial * binary_cross_entropy_with_logits(
            logits, torch.ones_like(logits)
        )
        logits = nets["critic"](torch.cat([images, filled.detach()]))
        truth = torch.cat([torch.ones(len(images)), torch.zeros(len(images))]).to(logits)
        yield binary_cross_entropy_with_logits(logits, truth)

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """``psnr`` (B,) of what is filled in, in dB over the hole, and that of the mean colour of what is left."""
        images, mask, said = self._filled(nets, batch["image"], context.generator)
        mean = mean_left(images, mask).expand_as(images)
        return {"psnr": psnr(said, images, mask, span=2), "trivial:psnr": psnr(mean, images, mask, span=2)}

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Rows of panel, panel with its hole, and panel filled in."""
        images, mask, said = self._filled(nets, batch["image"], context.generator)
        holed = torch.where(mask > 0, self._fill(images, mask), images)
        columns = {"panel": images, "with a hole": holed, "filled in": torch.where(mask > 0, said, images)}
        return {"holes": draw_rows({name: (x + 1) / 2 for name, x in columns.items()})}

    def holes(self, n: int, generator: torch.Generator) -> Tensor:
        """M, float (n, 1, side, side) with 1 in the hole."""
        c = self.config
        return augment.HOLES[c.holes](n, c.side, c.share, generator)

    def seen(self, images: Tensor, mask: Tensor) -> Tensor:
        """(1 - M) x and the fill in the hole, as the backbone expects its input; ``images`` in [-1, 1]."""
        return self._normalize((torch.where(mask > 0, self._fill(images, mask), images) + 1) / 2)

    def reconstruction(self, said: Tensor, images: Tensor, mask: Tensor) -> Tensor:
        """L_rec: mean over the hole of the squared error, the band along its edge ``overlap_weight`` times."""
        c = self.config
        weight = mask + (c.overlap_weight - 1) * augment.inner_band(mask, c.overlap)
        return (weight * (said - images).square()).sum() / (3 * weight.sum())

    def _fill(self, images: Tensor, mask: Tensor) -> Tensor:
        if self.config.fill == "mean":
            return mean_left(images, mask)
        return torch.tensor(MEAN_COLOUR, device=images.device).view(1, 3, 1, 1) * 2 - 1

    def _crops(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Random crops of uint8 panels, half of them mirrored: float (N, 3, side, side) in [-1, 1]."""
        room = images.shape[-1] - self.config.side
        y, x = augment.integers((2, len(images), 1), room, generator)
        crops = augment.to_float(augment.cut(images, y, x, self.config.side)[:, 0]) * 2 - 1
        mirrored = augment.coin(len(images), 0.5, generator)[:, None, None, None]
        return torch.where(mirrored, crops.flip(-1), crops)

    @torch.no_grad()
    def _filled(
        self, nets: Mapping[str, nn.Module], images: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        start = (images.shape[-1] - self.config.side) // 2
        inner = slice(start, start + self.config.side)
        centred = augment.to_float(images[:, :, inner, inner]) * 2 - 1
        mask = self.holes(len(images), generator)
        return centred, mask, nets["net"](self.seen(centred, mask)).float()


def mean_left(images: Tensor, mask: Tensor) -> Tensor:
    """The mean colour of what a hole leaves, (N, 3, 1, 1); ``images`` (N, 3, s, s), ``mask`` (N, 1, s, s)."""
    left = 1 - mask
    return (images * left).sum((2, 3), keepdim=True) / left.sum((2, 3), keepdim=True).clamp_min(1)
