"""Masked autoencoding: three quarters of a panel's patches, painted from the rest (He et al., CVPR 2022)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor, nn

from inkbench.benchmark import augment
from inkbench.benchmark.api import Context, View, setting
from inkbench.benchmark.drawing.rows import draw_rows
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.losses.psnr import psnr
from inkbench.benchmark.pretext.adamw import AdamWConfig, AdamWMethod, weight_groups
from inkbench.methods.mae.masked_tokens import MaskedAutoencoder, draw_visible, patchify, unpatchify

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone

PAPER = "He et al. 2022"


class MaeConfig(AdamWConfig):
    """Settings of masked autoencoding; the defaults are those of ``quick``."""

    side: int = setting(128, "side of the images, px; a multiple of the backbone's patch", PAPER, ge=16)
    masked: float = setting(0.75, "share of patches that are masked", f"{PAPER}, figure 5", gt=0, lt=1)
    norm_pix: bool = setting(
        False, "patches to their own mean 0 and deviation 1 before the error", f"{PAPER}, Table 1d"
    )
    smallest_crop: float = setting(0.5, "least area of a random crop, share of the panel", PAPER, gt=0, le=1)
    width: int = setting(64, "width of the decoder, a multiple of 4 and of its heads", f"{PAPER}, Table 1b", ge=4)
    depth: int = setting(2, "blocks of the decoder", f"{PAPER}, Table 1a", ge=1)
    heads: int = setting(4, "attention heads of the decoder", PAPER, ge=1)
    lr: float = setting(2e-3, "learning rate (AdamW)", gt=0)
    weight_decay: float = setting(0.05, "decoupled weight decay", PAPER, ge=0)

    presets = {
        "smoke": {"side": 64},
        "standard": {"side": 224, "width": 256, "depth": 4, "heads": 8, "norm_pix": True, "smallest_crop": 0.2},
        "paper": {
            "side": 224,
            "width": 512,
            "depth": 8,
            "heads": 16,
            "norm_pix": True,
            "smallest_crop": 0.2,
            "lr": 1.5e-4,
        },
    }

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.width % 4 or self.width % self.heads:
            raise ValueError(
                f"width {self.width} is not a multiple of 4 and of the {self.heads} heads; change one of them"
            )
        return self


class Mae(AdamWMethod[MaeConfig]):
    """A transformer sees a quarter of a panel's patches; a small decoder paints the others."""

    name = "mae"
    version = 2
    Config = MaeConfig
    backbones = "vit"
    source = "He, Chen, Xie, Li, Dollar & Girshick, Masked Autoencoders Are Scalable Vision Learners, CVPR 2022"

    def views(self) -> dict[str, View]:
        """Return one square per panel, large enough for crops that are not blurred."""
        return {"image": View(augment.source_side(self.config.side, self.config.smallest_crop), reach=augment.REACH)}

    def input_sides(self) -> tuple[int, ...]:
        """Return the sides of the crops."""
        return (self.config.side,)

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """Build encoder and decoder.

        Raises NotApplicable for a backbone that is no vision transformer, UsageError for a side.
        """
        c = self.config
        self._normalize, self._denormalize = backbone.normalize, backbone.denormalize
        net = MaskedAutoencoder(backbone, c.side, c.width, c.depth, c.heads)
        if c.side % net.patch or net.grid < 2:
            raise UsageError(
                f"mae.side {c.side} is not a multiple of the {net.patch} px patches of {backbone.name} (at least two)"
            )
        self._patch = net.patch
        return {"net": net}

    def optimizer(self, network: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return AdamW with the betas of the paper; what has one dimension does not decay."""
        c = self.config
        return torch.optim.AdamW(weight_groups(parameters, c.weight_decay), lr=c.lr, betas=(0.9, 0.95), fused=True)

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Yield squared error over the masked patches alone."""
        n, generator = len(batch["image"]), context.generator
        sizes = batch.get("image_size")
        boxes = augment.random_boxes(n, (self.config.smallest_crop, 1.0), generator, sizes=sizes)
        images = augment.crop_resize(batch["image"], boxes, self.config.side, augment.coin(n, 0.5, generator))
        visible, masked = self.draw(n, generator)
        seen = self._normalize(images)
        yield self.error(nets["net"](seen, visible), seen, masked).mean()

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Return ``psnr`` (B,) of the masked patches in dB, and that of the mean colour of the visible ones.

        With ``norm_pix``, where what is painted has no brightness of its own, ``explained`` instead: the share of the
        masked patches' variance that is explained; each patch's own mean explains 0.
        """
        images, masked, said = self._painted(nets, batch, context.generator)
        if self.config.norm_pix:
            return {"explained": (1 - self.error(said, self._normalize(images), masked)).double().cpu().numpy()}
        hidden = self._as_mask(masked)
        left = 1 - hidden
        mean = (images * left).sum((2, 3), keepdim=True) / left.sum((2, 3), keepdim=True)
        return {
            "psnr": psnr(self._denormalize(unpatchify(said, self._patch)), images, hidden),
            "trivial:psnr": psnr(mean.expand_as(images), images, hidden),
        }

    def trivial(self) -> dict[str, float]:
        """Return the share of its variance that the mean of each patch explains."""
        return {"explained": 0.0}

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Draw rows of panel, its visible part, and the painted one (with ``norm_pix`` in the patches' brightness)."""
        images, masked, said = self._painted(nets, batch, context.generator)
        if self.config.norm_pix:
            mean, deviation = _moments(patchify(self._normalize(images), self._patch))
            said = said * deviation + mean
        hidden = self._as_mask(masked) > 0
        seen = torch.where(hidden, torch.full_like(images, 0.5), images)
        painted = torch.where(hidden, self._denormalize(unpatchify(said, self._patch)), images)
        return {"masked": draw_rows({"panel": images, "seen": seen, "painted": painted})}

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return indices (n, V) of the visible patches, and bool (n, P), true where a patch is masked."""
        patches = (self.config.side // self._patch) ** 2
        visible = draw_visible(n, patches, self.config.masked, generator)
        masked = torch.ones(n, patches, dtype=torch.bool, device=visible.device).scatter(1, visible, False)
        return visible, masked

    def error(self, said: Tensor, images: Tensor, masked: Tensor) -> Tensor:
        """Compute the mean squared error over each image's masked patches, float32 (N,); ``images`` are normalised."""
        truth = patchify(images, self._patch)
        if self.config.norm_pix:
            mean, deviation = _moments(truth)
            truth = (truth - mean) / deviation
        each = (said.float() - truth).square().mean(2)
        return (each * masked).sum(1) / masked.sum(1)

    def _as_mask(self, masked: Tensor) -> Tensor:
        """Return masked patches (N, P) as pixels, float (N, 1, side, side)."""
        rows = masked.float()[..., None].expand(-1, -1, 3 * self._patch**2)
        return unpatchify(rows, self._patch)[:, :1]

    @torch.no_grad()
    def _painted(
        self, nets: Mapping[str, nn.Module], batch: Mapping[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        middle = augment.middle(batch["image"], self.config.side, batch.get("image_size"))
        visible, masked = self.draw(len(middle), generator)
        return middle, masked, nets["net"](self._normalize(middle), visible)


def _moments(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and standard deviation of each patch of normalised pixels, (N, P, 1) each."""
    return patches.mean(2, keepdim=True), (patches.var(2, keepdim=True) + 1e-6).sqrt()
