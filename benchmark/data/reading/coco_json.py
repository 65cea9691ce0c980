"""One JSON of COCO's form: its images with the boxes whose category is known here, checked entry by entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as made
from pathlib import Path
from typing import Any, Generic, TypeVar

from inkbench.benchmark.data.boxes import Corners
from inkbench.benchmark.data.jsonfile import expect, field, flag, json_of
from inkbench.benchmark.data.splits import few
from inkbench.benchmark.errors import UsageError, brief, plural

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed:
    """An image of a list: the name of its file, the size that the list says, and its boxes as (label, numbers, where).

    The numbers are x, y, width and height, as the file has them.
    """

    name: str
    size: tuple[float, float] | None
    boxes: list[tuple[str, Corners, str]] = made(default_factory=list)


def read_coco(path: Path, label_of: Mapping[str, str], warn: Callable[[str], None]) -> list[Listed]:
    """Read the images of a list in its order; ``label_of`` gives a category's label by its name in small letters.

    An annotation of a category that ``label_of`` lacks is passed over, a crowd (no single thing) is left out, and so is
    one of an image that the list does not have; both are told through ``warn``. Raises UsageError.
    """
    whole = json_of(path, dict)
    labels = _Ids(_labels(path, whole, label_of))
    images = _Ids[Listed]({})
    for k, entry in enumerate(field(whole, "images", list, str(path))):
        where = f"{path}: image {k} (from 0)"
        key = _key(entry, "id", where)
        if key in images.of:
            raise UsageError(f"{where}: id {brief(key)} appears twice")
        images.add(key, Listed(field(entry, "file_name", str, where), _size(entry, where)))
    left: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for k, entry in enumerate(field(whole, "annotations", list, str(path))):
        where = f"{path}: annotation {k} (from 0)"
        category, image = _key(entry, "category_id", where), _key(entry, "image_id", where)
        if not labels.knows(category):
            raise UsageError(f"{where}: no category has id {brief(category)}")
        label, name = labels.get(category)
        if label is None:
            others[name] += 1
        elif not images.knows(image):
            left["their images are not in the list"] += 1
        elif flag(entry.get("iscrowd"), f"{where}: 'iscrowd'"):
            left["they are crowds"] += 1
        else:
            images.get(image).boxes.append((label, _box(entry, where), where))
    for why, count in left.items():
        warn(f"{path}: {plural(count, 'annotation')} left out: {why}")
    if others and not any(image.boxes for image in images.of.values()):
        warn(f"{path}: {plural(others.total(), 'annotation')} ignored, none has a known class: {few(others)}; "
             "map them, such as --set coco.body=person")  # fmt: skip
    return list(images.of.values())


class _Ids(Generic[T]):
    """Meanings of ids. An id is what its file says it is; one that a tool wrote as a text is found by its digits."""

    def __init__(self, of: dict[int | str, T]) -> None:
        self.of = of
        self._spelled = {str(key): key for key in of}

    def add(self, key: int | str, value: T) -> None:
        self.of[key] = value
        self._spelled[str(key)] = key

    def knows(self, key: int | str) -> bool:
        return key in self.of or str(key) in self._spelled

    def get(self, key: int | str) -> T:
        return self.of[key] if key in self.of else self.of[self._spelled[str(key)]]


def _labels(path: Path, whole: Any, label_of: Mapping[str, str]) -> dict[int | str, tuple[str | None, str]]:
    """Return the label of each category's id, None for one that is not known here, and the category's name."""
    found: dict[int | str, tuple[str | None, str]] = {}
    for k, entry in enumerate(field(whole, "categories", list, str(path))):
        where = f"{path}: category {k} (from 0)"
        key = _key(entry, "id", where)
        if key in found:
            raise UsageError(f"{where}: id {brief(key)} appears twice")
        name = field(entry, "name", str, where).strip()
        found[key] = label_of.get(name.lower()), name
    return found


def _key(entry: Any, name: str, where: str) -> int | str:
    """Return an id: a whole number or a word. Raises UsageError."""
    if not isinstance(entry, dict) or name not in entry:
        raise UsageError(f"{where}: no '{name}'")
    value = entry[name]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise UsageError(f"{where}: '{name}' is {type(value).__name__}, not a whole number or a text")
    return value


def _size(entry: Any, where: str) -> tuple[float, float] | None:
    if entry.get("width") is None or entry.get("height") is None:
        return None
    return field(entry, "width", float, where), field(entry, "height", float, where)


def _box(entry: Any, where: str) -> Corners:
    """Return the four numbers of a box as the file has them."""
    box = [expect(value, float, f"{where}: 'bbox'") for value in field(entry, "bbox", list, where)]
    if len(box) != 4:
        raise UsageError(f"{where}: 'bbox' has {plural(len(box), 'number')}, not 4 (x, y, width, height)")
    x, y, wide, tall = box
    return x, y, wide, tall
