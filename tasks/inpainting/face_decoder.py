"""Decoders from a latent vector to a face of 64 x 64 px in [-1, 1]."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

START = 4
DOUBLINGS = 4


def decoder(kind: Literal["dcgan", "residual"], latent: int, width: int) -> nn.Module:
    """Build the decoder ``kind``, ``width`` channels before the last layer, doubled at each halving of the side."""
    return DcganDecoder(latent, width) if kind == "dcgan" else ResidualDecoder(latent, width)


class DcganDecoder(nn.Module):
    """DCGAN's generator (Radford, Metz & Chintala, ICLR 2016, figure 1): transposed convolutions from N(0, .02)."""

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        widths = [width << level for level in reversed(range(DOUBLINGS))]
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent, widths[0], START, bias=False)]
        for a, b in pairwise([*widths, 3]):
            layers += [nn.BatchNorm2d(a), nn.ReLU(), nn.ConvTranspose2d(a, b, 4, 2, 1, bias=b == 3)]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0, 0.02)

    def forward(self, codes: Tensor) -> Tensor:
        """Decode codes (B, latent) to faces (B, 3, 64, 64)."""
        maps: Tensor = self.layers(codes[:, :, None, None])
        return maps


class ResidualDecoder(nn.Module):
    """Residual blocks between enlargements, as IntroVAE's generator (Huang et al., NeurIPS 2018, table 5)."""

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(latent, (width << DOUBLINGS - 1) * START**2)
        widths = [width << level for level in reversed(range(DOUBLINGS))]
        self.blocks = nn.ModuleList(_Residual(a, b) for a, b in pairwise([widths[0], *widths]))
        self.last = nn.Conv2d(widths[-1], 3, 5, padding=2)

    def forward(self, codes: Tensor) -> Tensor:
        """Decode codes (B, latent) to faces (B, 3, 64, 64)."""
        seen = functional.relu(self.first(codes)).view(len(codes), -1, START, START)
        for block in self.blocks:
            seen = functional.interpolate(block(seen), scale_factor=2.0, mode="nearest")
        face: Tensor = self.last(seen).tanh()
        return face


class _Residual(nn.Module):
    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(a, b, 1, bias=False) if a != b else nn.Identity()
        self.branch = nn.Sequential(
            *(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)),
            *(nn.Conv2d(b, b, 3, padding=1, bias=False), nn.BatchNorm2d(b)),
        )

    def forward(self, seen: Tensor) -> Tensor:
        return functional.leaky_relu(self.skip(seen) + self.branch(seen), 0.2)
