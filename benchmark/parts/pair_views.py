"""The squares that views of panels, faces and bodies are cut from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from benchmark import augment
from benchmark.api import View


def views_of(sides: Mapping[str, int], smallest: float) -> dict[str, View]:
    """By the name of what is seen (image, face, body) the square that its views of ``sides`` pixels are cut from.

    ``smallest`` is the least area of a crop, for which the squares are large enough. Faces lose their aspect, bodies
    are padded (Soykan et al. 2023).
    """
    kinds = {
        "image": lambda side: View(side, reach=augment.REACH),
        "face": lambda side: View(side, "squash", "face_pairs"),
        "body": lambda side: View(side, "pad", "body_pairs"),
    }
    return {name: kinds[name](augment.source_side(side, smallest)) for name, side in sides.items()}


def shape_of(batch: Mapping[str, Tensor], name: str) -> dict[str, Any]:
    """What crops must know of a view's images to have their aspect in the original; nothing of a padded square."""
    if name == "body":
        return {}
    return {"sizes": batch.get(f"{name}_size"), "reach": augment.REACH if name == "image" else math.inf}
