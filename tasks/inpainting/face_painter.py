"""The head that paints a masked face: context, latent code, decoder, and the critics that it is trained against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from inkbench.benchmark.networks.inpainting_nets import Discriminator
from inkbench.benchmark.networks.precision import full_precision
from inkbench.tasks.inpainting.face_decoder import decoder
from inkbench.tasks.inpainting.face_windows import SIDE
from inkbench.tasks.inpainting.panel_context import VIEWS, PanelContext

if TYPE_CHECKING:
    from inkbench.benchmark.api import Seen


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the terms of the loss: squared error is 1, the divergence of the prior, both critics."""

    kl: float
    local: float
    whole: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of the networks: the code, the decoder's kind and width, the critics' width, the square that one sees, px."""

    latent: int
    decoder: Literal["dcgan", "residual"]
    width: int
    critic_width: int
    window: int


class FacePainter(nn.Module):
    """Maps of panels to faces (B, 3, 64, 64) in [-1, 1], or the loss of all that is trained together.

    With targets (``face`` uint8 (3, 64, 64), and for the critic of the whole ``window`` uint8 (3, g, g) and ``hole``
    (4,) in shares of it) the loss is ``E|f - x|^2 + kl KL / n + local L_G + whole W_G + L_D + W_D``: squared error and
    divergence per value, n = 3 x 64 x 64; the generator's terms see critics that stand still, the critics' own terms
    faces that do.
    """

    def __init__(self, context: PanelContext, sizes: Sizes, weights: Weights) -> None:
        super().__init__()
        self.weights = weights
        self.context = context
        self.code = nn.Linear(context.out, 2 * sizes.latent if weights.kl else sizes.latent)
        self.decoder = decoder(sizes.decoder, sizes.latent, sizes.width)
        self.critics = nn.ModuleDict()
        if weights.local:
            self.critics["local"] = Discriminator(SIDE, sizes.critic_width)
        if weights.whole:
            self.critics["whole"] = Discriminator(sizes.window, sizes.critic_width)

    def forward(
        self, given: list[Tensor] | Seen, targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> dict[str, Any] | Tensor:
        """Return ``face`` (B, 3, 64, 64) in [-1, 1] and ``decoder`` (codes -> faces), or the loss with targets."""
        with full_precision(self.code.weight):
            code = self.code(self._read(given))
            if targets is None:
                mean = code.chunk(2, 1)[0] if self.weights.kl else code
                return {"face": self.decoder(mean), "decoder": self.decoder}
            return self._loss(code, targets)

    def _read(self, given: list[Tensor] | Seen) -> Tensor:
        if isinstance(given, list):
            only: Tensor = self.context([given], [torch.ones(len(given[0]), dtype=torch.bool, device=given[0].device)])
            return only
        code: Tensor = self.context([given.maps[name] for name in VIEWS], [given.present[name] for name in VIEWS])
        return code

    def _loss(self, code: Tensor, targets: Sequence[Mapping[str, Tensor]]) -> Tensor:
        true = _signed(torch.stack([target["face"] for target in targets]))
        loss = torch.zeros((), device=code.device)
        if self.weights.kl:
            mean, log_deviation = code.chunk(2, 1)
            code = mean + torch.randn_like(mean) * log_deviation.exp()
            divergence = (mean.square() + (2 * log_deviation).exp() - 2 * log_deviation - 1).sum(1).mean() / 2
            loss = loss + self.weights.kl * divergence / true[0].numel()
        face = self.decoder(code)
        loss = loss + functional.mse_loss(face, true)
        if self.weights.local:
            loss = loss + self._adversarial("local", self.weights.local, true, face)
        if self.weights.whole:
            window = _signed(torch.stack([target["window"] for target in targets]))
            hole = torch.stack([target["hole"] for target in targets])
            pasted = [paste(window, one, hole) for one in (true, face)]
            loss = loss + self._adversarial("whole", self.weights.whole, *pasted)
        return loss

    def _adversarial(self, name: str, weight: float, true: Tensor, said: Tensor) -> Tensor:
        """Return ``weight`` times the decoder's loss on painted images plus the critic's own loss on both kinds."""
        critic = self.critics[name]
        still = {key: parameter.detach() for key, parameter in critic.named_parameters()}
        fooled = functional.softplus(-functional_call(critic, still, (said,))).mean()
        right = functional.softplus(-critic(true)).mean() + functional.softplus(critic(said.detach())).mean()
        return weight * fooled + right


def paste(window: Tensor, face: Tensor, hole: Tensor) -> Tensor:
    """Draw ``face`` (B, 3, s, s) into the rectangles ``hole`` (B, 4), in shares of ``window`` (B, 3, g, g)."""
    side = window.shape[-1]
    place = (torch.arange(side, device=window.device) + 0.5) / side
    x = (place - hole[:, :1]) / (hole[:, 2:3] - hole[:, :1])
    y = (place - hole[:, 1:2]) / (hole[:, 3:4] - hole[:, 1:2])
    grid = torch.stack([x[:, None, :].expand(-1, side, -1), y[:, :, None].expand(-1, -1, side)], 3)
    inside = ((grid > 0) & (grid < 1)).all(3)[:, None]
    drawn = functional.grid_sample(face, 2 * grid - 1, padding_mode="border", align_corners=False)
    return torch.where(inside, drawn, window)


def _signed(pixels: Tensor) -> Tensor:
    """Convert uint8 to floats in [-1, 1]."""
    return pixels.float() / 127.5 - 1
