"""The settings of inpainting."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from inkbench.benchmark.api import TaskConfig, setting
from inkbench.benchmark.config import BACKBONE_TRIALS

Judge = Literal["inception", "fd768", "lpips-alex", "lpips-squeeze", "lpips-squeeze-caffe"]
SSUPERGAN = "SSuperGAN's configuration"


class InpaintingConfig(TaskConfig):
    """Settings of inpainting."""

    context: Literal["none", "plain", "lstm", "bilstm", "convlstm"] = setting(
        "none", "what is read beside the face's own panel: nothing, or the two before it, and how", "SSuperGAN"
    )
    surroundings: float | None = setting(
        2.0, "sides of the hole that the square around it measures which the backbone sees; none: the panel", gt=1
    )
    smallest: int = setting(32, "px that a face's longer side has at least in its panel", "SSuperGAN", ge=4)
    side: int = setting(64, "side in pixels of the square inputs; a panel's aspect is lost", "SSuperGAN has 300", ge=16)
    steps: int = setting(700, "updates of the head (and, fine-tuned, of the backbone)", ge=1)
    batch: int = setting(32, "items per step, over all devices", SSUPERGAN, ge=2)
    lr: float = setting(1e-3, "learning rate of encoder and decoder (AdamW, betas .5 and .999)", gt=0)
    critic_lr: float = setting(0.5, "learning rate of the critics, in those of the decoder", ge=0)
    grid: int = setting(4, "cells a side of the maps that are read", ge=1, le=16)
    width: int = setting(32, "channels that are read of each cell", ge=1)
    embed: int = setting(64, "numbers that a panel is read into", "SSuperGAN has 256 and 1024", ge=1)
    hidden: int = setting(
        64, "hidden state of the recurrent contexts, both directions together", "SSuperGAN has 256 to 1024", ge=2
    )
    latent: int = setting(64, "numbers that a face is decoded from", "SSuperGAN has 256 to 1024", ge=2)
    decoder: Literal["dcgan", "residual"] = setting(
        "dcgan", "transposed convolutions, or residual blocks between enlargements (SSuperVAE)", "SSuperGAN"
    )
    decoder_width: int = setting(12, "channels at half the decoder's size, doubled at each halving", ge=1)
    critic_width: int = setting(8, "channels after a critic's first layer, doubled at each", ge=1)
    window: int = setting(64, "side in pixels of what the critic of the whole sees", "SSuperGAN has 300", ge=16)
    kl: float = setting(0.0, "weight of the divergence of the code from the prior; 0: no VAE", "SSuperVAE has 1", ge=0)
    local: float = setting(1e-2, "weight of the critic of the face, beside the squared error's 1; 0: none", ge=0)
    whole: float = setting(0.0, "weight of the critic of the face in its surroundings; 0: none", ge=0)
    samples: bool = setting(False, "a sample of the prior for each item too, in columns of its own", "SSuperGAN's FID")
    judges: tuple[Judge, ...] = setting((), "further judges whose weights are at hand: FID, LPIPS")
    presets: ClassVar = {
        "smoke": {
            "smallest": 12, "side": 32, "steps": 30, "batch": 8, "width": 8, "embed": 32, "hidden": 32, "latent": 32,
            "decoder_width": 4, "critic_width": 4, "window": 32,
        },
        "standard": {
            "side": 128, "steps": 20_000, "lr": 4e-4, "width": 64, "embed": 512, "hidden": 512, "latent": 512,
            "decoder_width": 64, "critic_width": 64, "window": 128, "trials": (0.3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS, "batch_norm": "choose",
        },
        "paper": {
            "surroundings": None, "side": 300, "steps": 400_000, "lr": 2e-4, "critic_lr": 1.0, "width": 64,
            "embed": 1024, "hidden": 1024, "latent": 512, "decoder_width": 64, "critic_width": 64, "window": 300,
            "weight_decay": 2.5e-5, "local": 1 / 12_288, "trials": (0.3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS, "batch_norm": "choose",
        },
    }  # fmt: skip

    @model_validator(mode="after")
    def _prior_that_is_learnt(self) -> InpaintingConfig:
        if self.samples and not self.kl:
            raise ValueError("samples of the prior need inpainting.kl above 0")
        if len(set(self.judges)) < len(self.judges):
            raise ValueError("name each judge once")
        return self
