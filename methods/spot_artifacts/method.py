"""Spotting artifacts: which images were damaged and repaired, and where (Jenni & Favaro, CVPR 2018)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn.functional import interpolate, mse_loss

from inkbench.benchmark import augment
from inkbench.benchmark.api import Config, Context, Method, Stage, View, setting
from inkbench.benchmark.drawing.rows import draw_rows
from inkbench.methods.spot_artifacts.artifact_losses import critic_loss, fooling_loss, kept_error
from inkbench.methods.spot_artifacts.artifact_nets import Autoencoder, Critic, Generator, History, Repair
from inkbench.methods.spot_artifacts.damage import damage, draw_mask

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone

PAPER = "Jenni & Favaro 2018"
CODE = "sjenni/LearningToSpotArtifacts"


class SpotArtifactsConfig(Config):
    """Settings of artifact spotting, the axes of Table 1 among them; the defaults are those of ``quick``."""

    side: int = setting(64, "side of the images, px", CODE, ge=16)
    width: int = setting(8, "channels of the autoencoder at full size, doubled at each level", CODE, ge=1)
    levels: int = setting(4, "halvings of the autoencoder; the damage mask is side / 2^levels wide", CODE, ge=1, le=6)
    autoencoder_share: float = setting(0.25, "share of the budget that trains the autoencoder", gt=0, lt=1)

    dropping: float = setting(0.5, "share of positions that are dropped", f"{PAPER}, Table 1 (c) to (f)", gt=0, lt=1)
    input_as_real: bool = setting(False, "the raw image as real, not the autoencoded one", f"{PAPER}, Table 1 (a)")
    repair: Literal["distributed", "local", "none"] = setting(
        "distributed",
        "repair layers before each level of the decoder, all before its first, or none",
        f"{PAPER}, Table 1 (b), (k)",
    )
    mask_prediction: bool = setting(True, "the discriminator also says where", f"{PAPER}, Table 1 (g)")
    encoder: Literal["2x2", "3x3"] = setting("2x2", "kernel of the encoder's halvings", f"{PAPER}, Table 1 (h)")
    gating: bool = setting(True, "repair changes dropped positions only", f"{PAPER}, Table 1 (i)")
    history: int = setting(
        256, "corrupted images of earlier steps that are shown again; 0: none", f"{PAPER}, Table 1 (j)", ge=0
    )
    gan: bool = setting(False, "an ordinary GAN's samples in place of damage and repair", f"{PAPER}, Table 1 (l)")
    noise: int = setting(64, "numbers that the ordinary GAN's generator starts from", ge=1)

    reconstruction: float = setting(30.0, "weight of the mean squared error over what was kept", CODE, ge=0)
    mask_weight: float = setting(0.1, "weight of the mask's cross-entropy", CODE, ge=0)
    hidden: int = setting(256, "width of the discriminator's layer before real or not", CODE, ge=1)
    smallest_crop: float = setting(1 / 3, "least area of a random crop, share of the panel", CODE, gt=0, le=1)
    brightness: float = setting(32 / 255, "most that is added to a view or taken from it", CODE, ge=0, le=1)
    saturation: float = setting(0.5, "most that the factor of the saturation differs from 1", CODE, ge=0, le=1)

    lr: float = setting(3e-4, "learning rate (Adam)", CODE, gt=0)
    autoencoder_lr: float = setting(3e-3, "learning rate of the autoencoder (Adam)", gt=0)
    beta1: float = setting(0.5, "Adam's first decay", CODE, ge=0, lt=1)
    weight_decay: float = setting(5e-5, "L2 on kernels, part of Adam's gradient", CODE, ge=0)

    presets = {
        "smoke": {"width": 4, "history": 32},
        "standard": {"side": 96, "width": 16, "history": 1024, "hidden": 1024},
        "paper": {"side": 96, "width": 32, "dropping": 0.7, "history": 4096, "hidden": 4096, "autoencoder_lr": 3e-4},
    }

    @property
    def grid(self) -> int:
        """Positions of the damage mask along a side."""
        return self.side >> self.levels

    @property
    def masked(self) -> bool:
        """True if the discriminator has a mask to predict."""
        return self.mask_prediction and not self.gan

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.side % (1 << self.levels) or self.grid < 2:
            raise ValueError(
                f"side {self.side} cannot be halved {self.levels} times to at least 2; take a multiple of "
                f"{2 << self.levels}, or lower levels"
            )
        return self


class SpotArtifacts(Method[SpotArtifactsConfig]):
    """A discriminator tells autoencoded images from damaged and repaired ones, and says where they were damaged."""

    name = "spot_artifacts"
    version = 2
    Config = SpotArtifactsConfig
    source = "Jenni & Favaro, Self-Supervised Feature Learning by Learning to Spot Artifacts, CVPR 2018"

    def views(self) -> dict[str, View]:
        """Return one square per panel, large enough for crops that are not blurred."""
        return {"image": View(augment.source_side(self.config.side, self.config.smallest_crop), reach=augment.REACH)}

    def input_sides(self) -> tuple[int, ...]:
        """Return the sides of the crops, smaller than the view."""
        return (self.config.side,)

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """Build phi with its decoder, C around the backbone, R (or a generator), and the history where there is one."""
        c = self.config
        self._normalize = backbone.normalize
        autoencoder = Autoencoder(c.width, c.levels, c.encoder)
        nets: dict[str, nn.Module] = {
            "autoencoder": autoencoder,
            "critic": Critic(backbone, c.side, c.grid, c.hidden, c.masked),
        }
        if c.gan:
            nets["repair"] = Generator(autoencoder.widths, c.grid, c.noise)
        elif c.repair != "none":
            nets["repair"] = Repair(autoencoder.widths, c.repair, c.gating)
        if c.history:
            nets["history"] = History(c.history, c.side, c.grid)
        return nets

    def stages(self) -> tuple[Stage, ...]:
        """Return the autoencoder alone; then, with the autoencoder frozen, R against C."""
        c = self.config
        against = ("repair", "critic") if c.gan or c.repair != "none" else ("critic",)
        return (Stage(("autoencoder",), c.autoencoder_share), Stage(against, 1 - c.autoencoder_share))

    def optimizer(self, network: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return Adam; the autoencoder at its own rate, the kernels with L2."""
        c = self.config
        lr = c.autoencoder_lr if network == "autoencoder" else c.lr
        every = list(parameters)
        groups = [
            {"params": [p for p in every if p.ndim > 1], "weight_decay": c.weight_decay},
            {"params": [p for p in every if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.Adam(groups, lr=lr, betas=(c.beta1, 0.999), eps=1e-5, fused=True)

    def rate(self, progress: float) -> float:
        """Return the factor of the rate: linear down to a hundredth over the first 90 % of each stage."""
        share = self.config.autoencoder_share
        within = progress / share if progress < share else (progress - share) / (1 - share)
        return 1 - 0.99 * min(within / 0.9, 1.0)

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Yield, in stage 1, the autoencoder's squared error; in stage 2 the loss of R, if there is one, then C's."""
        images = self._views(batch["image"], context.generator, batch.get("image_size"))
        if context.stage == 0:
            nets["autoencoder"].train()
            yield self.config.reconstruction * mse_loss(nets["autoencoder"](images).float(), images)
            return
        yield from self._against_each_other(nets, images, context.generator)

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Return ``mask_auroc`` (B,): kept against dropped positions of each repaired image, by the mask head;
        ``accuracy`` (B,) in {0, .5, 1}: real and corrupted told apart by C. Every mask here drops the same share.
        """
        images = self._whole(batch["image"], batch.get("image_size"))
        real, corrupted, mask = self._examples(nets, images, context.generator, exact=True)
        with torch.no_grad():
            said_real, _ = nets["critic"](self._shown(real))
            said_corrupted, kept = nets["critic"](self._shown(corrupted))
        right = (said_real > 0).double() / 2 + (said_corrupted < 0).double() / 2
        figures = {} if kept is None else {"mask_auroc": auroc(kept.flatten(1), mask.flatten(1)).cpu().numpy()}
        return {**figures, "accuracy": right.cpu().numpy()}

    def trivial(self) -> dict[str, float]:
        """Return the figures of chance."""
        return {"mask_auroc": 0.5, "accuracy": 0.5}

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Draw rows of panel, autoencoded, damaged, repaired, true mask and predicted mask."""
        images = self._whole(batch["image"], batch.get("image_size"))
        real, corrupted, mask = self._examples(nets, images, context.generator, exact=True)
        with torch.no_grad():
            _, kept = nets["critic"](self._shown(corrupted))
        columns = {"panel": images, "shown as real": real}
        if not self.config.gan:
            with torch.no_grad():
                autoencoder = nets["autoencoder"]
                columns["damaged"] = autoencoder(damage(autoencoder(images, 0, 1), mask), 1)
        columns["shown as corrupted"] = corrupted
        if not self.config.gan:
            columns["kept (true)"] = self._painted(mask)
        if kept is not None:
            columns["kept (predicted)"] = self._painted(kept.sigmoid())
        return {"artifacts": draw_rows({name: (x.float() + 1) / 2 for name, x in columns.items()})}

    def _against_each_other(
        self, nets: Mapping[str, nn.Module], images: Tensor, generator: torch.Generator
    ) -> Iterator[Tensor]:
        """Yield the loss of R, to pass for real and keep what was kept, then C's, to tell the two and find the mask.

        For both, C sees real and corrupted images in one batch: its batch norm knows no other.
        """
        c = self.config
        real, corrupted, mask = self._examples(nets, images, generator)
        if "repair" in nets:
            said, _ = nets["critic"](self._shown(torch.cat([real, corrupted])))
            loss = fooling_loss(said)
            if not c.gan:
                loss = loss + c.reconstruction * kept_error(corrupted, images, mask)
            yield loss
        corrupted = corrupted.detach()
        if "history" in nets:
            corrupted, mask = nets["history"].mix(corrupted, mask, generator)  # type: ignore[operator]
        said, kept = nets["critic"](self._shown(torch.cat([real, corrupted])))
        yield critic_loss(said, kept, mask, c.mask_weight)

    def _examples(
        self, nets: Mapping[str, nn.Module], images: Tensor, generator: torch.Generator, exact: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the real and the corrupted examples, (N, 3, s, s) in [-1, 1] each, and Omega (N, 1, g, g)."""
        c = self.config
        autoencoder = nets["autoencoder"].eval()
        mask = draw_mask(len(images), c.grid, c.dropping, generator, exact)
        with torch.no_grad():
            encoded = autoencoder(images, 0, 1)
            real = images if c.input_as_real else autoencoder(encoded, 1).float()
            damaged = damage(encoded, mask)
        if c.gan:
            noise = torch.randn(len(images), c.noise, generator=generator, device=images.device)
            corrupted = nets["repair"](noise)
        elif c.repair == "none":
            with torch.no_grad():
                corrupted = autoencoder(damaged, 1)
        else:
            corrupted = nets["repair"](damaged, mask, autoencoder)
        return real, corrupted.float(), mask

    def _views(self, images: Tensor, generator: torch.Generator, sizes: Tensor | None = None) -> Tensor:
        """Draw random crops, mirrored and recoloured, of uint8 panels: float (N, 3, side, side) in [-1, 1]."""
        c = self.config
        boxes = augment.random_boxes(len(images), (c.smallest_crop, 1.0), generator, sizes=sizes)
        crops = augment.crop_resize(images, boxes, c.side, augment.coin(len(images), 0.5, generator))
        return recoloured(crops, c.brightness, c.saturation, generator) * 2 - 1

    def _whole(self, images: Tensor, sizes: Tensor | None = None) -> Tensor:
        """Return the middle square of each panel, made ``side`` large, in [-1, 1]."""
        return augment.middle(images, self.config.side, sizes) * 2 - 1

    def _shown(self, images: Tensor) -> Tensor:
        """Normalise images in [-1, 1] as the backbone expects its input."""
        return self._normalize((images + 1) / 2)

    def _painted(self, mask: Tensor) -> Tensor:
        large = interpolate(mask.float(), size=(self.config.side,) * 2, mode="nearest")
        return large.expand(-1, 3, -1, -1) * 2 - 1


def recoloured(images: Tensor, brightness: float, saturation: float, generator: torch.Generator) -> Tensor:
    """Return images float (N, 3, h, w) in [0, 1], each with one number of -``brightness``..``brightness`` added to all
    of it and the distance from its grey times one of 1 - ``saturation``..1 + ``saturation``; clamped.
    """

    def uniform(most: float) -> Tensor:
        return most * (2 * torch.rand(len(images), generator=generator, device=images.device) - 1)

    added, factor = uniform(brightness), (1 + uniform(saturation))[:, None, None]
    grey = torch.tensor(augment.LUMA, device=images.device).expand(3, 3)
    blend = factor * torch.eye(3, device=images.device) + (1 - factor) * grey
    return (augment.recolour(images, blend) + added[:, None, None, None]).clamp(0, 1)


def auroc(scores: Tensor, positive: Tensor) -> Tensor:
    """Return the area under the ROC curve of each row, float64 (N,): the share of pairs in the right order, ties half.

    ``scores`` (N, P), ``positive`` (N, P) in {0, 1} with both kinds in each row.
    """
    pairs = scores[:, :, None] - scores[:, None, :]
    ordered = (pairs > 0).double() + (pairs == 0).double() / 2
    weight = positive.double()[:, :, None] * (1 - positive.double())[:, None, :]
    return (ordered * weight).sum((1, 2)) / weight.sum((1, 2))
