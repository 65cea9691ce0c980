"""A test split under damage: the same items, their images damaged before they are resized, their truths to match."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from inkbench.benchmark.api import Item, Task, Truth
from inkbench.benchmark.data.cache import ImageCache
from inkbench.benchmark.data.damage.catalogue import CROP, Damage, cut_box
from inkbench.benchmark.data.damage.items import with_damage
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.training.task_data import TaskData, part_of


def damaged_data(
    task: Task, clean: TaskData, damage: Damage, build: Callable[[str, list[Item]], ImageCache]
) -> TaskData:
    """Return the items of ``clean`` under one more damage, in their order; ``build`` makes the cache of a view.

    Raises NotApplicable where the task does not say what the truth becomes, RunError where a file changed meanwhile.
    """
    truths = damaged_truths(task, clean, damage)
    caches = {}
    for name, cache in clean.caches.items():
        caches[name] = build(name, [with_damage(item, damage) for item in cache.items])
        if len(caches[name].items) != len(cache.items):
            lost, reason = caches[name].failures[0]
            raise RunError(f"{lost} cannot be read any more: {reason}")
    items = [with_damage(item, damage) for item in clean.items]
    views = task.views()
    placements = []
    for k, item in enumerate(items):
        first = next(name for name in views if part_of(item, name) is not None)
        width, height = caches[first].sizes[clean.rows[first][k]].tolist()
        placements.append(views[first].place(width, height))
    return replace(clean, caches=caches, items=items, truths=truths, placements=placements)


def damaged_truths(task: Task, clean: TaskData, damage: Damage) -> list[Truth]:
    """Return the truths under a damage: only cut borders change any. Raises NotApplicable as ``Task.cut`` does."""
    if damage.name != CROP:
        return clean.truths
    truths = []
    for item, truth, place in zip(clean.items, clean.truths, clean.placements, strict=True):
        truths.append(task.cut(truth, cut_box(place.width, place.height, damage.strength, item.id)))
    return truths
