"""Items of a dataset under damage: noted in the item, done when its image is read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data.damage.catalogue import IDENTITY, VERSION, Damage, damaged
from inkbench.benchmark.data.images import read_rgb


def with_damage(item: Item, damage: Damage) -> Item:
    """Return an item, with all of its parts, under one more damage. ``identity`` is none, so nothing changes."""
    if damage.name == IDENTITY:
        return item
    parts = {name: with_damage(part, damage) for name, part in item.parts.items()}
    return replace(item, damage=(*item.damage, str(damage)), parts=parts)


def drawn_on(image: Image.Image, item: Item) -> Image.Image:
    """Return the image of an item, cut out and with its hole already, after the item's damage."""
    return Image.fromarray(damaged(np.asarray(image), item.damage, item.id)) if item.damage else image


def read_item(item: Item) -> np.ndarray:
    """Read the pixels of an item as uint8 (H, W, 3), after its damage; a hole is not painted. Raises BadImage."""
    pixels = read_rgb(item.path, item.crop)
    return damaged(pixels, item.damage, item.id) if item.damage else pixels


def damage_key(item: Item) -> list[object]:
    """Return what of an item's damage its pixels depend on; nothing where it has none."""
    return [VERSION, *item.damage] if item.damage else []
