"""The control row of context encoders: the same encoder-decoder and nothing taken away (Pathak et al., Table 2)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from inkbench.benchmark.api import Context
from inkbench.benchmark.drawing.rows import draw_rows
from inkbench.benchmark.losses.psnr import psnr
from inkbench.benchmark.pretext.painter import Painter, PainterConfig


class PlainAutoencoder(Painter[PainterConfig]):
    """An encoder-decoder gives back the panel that it sees: a context encoder without a hole, and nothing else."""

    name = "autoencoder"
    version = 2
    Config = PainterConfig
    source = "Pathak et al., Context Encoders: Feature Learning by Inpainting, CVPR 2016, Table 2 (Autoencoder)"

    def taken(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the images unchanged, with equal weight on every pixel."""
        nothing = torch.zeros(n, 1, self.config.side, self.config.side, device=generator.device)
        return nothing, torch.ones_like(nothing)

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Return ``psnr`` (B,) of the panel given back, in dB, and that of the panel's mean colour."""
        images, _, said = self._held_out(nets, batch["image"], context.generator)
        mean = images.mean((2, 3), keepdim=True).expand_as(images)
        return {"psnr": psnr(said, images, span=2), "trivial:psnr": psnr(mean, images, span=2)}

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Draw rows of panel and panel given back."""
        images, _, said = self._held_out(nets, batch["image"], context.generator)
        columns = {"panel": images, "given back": said}
        return {"panels": draw_rows({name: (x + 1) / 2 for name, x in columns.items()})}
