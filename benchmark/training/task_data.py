"""A split as a task sees it: readable images with their truths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inkbench.benchmark.api import Item, Placement, Task, Truth
from inkbench.benchmark.data.cache import GREY, ImageCache
from inkbench.benchmark.data.images import BadImage
from inkbench.benchmark.errors import RunError

ABSENT = -1


@dataclass(frozen=True, slots=True)
class TaskData:
    """One split as a task sees it: images, truths in original pixels, and where each image lies in its square.

    ``caches`` and ``rows`` go by view; ``rows`` are the places of the items in their cache, ``ABSENT`` where an item
    lacks that image. Truth and placement are those of the first image that an item has. ``failures`` are the items of
    which an image or the truth could not be read.
    """

    caches: Mapping[str, ImageCache]
    rows: Mapping[str, np.ndarray]
    items: list[Item]
    truths: list[Truth]
    placements: list[Placement]
    failures: list[dict[str, str]]

    @classmethod
    def of(cls, task: Task, items: Sequence[Item], build: Callable[[str, list[Item]], ImageCache]) -> TaskData:
        """Keep the items that can be read; ``build`` makes the cache of a view. Raises RunError where none can."""
        parts = {name: _distinct(items, name) for name in task.views()}
        caches = {name: build(name, list(found.values())) for name, found in parts.items()}
        places = {name: {_key(item): row for row, item in enumerate(cache.items)} for name, cache in caches.items()}
        reasons = {name: dict(cache.failures) for name, cache in caches.items()}
        kept: list[Item] = []
        truths, placements, failures = [], [], []
        rows: dict[str, list[int]] = {name: [] for name in parts}
        for item in items:
            own = {name: part for name in parts if (part := part_of(item, name)) is not None}
            lost = next((reasons[name][part.id] for name, part in own.items() if _key(part) not in places[name]), None)
            try:
                if lost is not None or not own:
                    raise BadImage(item.path, lost or "has none of the images that the task reads")
                first = next(iter(own))
                width, height = caches[first].sizes[places[first][_key(own[first])]].tolist()
                truths.append(task.truth(item, width, height))
            except BadImage as error:
                failures.append({"item": item.id, "reason": lost or str(error)})
                continue
            kept.append(item)
            placements.append(task.views()[first].place(width, height))
            for name in parts:
                rows[name].append(places[name][_key(own[name])] if name in own else ABSENT)
        if not kept:
            raise RunError(f"no item of {task.name} can be read: {failures[0]['reason']}")
        return cls(caches, {name: np.array(of) for name, of in rows.items()}, kept, truths, placements, failures)

    @classmethod
    def without_truth(cls, task: Task, cache: ImageCache) -> TaskData:
        """Load images of which nothing is known; for tasks that see one square of each."""
        [name] = task.views()
        count = len(cache.items)
        placements = [task.view().place(width, height) for width, height in cache.sizes.tolist()]
        failures = [{"item": item, "reason": reason} for item, reason in cache.failures]
        return cls(
            {name: cache}, {name: np.arange(count)}, cache.items, [{} for _ in range(count)], placements, failures
        )

    def batch(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return the images of items by view, uint8 (B, S, S, 3); grey where an item lacks one."""
        return {name: self._images(name, indices) for name in self.caches}

    def _images(self, name: str, indices: np.ndarray) -> np.ndarray:
        rows = self.rows[name][indices]
        present = rows != ABSENT
        if present.all():
            return self.caches[name].batch(rows)
        images = np.full((len(rows), *self.caches[name].images.shape[1:]), GREY, dtype=np.uint8)
        images[present] = self.caches[name].batch(rows[present])
        return images

    def present(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return whether each of the items has each image, bool (B,) by view."""
        return {name: rows[indices] != ABSENT for name, rows in self.rows.items()}

    def sources(self) -> list[tuple[Callable[[np.ndarray], np.ndarray], int]]:
        """Return for each view how to fetch images by number, and how many items have one."""
        return [self._source(name) for name in self.rows]

    def _source(self, name: str) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
        rows = self.rows[name][self.rows[name] != ABSENT]
        return lambda chosen: self.caches[name].batch(rows[chosen]), len(rows)

    def subset(self, indices: np.ndarray) -> TaskData:
        """Return some of the items, over the same images."""
        return TaskData(
            self.caches,
            {name: rows[indices] for name, rows in self.rows.items()},
            [self.items[i] for i in indices],
            [self.truths[i] for i in indices],
            [self.placements[i] for i in indices],
            self.failures,
        )


def part_of(item: Item, name: str) -> Item | None:
    """Return the image of an item that a view shows; an item without parts is its own."""
    return item.parts.get(name) if item.parts else item


def _key(item: Item) -> tuple[object, ...]:
    return item.id, item.crop, item.hole, item.damage


def _distinct(items: Sequence[Item], name: str) -> dict[tuple[object, ...], Item]:
    """Return the images of a view without repetitions (a panel stands in several sequences), in order."""
    found: dict[tuple[object, ...], Item] = {}
    for item in items:
        part = part_of(item, name)
        if part is not None:
            found.setdefault(_key(part), part)
    return found
