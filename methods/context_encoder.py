"""Context encoders: what belongs in the hole of a panel (Pathak et al., CVPR 2016)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from inkbench.benchmark import augment
from inkbench.benchmark.api import Context, Stage, setting
from inkbench.benchmark.drawing.rows import draw_rows
from inkbench.benchmark.losses.psnr import psnr
from inkbench.benchmark.networks.inpainting_nets import Discriminator
from inkbench.benchmark.pretext.painter import CODE, PAPER, Painter, PainterConfig, weighted_error

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone

MEAN_COLOUR = (117 / 255, 104 / 255, 123 / 255)
"""What holes are filled with by the authors' code; a panel's own mean is what ``fill=mean`` takes."""


class ContextEncoderConfig(PainterConfig):
    """Settings of context encoders; the defaults are those of ``quick``."""

    holes: Literal["central", "random_block", "random_region"] = setting("random_region", "kind of hole", PAPER)
    share: float = setting(0.25, "share of the area that holes take away", PAPER, gt=0, lt=1)
    over: Literal["image", "hole"] = setting(
        "image", "what the error of random holes is taken over: all of the image (train_random.lua) or eq. 1", CODE
    )
    fill: Literal["mean", "constant"] = setting(
        "mean", "what is seen in the hole: the mean colour of what is left, or the authors' constant", CODE
    )
    overlap: int = setting(
        2, "band along the inside of a central hole's edge that stays visible, px; 0: none", CODE, ge=0
    )
    overlap_weight: float = setting(10.0, "how many times more the error in that band weighs", CODE, ge=1)
    joint: bool = setting(False, "adversarial loss beside the squared error; off: L2 only", f"{PAPER}, section 3.2")
    reconstruction: float = setting(0.999, "lambda_rec of the joint loss", PAPER, ge=0, le=1)
    adversarial: float = setting(0.001, "lambda_adv of the joint loss", PAPER, ge=0, le=1)
    critic_width: int = setting(16, "channels of the critic's first layer, doubled at each", CODE, ge=1)
    critic_lr: float = setting(2e-4, "learning rate of the critic (Adam)", CODE, gt=0)

    presets = {
        "smoke": PainterConfig.presets["smoke"],
        "standard": {**PainterConfig.presets["standard"], "critic_width": 64, "overlap": 4},
        "paper": {**PainterConfig.presets["paper"], "critic_width": 64, "overlap": 4, "fill": "constant"},
    }

    @model_validator(mode="after")
    def _hides_something(self) -> Self:
        if self.holes == "central" and 2 * self.overlap >= augment.central_square(self.side, self.share)[1]:
            raise ValueError(
                f"a band of {self.overlap} px along its edge leaves nothing of the central hole; lower "
                "context_encoder.overlap, or raise context_encoder.share"
            )
        return self


class ContextEncoder(Painter[ContextEncoderConfig]):
    """An encoder-decoder fills in what a hole has taken away; the encoder is what is handed over."""

    name = "context_encoder"
    version = 2
    Config = ContextEncoderConfig
    source = "Pathak et al., Context Encoders: Feature Learning by Inpainting, CVPR 2016"

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """Build F, the encoder-decoder; with the joint loss also D, the critic of what is judged."""
        nets = super().build(backbone)
        if self.config.joint:
            nets["critic"] = Discriminator(self._judged_square()[1], self.config.critic_width)
        return nets

    def stages(self) -> tuple[Stage, ...]:
        """Return one stage; with the joint loss the critic is driven after the encoder-decoder."""
        return (Stage(("net", "critic") if self.config.joint else ("net",)),)

    def optimizer(self, network: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return Adam, the critic ten times slower."""
        optimizer = super().optimizer(network, parameters)
        if network == "critic":
            for group in optimizer.param_groups:
                group["lr"] = self.config.critic_lr
        return optimizer

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Yield L_rec, or lambda_rec L_rec + lambda_adv L_adv and then the critic's own loss.

        True and painted images are batches of their own for D, in its own loss and in the encoder-decoder's.
        """
        c = self.config
        images, said, weight = self._painted(nets, batch, context)
        loss = weighted_error(said, images, weight)
        if not c.joint:
            yield loss
            return
        start, size = self._judged_square()
        inner = (..., slice(start, start + size), slice(start, start + size))
        true, painted = images[inner], said[inner]
        fooled = nets["critic"](painted)
        yield c.reconstruction * loss + c.adversarial * _against(fooled, 1.0)
        yield _against(nets["critic"](true), 1.0) + _against(nets["critic"](painted.detach()), 0.0)

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Return ``psnr`` (B,) of the filled pixels, in dB over the hole, and that of the mean colour of the rest."""
        images, mask, said = self._held_out(nets, batch["image"], context.generator)
        mean = mean_left(images, mask).expand_as(images)
        return {"psnr": psnr(said, images, mask, span=2), "trivial:psnr": psnr(mean, images, mask, span=2)}

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Draw rows of panel, panel with its hole, and panel filled in."""
        images, mask, said = self._held_out(nets, batch["image"], context.generator)
        filled = torch.where(mask > 0, said, images)
        columns = {"panel": images, "with a hole": self.without(images, mask), "filled in": filled}
        return {"holes": draw_rows({name: (x + 1) / 2 for name, x in columns.items()})}

    def taken(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return a central hole without its band at the edge, which weighs more than the rest, or random holes."""
        c = self.config
        hole = augment.HOLES[c.holes](n, c.side, c.share, generator)
        if c.holes == "central":
            band = augment.inner_band(hole, c.overlap)
            return hole - band, hole + (c.overlap_weight - 1) * band
        return hole, hole if c.over == "hole" else torch.ones_like(hole)

    def without(self, images: Tensor, mask: Tensor) -> Tensor:
        """Return (1 - M) x and the fill in M."""
        if self.config.fill == "mean":
            fill = mean_left(images, mask)
        else:
            fill = torch.tensor(MEAN_COLOUR, device=images.device).view(1, 3, 1, 1) * 2 - 1
        return torch.where(mask > 0, fill, images)

    def _judged_square(self) -> tuple[int, int]:
        """Return the origin and side of the square that D sees: a central hole with its band, or the whole image."""
        c = self.config
        return augment.central_square(c.side, c.share) if c.holes == "central" else (0, c.side)


def mean_left(images: Tensor, mask: Tensor) -> Tensor:
    """Return the mean colour of what a hole leaves, (N, 3, 1, 1); ``images`` (N, 3, s, s), ``mask`` (N, 1, s, s)."""
    left = 1 - mask
    return (images * left).sum((2, 3), keepdim=True) / left.sum((2, 3), keepdim=True).clamp_min(1)


def _against(logits: Tensor, truth: float) -> Tensor:
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, truth))
