"""The share of its images that a pretraining sees: in one epoch, and in all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inkbench.benchmark.api import Dataset, Item, Method, View
from inkbench.benchmark.config import PretrainSettings
from inkbench.benchmark.data.cache import LONGEST
from inkbench.benchmark.data.images import BadImage
from inkbench.benchmark.data.strips import original_size
from inkbench.benchmark.errors import UsageError

MEASURED = 4_000
PLACES = 512


@dataclass(frozen=True, slots=True)
class Shown:
    """Mean shares of the area of an image that crops of a view show."""

    view: View
    images: int
    epochs: float
    one_epoch: float
    budget: float


def shown(method: Method, settings: PretrainSettings, data: Dataset) -> dict[str, Shown]:
    """Return what a pretraining shows of the training images of ``data``, by view. Raises UsageError without any."""
    found = {}
    for name, view in method.views().items():
        sizes, count = sizes_of(data, view)
        epochs = settings.images / count
        crops = np.ones(len(sizes))
        if view.fit == "crop":
            crops = np.maximum(sizes.max(1) / (view.reach * sizes.min(1)), 1)
        one = float((1 / crops).mean())
        seen = [covered(length, epochs) for length in crops] if settings.window == "random" else 1 / crops
        found[name] = Shown(view, count, epochs, one, float(np.mean(seen)) * min(epochs, 1))
    return found


def sizes_of(data: Dataset, view: View) -> tuple[np.ndarray, int]:
    """Return the width and height of training images, int (n, 2), evenly spread over all; and their number.

    Of what a program has not drawn yet they are those that it will draw.
    """
    try:
        items: Sequence[Item] = data.items(view.kind, "train")
    except UsageError:
        sizes = data.foretold(view.kind, "train")
        if not sizes:
            raise
        return np.array(sizes), len(sizes)
    found = []
    for place in np.linspace(0, len(items) - 1, min(MEASURED, len(items))).astype(int):
        try:
            found.append(original_size(items[place]))
        except BadImage:
            continue
    if not found:
        raise UsageError(f"{data.name} has no readable {view.kind} to train on")
    return np.array(found), len(items)


def covered(crops: float, epochs: float) -> float:
    """Return the expected share of a strip of so many crops that is seen in at least one of ``epochs``.

    In each a square lies at a place that is uniform on the strip; of a strip of more than ``LONGEST`` it lies on the
    middle ones.
    """
    reachable = min(crops, float(LONGEST))
    room = reachable - 1
    if room < 1e-9:
        return 1 / crops
    x = (np.arange(PLACES) + 0.5) / PLACES * reachable
    once = (np.minimum(x, room) - np.maximum(x - 1, 0)) / room
    return float((1 - (1 - once.clip(0, 1)) ** max(epochs, 1)).mean()) * reachable / crops
