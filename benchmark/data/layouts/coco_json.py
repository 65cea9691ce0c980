"""One JSON of COCO's form: its images with the boxes whose category is known here, checked entry by entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as made
from pathlib import Path
from typing import Any

from benchmark.data.boxes import Corners
from benchmark.data.jsonfile import expect, field, json_of
from benchmark.errors import Refusal, brief


@dataclass(frozen=True, slots=True)
class Listed:
    """An image of a list: the name of its file, the size that the list says, and its boxes as (label, corners, where).

    Corners are x0, y0, x1, y1 as the file has them, neither put in order nor clamped.
    """

    name: str
    size: tuple[int, int] | None
    boxes: list[tuple[str, Corners, str]] = made(default_factory=list)


def read_coco(path: Path, label_of: Mapping[str, str], warn: Callable[[str], None]) -> list[Listed]:
    """The images of a list in its order; ``label_of`` gives the label of a category by its name in small letters.

    An annotation of a category that ``label_of`` lacks is passed over, a crowd (no single thing) is left out, and so is
    one of an image that the list does not have; both are told through ``warn``. Raises Refusal.
    """
    whole = json_of(path, dict)
    labels = _labels(path, whole, label_of)
    images: dict[int | str, Listed] = {}
    for k, entry in enumerate(field(whole, "images", list, str(path))):
        where = f"{path}: image {k} (from 0)"
        key = _key(entry, "id", where)
        if key in images:
            raise Refusal(f"{where}: id {brief(key)} is there twice")
        images[key] = Listed(field(entry, "file_name", str, where), _size(entry, where))
    left: Counter[str] = Counter()
    for k, entry in enumerate(field(whole, "annotations", list, str(path))):
        where = f"{path}: annotation {k} (from 0)"
        category, image = _key(entry, "category_id", where), _key(entry, "image_id", where)
        if category not in labels:
            raise Refusal(f"{where}: no category has id {brief(category)}")
        label = labels[category]
        if label is None:
            continue
        if image not in images:
            left["they are of images that the list does not have"] += 1
        elif entry.get("iscrowd"):
            left["they are crowds"] += 1
        else:
            images[image].boxes.append((label, _corners(entry, where), where))
    for why, count in left.items():
        warn(f"{path}: {count} annotations left out, {why}")
    return list(images.values())


def _labels(path: Path, whole: Any, label_of: Mapping[str, str]) -> dict[int | str, str | None]:
    """The label of each category's id, None for one that is not known here."""
    found: dict[int | str, str | None] = {}
    for k, entry in enumerate(field(whole, "categories", list, str(path))):
        where = f"{path}: category {k} (from 0)"
        key = _key(entry, "id", where)
        if key in found:
            raise Refusal(f"{where}: id {brief(key)} is there twice")
        found[key] = label_of.get(field(entry, "name", str, where).strip().lower())
    return found


def _key(entry: Any, name: str, where: str) -> int | str:
    """An id: a whole number or a word; ``1`` and ``"1"`` differ. Raises Refusal."""
    if not isinstance(entry, dict) or name not in entry:
        raise Refusal(f"{where}: no '{name}'")
    value = entry[name]
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Refusal(f"{where}: '{name}' is {type(value).__name__}, not a whole number or a text")
    return value


def _size(entry: Any, where: str) -> tuple[int, int] | None:
    if "width" not in entry and "height" not in entry:
        return None
    wide, tall = field(entry, "width", float, where), field(entry, "height", float, where)
    return round(wide), round(tall)


def _corners(entry: Any, where: str) -> Corners:
    box = [expect(value, float, f"{where}: 'bbox'") for value in field(entry, "bbox", list, where)]
    if len(box) != 4:
        raise Refusal(f"{where}: 'bbox' has {len(box)} numbers, not 4 (x, y, width, height)")
    x, y, wide, tall = box
    return x, y, x + wide, y + tall
