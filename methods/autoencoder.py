"""The control row of context encoders: the same encoder-decoder and nothing taken away (Pathak et al., Table 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from benchmark import augment
from benchmark.api import Context, View, setting
from benchmark.parts.adamw import AdamWConfig, AdamWMethod
from benchmark.parts.draw_rows import draw_rows
from benchmark.parts.inpainting_nets import EncoderDecoder
from benchmark.parts.psnr import psnr

if TYPE_CHECKING:
    from benchmark.backbones import Backbone

PAPER = "Pathak et al. 2016"


class AutoencoderConfig(AdamWConfig):
    """Settings of the autoencoder; the defaults are those of ``quick``."""

    side: int = setting(64, "side of the images, px", PAPER, ge=16)
    bottleneck: Literal["channel-wise", "plain"] = setting("channel-wise", "as of context_encoder", PAPER)
    code: int = setting(256, "numbers of the plain bottleneck", PAPER, ge=1)
    width: int = setting(16, "channels of the decoder at its last doubling, doubled towards the code", PAPER, ge=1)
    lr: float = setting(2e-3, "learning rate (AdamW)", gt=0)

    presets = {
        "smoke": {"width": 8},
        "standard": {"side": 128, "width": 32, "code": 2000},
        "paper": {"side": 128, "width": 64, "code": 4000},
    }


class PlainAutoencoder(AdamWMethod):
    """An encoder-decoder gives back the panel that it sees."""

    name = "autoencoder"
    Config = AutoencoderConfig
    source = "Pathak et al., Context Encoders: Feature Learning by Inpainting, CVPR 2016, Table 2 (Autoencoder)"

    config: AutoencoderConfig

    def views(self) -> dict[str, View]:
        """One square per panel."""
        return {"image": View(side=self.config.side)}

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """The encoder-decoder."""
        c = self.config
        self._normalize = backbone.normalize
        return {"net": EncoderDecoder(backbone, c.side, c.width, c.bottleneck, c.code)}

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Squared error of the panel, half of them mirrored."""
        images = augment.to_float(batch["image"])
        mirrored = augment.coin(len(images), 0.5, context.generator)[:, None, None, None]
        images = torch.where(mirrored, images.flip(-1), images)
        yield mse_loss(nets["net"](self._normalize(images)).float(), images * 2 - 1)

    @torch.no_grad()
    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """``psnr`` (B,) of the panel given back, in dB, and that of the panel's mean colour."""
        images = augment.to_float(batch["image"])
        said = (nets["net"](self._normalize(images)).float() + 1) / 2
        mean = images.mean((2, 3), keepdim=True).expand_as(images)
        return {"psnr": psnr(said, images), "trivial:psnr": psnr(mean, images)}

    @torch.no_grad()
    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Rows of panel and panel given back."""
        images = augment.to_float(batch["image"])
        said = (nets["net"](self._normalize(images)).float() + 1) / 2
        return {"panels": draw_rows({"panel": images, "given back": said})}
