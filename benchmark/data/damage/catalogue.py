"""The damages by name, and what becomes of an image under some: a function of image, damage and item alone.

Three strengths of each, after the severities of Hendrycks & Dietterich, "Benchmarking neural network robustness to
common corruptions and perturbations", ICLR 2019 (ImageNet-C).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from inkbench.benchmark.data.damage import copying, printing
from inkbench.benchmark.data.damage.print_and_scan import print_and_scan
from inkbench.benchmark.seeding import derive

VERSION = 1
"""Raised by whatever changes a pixel of a damaged image."""
STRENGTHS = (1, 2, 3)
IDENTITY = "identity"
CROP = "crop"
"""The damage that changes the size of an image."""
Function = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]

DAMAGES: Mapping[str, Function] = {
    "halftone": printing.halftone,
    "yellowing": printing.yellowing,
    "grey": printing.grey,
    "jpeg": copying.jpeg,
    CROP: copying.crop,
    "scale": copying.scale,
}
"""What a robustness is measured under."""
KNOWN: Mapping[str, Function] = {
    **DAMAGES,
    "print-and-scan": print_and_scan,
    IDENTITY: lambda image, strength, rng: image,
}


class Damage(NamedTuple):
    """A damage at a strength of 1 to 3, written ``halftone@2``."""

    name: str
    strength: int

    def __str__(self) -> str:
        return f"{self.name}@{self.strength}"

    @classmethod
    def of(cls, text: str) -> Damage:
        """Read ``NAME@STRENGTH``. Raises ValueError for what is none."""
        name, _, strength = text.partition("@")
        if name not in KNOWN or strength not in map(str, STRENGTHS):
            raise ValueError(f"'{text}' is no damage; it is one of {', '.join(KNOWN)}, with @1, @2 or @3")
        return cls(name, int(strength))


def all_damages() -> list[Damage]:
    """Return the damages that a robustness is measured under, each at its three strengths."""
    return [Damage(name, strength) for name in DAMAGES for strength in STRENGTHS]


def damaged(image: np.ndarray, damages: Sequence[str], item: str) -> np.ndarray:
    """Return an image uint8 (H, W, 3) after damages, in order; what is random of them is drawn by the item's id."""
    for text in damages:
        damage = Damage.of(text)
        image = KNOWN[damage.name](image, damage.strength, _drawn(damage, item))
    return image


def cut_box(width: int, height: int, strength: int, item: str) -> tuple[int, int, int, int]:
    """Return what ``crop`` leaves (x0, y0, x1, y1) of an item's image of ``width`` x ``height`` pixels."""
    return copying.kept(width, height, copying.CUT[strength - 1], _drawn(Damage(CROP, strength), item))


def _drawn(damage: Damage, item: str) -> np.random.Generator:
    return np.random.default_rng(derive("damage", damage.name, damage.strength, item))
