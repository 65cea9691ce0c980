"""The squares that views of panels, faces and bodies are cut from."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.api import View


def views_of(sides: Mapping[str, int]) -> dict[str, View]:
    """By the name of what is seen (image, face, body) a square a quarter larger than the view of ``sides`` pixels.

    Faces lose their aspect, bodies are padded (Soykan et al. 2023).
    """
    kinds = {
        "image": lambda side: View(side),
        "face": lambda side: View(side, "squash", "face_pairs"),
        "body": lambda side: View(side, "pad", "body_pairs"),
    }
    return {name: kinds[name](side * 5 // 4) for name, side in sides.items()}
