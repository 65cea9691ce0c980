"""The squares that views of panels, faces and bodies are cut from, and pairs of strong views of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from inkbench.benchmark import augment
from inkbench.benchmark.api import View
from inkbench.benchmark.pretext.two_views import ViewsConfig, strong


def views_of(sides: Mapping[str, int], smallest: float) -> dict[str, View]:
    """Return the square that views of ``sides`` pixels are cut from, by the name of its kind (image, face, body).

    ``smallest`` is the least area of a crop, for which the squares are large enough. Faces and bodies fill their
    squares, so that no crop can show anything else; their sizes tell their aspect.
    """
    kinds = {
        "image": lambda side: View(side, reach=augment.REACH),
        "face": lambda side: View(side, "squash", "face_pairs"),
        "body": lambda side: View(side, "squash", "body_pairs"),
    }
    return {name: kinds[name](augment.source_side(side, smallest)) for name, side in sides.items()}


def strong_pairs(
    batch: Mapping[str, Tensor], sides: Mapping[str, int], c: ViewsConfig, generator: torch.Generator
) -> dict[str, list[Tensor]]:
    """Draw two strong views, float (N, 3, side, side), of everything in a batch that ``sides`` names.

    They are cut from the thing itself: as large a share of a face's or a body's own pixels, and as long and high, as of
    an image.
    """
    return {
        name: [strong(batch[name], side, c, generator, **shape_of(batch, name)) for _ in range(2)]
        for name, side in sides.items()
    }


def shape_of(batch: Mapping[str, Tensor], name: str) -> dict[str, Any]:
    """Return what crops must know of a view's images to have their aspect in the original."""
    return {"sizes": batch.get(f"{name}_size"), "reach": augment.REACH if name == "image" else math.inf}
