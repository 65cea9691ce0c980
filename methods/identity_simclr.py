"""Identity-aware SimCLR: faces, bodies, and the face and body of one character (Soykan, Yuret & Sezgin 2023)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn

from inkbench.benchmark.api import Context, View, setting
from inkbench.benchmark.drawing.rows import draw_rows
from inkbench.benchmark.losses.nt_xent import found, nt_xent
from inkbench.benchmark.networks.embedder import Embedder
from inkbench.benchmark.pretext.adamw import AdamWMethod
from inkbench.benchmark.pretext.pair_views import strong_pairs, views_of
from inkbench.benchmark.pretext.two_views import ViewsConfig, weak

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone

PAPER = "Soykan et al. 2023"
CODE = "gsoykan/comic_char_reid"


class IdentitySimclrConfig(ViewsConfig):
    """Settings of identity-aware SimCLR; the defaults are those of ``quick``."""

    face: int = setting(48, "side of a view of a face, px", CODE, ge=16)
    body: int = setting(64, "side of a view of a body, px", CODE, ge=16)
    temperature: float = setting(0.2, "tau of all three terms", CODE, gt=0)
    face_weight: float = setting(1.0, "weight of NT-Xent between two views of a face", CODE, ge=0)
    body_weight: float = setting(1.0, "weight of NT-Xent between two views of a body", CODE, ge=0)
    identity_weight: float = setting(1.0, "weight of NT-Xent between face and body of one character", CODE, ge=0)
    alignment: bool = setting(True, "the third term; off: the first two alone", CODE)
    weak_face_crop: float = setting(0.2, "least area of a weak crop of a face", CODE, gt=0, le=1)
    weak_body_crop: float = setting(0.5, "least area of a weak crop of a body", CODE, gt=0, le=1)
    final_rate: float = setting(0.02, "share of the learning rate that is left at the end", CODE, ge=0, le=1)
    clip: float = setting(0.5, "largest norm of the gradient; 0: any", CODE, ge=0)
    hidden: int = setting(256, "width of the head", CODE, ge=1)
    out: int = setting(128, "width of the embedding", CODE, ge=1)
    handed_over: Literal["backbone", "hidden"] = setting(
        "backbone", "what tasks read one vector from: the backbone, or its head's hidden layer behind it", CODE
    )

    presets = {
        "smoke": {"face": 32, "body": 48},
        "standard": {"face": 96, "body": 128, "hidden": 512},
        "paper": {
            "face": 96,
            "body": 128,
            "smallest_crop": 0.08,
            "hue": 0.1,
            "blur": 1.0,
            "blur_kernel": 9,
            "temperature": 0.07,
            "hidden": 2048,
            "lr": 5e-4,
            "warmup": 0.0,
            "handed_over": "hidden",
        },
    }


class IdentitySimclr(AdamWMethod[IdentitySimclrConfig]):
    """One backbone for faces and bodies; views of each find each other, and faces find their own bodies."""

    name = "identity_simclr"
    Config = IdentitySimclrConfig
    needs = frozenset({"face_pairs", "body_pairs"})
    supervision = "face/body pairs"
    readout = "family"
    version = 2
    sync_batch_norm = True
    source = (
        "Soykan, Yuret & Sezgin, Identity-Aware Semi-Supervised Learning for Comic Character Re-Identification, 2023"
    )

    def views(self) -> dict[str, View]:
        """Return faces and bodies in one order: image k of both is the same character in the same panel."""
        return views_of({"face": self.config.face, "body": self.config.body}, self.config.smallest_crop)

    def crops_per_image(self) -> int:
        """Return the number of views of a pair in a step: two strong ones of each half, and a weak one."""
        return 6 if self.config.alignment else 4

    def input_sides(self) -> tuple[int, ...]:
        """Return the sides of the views of faces and of bodies."""
        return tuple(dict.fromkeys((self.config.face, self.config.body)))

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """Build the backbone with its head, for faces and bodies alike."""
        self._normalize = backbone.normalize
        c = self.config
        return {"net": Embedder(backbone, c.hidden, c.out, keep_hidden=c.handed_over == "hidden")}

    def rate(self, progress: float) -> float:
        """Return a linear rise, then half a cosine down to ``final_rate``."""
        c = self.config
        factor = super().rate(progress)
        return factor if progress < c.warmup else c.final_rate + (1 - c.final_rate) * factor

    def clip(self, network: str) -> float:
        """Return the largest norm of a gradient, as in the authors' configuration."""
        del network
        return float(self.config.clip)

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Yield NTXent(face, face') + NTXent(body, body') and, aligned, NTXent(weak face, weak body), weighted."""
        c = self.config
        faces, bodies = self._embedded(nets, batch, context.generator)
        loss = c.face_weight * nt_xent(faces[0], faces[1], c.temperature)
        loss = loss + c.body_weight * nt_xent(bodies[0], bodies[1], c.temperature)
        if c.alignment:
            loss = loss + c.identity_weight * nt_xent(faces[2], bodies[2], c.temperature)
        yield loss

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Return ``accuracy`` (B,): strong views of faces and bodies that find their partner among the 2N - 1 others of
        their kind. ``identity`` (B,): weak faces and bodies that find each other among both. Chance is 1 / (2N - 1).
        """
        with torch.no_grad():
            faces, bodies = self._embedded(nets, batch, context.generator, aligned=True)
        views = (found(faces[0], faces[1]) + found(bodies[0], bodies[1])) / 2
        identity = found(faces[2], bodies[2])
        chance = np.full(len(views), 1 / (2 * len(views) - 1))
        return {
            "accuracy": views.cpu().numpy(),
            "trivial:accuracy": chance,
            "identity": identity.cpu().numpy(),
            "trivial:identity": chance,
        }

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Draw rows of a face and a body with their views."""
        del nets
        columns = {}
        for name, views in self._seen(batch, context.generator, aligned=True).items():
            columns[name] = batch[name].float() / 255
            columns |= {f"{name}, {what}": view for what, view in zip(("strong", "again", "weak"), views, strict=True)}
        return {"pairs": draw_rows(columns)}

    def _seen(self, batch: dict[str, Tensor], generator: torch.Generator, aligned: bool) -> dict[str, list[Tensor]]:
        """Return two strong views and, where aligned, a weak one of faces and bodies; strong ones are drawn first."""
        c = self.config
        seen = strong_pairs(batch, {"face": c.face, "body": c.body}, c, generator)
        if aligned:
            seen["face"].append(weak(batch["face"], c.face, c.weak_face_crop, generator))
            seen["body"].append(weak(batch["body"], c.body, c.weak_body_crop, generator, batch["body_size"]))
        return seen

    def _embedded(
        self,
        nets: Mapping[str, nn.Module],
        batch: dict[str, Tensor],
        generator: torch.Generator,
        aligned: bool | None = None,
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return embeddings (N, out) of each view of faces and of bodies."""
        seen = self._seen(batch, generator, self.config.alignment if aligned is None else aligned)
        faces, bodies = nets["net"](*(self._normalize(torch.cat(views)) for views in seen.values()))
        return faces.chunk(len(seen["face"])), bodies.chunk(len(seen["body"]))
