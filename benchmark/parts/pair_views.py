"""The squares that views of panels, faces and bodies are cut from, and pairs of strong views of them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from benchmark.api import View
from benchmark.parts.two_views import ViewsConfig, strong


def views_of(sides: Mapping[str, int]) -> dict[str, View]:
    """By the name of what is seen (image, face, body) a square a quarter larger than the view of ``sides`` pixels.

    Faces and bodies fill their squares, so that no crop can show anything else; their sizes tell their aspect.
    """
    kinds = {
        "image": lambda side: View(side),
        "face": lambda side: View(side, "squash", "face_pairs"),
        "body": lambda side: View(side, "squash", "body_pairs"),
    }
    return {name: kinds[name](side * 5 // 4) for name, side in sides.items()}


def strong_pairs(
    batch: Mapping[str, Tensor], sides: Mapping[str, int], c: ViewsConfig, generator: torch.Generator
) -> dict[str, list[Tensor]]:
    """Two strong views, float (N, 3, side, side), of everything in a batch that ``sides`` names, cut from the thing
    itself: as large a share of a face's or a body's own pixels, and as long and high, as of an image."""
    seen = {}
    for name, side in sides.items():
        sizes = None if name == "image" else batch[f"{name}_size"]
        seen[name] = [strong(batch[name], side, c, generator, sizes) for _ in range(2)]
    return seen
