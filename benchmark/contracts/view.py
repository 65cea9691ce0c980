"""The squares that a method or a task shows a backbone, and the truths and predictions of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from inkbench.benchmark.contracts.dataset import Kind

if TYPE_CHECKING:
    from torch import Tensor


Truth = dict[str, np.ndarray]
"""The truth of one item, in pixels of the original image; the task names the arrays."""
Predictions = list[dict[str, np.ndarray]]
"""The predictions, one dictionary of arrays per item, in pixels of the original image."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Position of an image in the square that a network sees: ``seen = original * scale + offset``."""

    width: int
    height: int
    scale_x: float
    scale_y: float
    left: float
    top: float


@dataclass(frozen=True, slots=True)
class View:
    """Resizing rule: how images of a kind become squares of ``side`` pixels, once, as uint8.

    ``crop``: short side to ``side``, the long side cut at its centre (under pretraining where ``pretrain.window``
    says). ``squash``: both sides to ``side``, aspect lost. ``pad``: long side to ``side``, rest grey (128), image at
    the top left. ``centre``: long side to ``side``, rest black, image in the middle. With a ``reach`` above 1 a cropped
    square shows up to so many times its short side of the long side, squeezed: what random crops of an image are cut
    from (``augment.random_boxes``).
    """

    side: int
    fit: Literal["crop", "squash", "pad", "centre"] = "crop"
    kind: Kind = "panels"
    reach: float = 1.0

    def place(self, width: int, height: int) -> Placement:
        """Return the map from pixels of an image of ``width`` x ``height`` to pixels of the square."""
        if self.fit == "squash":
            return Placement(width, height, self.side / width, self.side / height, 0.0, 0.0)
        scale = self.side / max(width, height)
        if self.fit == "pad":
            return Placement(width, height, scale, scale, 0.0, 0.0)
        scale_x = scale_y = scale
        if self.fit == "crop":
            scale_x, scale_y = self.side / min(width, self.reach * height), self.side / min(height, self.reach * width)
        left, top = (self.side - width * scale_x) / 2, (self.side - height * scale_y) / 2
        return Placement(width, height, scale_x, scale_y, left, top)


@dataclass(frozen=True, slots=True)
class Seen:
    """The input of a head of a task with several views: by view, in the order of ``Task.views``.

    ``maps``: the backbone's maps, fine to coarse, each (B, C, h, w). ``present``: bool (B,), which items have this
    image; the others were shown a grey square. ``images``: uint8 (B, 3, S, S) as the backbone saw them, empty where
    frozen features are kept (``Task.caches_features``).
    """

    maps: Mapping[str, list[Tensor]]
    present: Mapping[str, Tensor]
    images: Mapping[str, Tensor]
