"""SimCLR: two views of an image find each other among those of the batch (Chen et al., ICML 2020)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn

from inkbench.benchmark import augment
from inkbench.benchmark.api import Context, View, setting
from inkbench.benchmark.drawing.rows import draw_rows
from inkbench.benchmark.losses.nt_xent import found, nt_xent
from inkbench.benchmark.networks.embedder import Embedder
from inkbench.benchmark.pretext.adamw import AdamWMethod, weight_groups
from inkbench.benchmark.pretext.pair_views import shape_of, strong_pairs, views_of
from inkbench.benchmark.pretext.two_views import ViewsConfig
from inkbench.methods.simclr.lars import Lars

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone

PAPER = "Chen et al. 2020"
SOYKAN = "Soykan et al. 2023"


class SimclrConfig(ViewsConfig):
    """Settings of SimCLR; the defaults are those of ``quick``."""

    crops: Literal["panels", "pairs"] = setting(
        "panels", "what the views are of: panels, or the face and body crops that identity_simclr sees", SOYKAN
    )
    side: int = setting(80, "side of a view of a panel, px", PAPER, ge=16)
    face: int = setting(48, "side of a view of a face, px (crops=pairs)", SOYKAN, ge=16)
    body: int = setting(64, "side of a view of a body, px (crops=pairs)", SOYKAN, ge=16)
    optimizer: Literal["adamw", "lars"] = setting("adamw", "what the networks are trained by", f"{PAPER}, 2.2")
    lr: float = setting(1e-3, "learning rate; the paper's is 0.3 (LARS) for every 256 images of a batch", PAPER, gt=0)
    weight_decay: float = setting(1e-2, "weight decay, of neither biases nor batch norm", PAPER, ge=0)
    temperature: float = setting(0.2, "tau", PAPER, gt=0)
    hidden: int = setting(256, "width of the head", PAPER, ge=1)
    out: int = setting(128, "width of the embedding", PAPER, ge=1)

    presets = {
        "smoke": {"side": 48, "face": 32, "body": 48},
        "standard": {"side": 160, "face": 96, "body": 128, "hidden": 512},
        "paper": {
            "side": 224,
            "face": 96,
            "body": 128,
            "smallest_crop": 0.08,
            "jitter": 0.8,
            "temperature": 0.1,
            "hidden": 2048,
            "optimizer": "lars",
            "lr": 0.3,
            "weight_decay": 1e-6,
        },
    }


class Simclr(AdamWMethod[SimclrConfig]):
    """A network brings two augmented views of an image together and drives those of others apart."""

    name = "simclr"
    Config = SimclrConfig
    readout = "family"
    source = "Chen, Kornblith, Norouzi & Hinton, A Simple Framework for Contrastive Learning, ICML 2020"

    version = 2
    sync_batch_norm = True

    def __init__(self, config: SimclrConfig) -> None:
        super().__init__(config)
        if config.crops == "pairs":
            self.needs = frozenset({"face_pairs", "body_pairs"})  # type: ignore[misc]

    def sides(self) -> dict[str, int]:
        """Return the side of a view in pixels, by the name of what it is a view of."""
        c = self.config
        return {"image": c.side} if c.crops == "panels" else {"face": c.face, "body": c.body}

    def views(self) -> dict[str, View]:
        """Return panels, or faces and bodies in one order; large enough for crops that are not blurred."""
        return views_of(self.sides(), self.config.smallest_crop)

    def crops_per_image(self) -> int:
        """Return the number of views of an image (of a face and a body together) in a step."""
        return 2 * len(self.sides())

    def input_sides(self) -> tuple[int, ...]:
        """Return the sides of the views of an image, or of faces and bodies."""
        return tuple(dict.fromkeys(self.sides().values()))

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """Build the backbone with its head."""
        self._normalize = backbone.normalize
        return {"net": Embedder(backbone, self.config.hidden, self.config.out)}

    def optimizer(self, network: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return LARS or AdamW; biases and batch norm neither decay nor have their steps adapted."""
        c = self.config
        groups = weight_groups(parameters, c.weight_decay)
        if c.optimizer == "adamw":
            return torch.optim.AdamW(groups, lr=c.lr, fused=True)
        return Lars([{**group, "adapts": group["params"][0].ndim > 1} for group in groups], lr=c.lr)

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Yield NT-Xent of two views of everything in the batch."""
        yield nt_xent(*self._embedded(nets, batch, context.generator), self.config.temperature)

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Return ``accuracy`` (B,): views whose nearest of the 2N - 1 others is their partner; chance 1 / (2N - 1)."""
        with torch.no_grad():
            first, second = self._embedded(nets, batch, context.generator)
        right = found(first, second)
        images = len(batch[next(iter(self.sides()))])
        chance = np.full(images, 1 / (2 * len(first) - 1))
        return {"accuracy": right.view(-1, images).mean(0).cpu().numpy(), "trivial:accuracy": chance}

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Draw rows of an image and two views of it."""
        del nets
        columns = {}
        sides = self.sides()
        for name, pair in strong_pairs(batch, sides, self.config, context.generator).items():
            columns[name] = augment.middle(batch[name], sides[name], **shape_of(batch, name))
            columns |= {f"{name}, {what}": view for what, view in zip(("one view", "another"), pair, strict=True)}
        return {"views": draw_rows(columns)}

    def _embedded(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return embeddings of two views of everything, (N, out) each; faces and bodies are N things of their own."""
        seen = strong_pairs(batch, self.sides(), self.config, generator).values()
        embedded = [z.chunk(2) for z in nets["net"](*(self._normalize(torch.cat(pair)) for pair in seen))]
        return torch.cat([z[0] for z in embedded]), torch.cat([z[1] for z in embedded])
