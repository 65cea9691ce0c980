"""Supervised: the names of characters as labels, faces and bodies of one found together; an upper bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from inkbench.benchmark.api import Context, Item, View, setting
from inkbench.benchmark.drawing.rows import draw_rows
from inkbench.benchmark.networks.embedder import Embedder
from inkbench.benchmark.pretext.adamw import AdamWMethod
from inkbench.benchmark.pretext.pair_views import strong_pairs, views_of
from inkbench.benchmark.pretext.two_views import ViewsConfig
from inkbench.methods.supervised.sup_con import found_by_label, sup_con

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone

PAPER = "Khosla et al. 2020"


class SupervisedConfig(ViewsConfig):
    """Settings of supervised pretraining; the defaults are those of ``quick``."""

    face: int = setting(48, "side of a view of a face, px", ge=16)
    body: int = setting(64, "side of a view of a body, px", ge=16)
    temperature: float = setting(0.1, "tau", PAPER, gt=0)
    hidden: int = setting(256, "width of the head", ge=1)
    out: int = setting(128, "width of the embedding", PAPER, ge=1)

    presets = {
        "smoke": {"face": 32, "body": 48},
        "standard": {"face": 96, "body": 128, "hidden": 512},
        "paper": {"face": 96, "body": 128, "hidden": 2048},
    }


class Supervised(AdamWMethod[SupervisedConfig]):
    """SupCon over two strong views of faces and bodies, labelled with the character that they show.

    It reads the labels that the others do without, on the training series: what it reaches is what a pretext task
    might reach at best, not a rival.
    """

    name = "supervised"
    Config = SupervisedConfig
    needs = frozenset({"face_pairs", "body_pairs", "identities"})
    supervision = "characters' names"
    readout = "family"
    version = 2
    source = "Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, eq. 2"

    def views(self) -> dict[str, View]:
        """Return faces and bodies in one order: image k of both is the same character in the same panel."""
        return views_of({"face": self.config.face, "body": self.config.body}, self.config.smallest_crop)

    def labels(self, items: Mapping[str, Sequence[Item]]) -> dict[str, np.ndarray]:
        """Return the character of each pair as a number; a name counts within its series only."""
        names = [f"{item.series}/{item.identity}" for item in items["face"]]
        return {"identity": np.unique(np.array(names, dtype=str), return_inverse=True)[1].astype(np.int64)}

    def crops_per_image(self) -> int:
        """Return the number of views of a pair in a step: two of each half."""
        return 4

    def input_sides(self) -> tuple[int, ...]:
        """Return the sides of the views of faces and of bodies."""
        return tuple(dict.fromkeys((self.config.face, self.config.body)))

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """Build the backbone with its head, for faces and bodies alike."""
        self._normalize = backbone.normalize
        return {"net": Embedder(backbone, self.config.hidden, self.config.out)}

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Yield SupCon over all views of faces and bodies at once."""
        embedded = self._embedded(nets, self._seen(batch, context.generator))
        yield sup_con(embedded, batch["identity"].repeat(4), self.config.temperature)

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Return ``accuracy`` (B,): views whose nearest among those of other pairs shows the same character.

        The characters are of series that were not trained on. The trivial figure is the share of right answers among
        those views; both are 0 where no other pair of the batch shows the character.
        """
        with torch.no_grad():
            embedded = self._embedded(nets, self._seen(batch, context.generator))
        pairs = torch.arange(len(batch["identity"]), device=embedded.device)
        right, chance = found_by_label(embedded, batch["identity"].repeat(4), pairs.repeat(4))
        return {
            "accuracy": right.view(4, -1).mean(0).cpu().numpy(),
            "trivial:accuracy": chance.view(4, -1).mean(0).cpu().numpy(),
        }

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Draw rows of a face and a body with their views."""
        del nets
        columns = {}
        for name, views in self._seen(batch, context.generator).items():
            columns[name] = batch[name].float() / 255
            columns |= {f"{name}, view": views[0], f"{name}, again": views[1]}
        return {"characters": draw_rows(columns)}

    def _seen(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, list[Tensor]]:
        sides = {"face": self.config.face, "body": self.config.body}
        return strong_pairs(batch, sides, self.config, generator)

    def _embedded(self, nets: Mapping[str, nn.Module], seen: Mapping[str, list[Tensor]]) -> Tensor:
        """Return embeddings (4 B, out): two views of the faces, then two of the bodies."""
        return torch.cat(nets["net"](*(self._normalize(torch.cat(views)) for views in seen.values())))
