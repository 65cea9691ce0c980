"""The meaning of instance codes and panels beyond identity: a class for each pixel, a scene for each panel."""

from __future__ import annotations

from typing import Any

import numpy as np

from inkbench.benchmark.data.synth.scene import BALLOON_CODE, OUTSIDE, PROP_CODE
from inkbench.benchmark.data.synth.scenery import GROUNDS

MASK_CLASSES = ("background", "body", "face", "thing", "lettering")
"""What a pixel shows; a face is the visible head without hat and hanging hair, lettering includes its balloon."""
VOID = 255
_ROOMS = {"room": "indoors", "office": "indoors"}  # drawn by one painter, told apart by their things alone
SCENES = ("indoors", "street", "night", "hills", "forest", "sea", "mountains", *GROUNDS)
"""Where a panel plays: a place, or the abstract ground that stands for one."""


def _classes_of_codes() -> np.ndarray:
    """Return the class of each instance code: characters have an even one for the body and the next for the face."""
    table = np.zeros(256, dtype=np.uint8)
    table[2:PROP_CODE:2] = MASK_CLASSES.index("body")
    table[3:PROP_CODE:2] = MASK_CLASSES.index("face")
    table[PROP_CODE:BALLOON_CODE] = MASK_CLASSES.index("thing")
    table[BALLOON_CODE:OUTSIDE] = MASK_CLASSES.index("lettering")
    table[OUTSIDE] = VOID
    return table


CLASS_OF_CODE = _classes_of_codes()


def scene_of(panel: dict[str, Any]) -> str:
    """Return the scene of a panel, from its record in ``labels/``."""
    if panel["ground"] != "place":
        return str(panel["ground"])
    room: str = _ROOMS.get(panel["place"], panel["place"])
    return room
