"""A split as a task sees it: readable images with their truths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.api import Item, Placement, Task, Truth
from benchmark.data.cache import ImageCache
from benchmark.data.images import BadImage
from benchmark.errors import CellError


@dataclass(frozen=True, slots=True)
class TaskData:
    """One split as a task sees it: images, truths in original pixels, and where each image lies in its square.

    ``rows`` are the places of the items in ``cache``; ``failures`` those whose image or truth could not be read.
    """

    cache: ImageCache
    rows: np.ndarray
    items: list[Item]
    truths: list[Truth]
    placements: list[Placement]
    failures: list[dict[str, str]]

    @classmethod
    def of(cls, task: Task, cache: ImageCache) -> TaskData:
        """Truths and placements of the items whose image and truth can be read. Raises CellError where none can."""
        failures = [{"item": item, "reason": reason} for item, reason in cache.failures]
        rows, truths, placements = [], [], []
        for row, (item, (width, height)) in enumerate(zip(cache.items, cache.sizes.tolist(), strict=True)):
            try:
                truths.append(task.truth(item, width, height))
            except BadImage as error:
                failures.append({"item": item.id, "reason": str(error)})
                continue
            rows.append(row)
            placements.append(task.view().place(width, height))
        if not rows:
            raise CellError(f"not one item of {task.name} can be read: {failures[0]['reason']}")
        items = [cache.items[row] for row in rows]
        return cls(cache, np.array(rows), items, truths, placements, failures)

    def batch(self, indices: np.ndarray) -> np.ndarray:
        """The squares of items, uint8 (B, S, S, 3)."""
        return self.cache.batch(self.rows[indices])
