"""The numbers that a dataset's own COCO files give to images and categories, which results lists of others use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from unicodedata import normalize

from inkbench.benchmark import regular
from inkbench.benchmark.contracts.dataset import Dataset

PLACES = ("*.json", "annotations/*.json")
Numbered = list[tuple[int | str, str | None]]


def reading_options(dataset: Dataset, ids: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``options`` of a scorer with ``numbers``, as a form of predictions takes them."""
    classes = [str(name) for name in options.get("classes", ())]
    return {**options, "numbers": own_numbers(dataset, ids, classes)}


def own_numbers(dataset: Dataset, ids: Sequence[str], classes: Sequence[str]) -> dict[str, Numbered]:
    """Return ``images`` and ``categories`` as pairs of a number (or text) and the item or class that it stands for.

    An image of another split stands for no item. A number that two files give to different items of ``ids``, or two
    classes, is left out: nothing says which is meant. Empty where the dataset has no COCO files.
    """
    items = {normalize("NFC", item): item for item in ids}
    label_of = {name.lower(): label for label in classes for name in (label, *_names_of(dataset, label))}
    images: dict[int | str, set[str | None]] = {}
    categories: dict[int | str, set[str | None]] = {}
    for content in _lists(dataset.root):
        for entry in _entries(content, "images", "file_name"):
            images.setdefault(entry["id"], set()).add(_item(entry["file_name"], items))
        for entry in _entries(content, "categories", "name"):
            name = entry["name"].strip()
            categories.setdefault(entry["id"], set()).add(label_of.get(name.lower(), name))
    return {"images": _one_each(images), "categories": _one_each(categories)}


def _names_of(dataset: Dataset, label: str) -> list[str]:
    """Return the names that a dataset's settings give to a class, where a setting is called like it."""
    names = dataset.config.model_dump().get(label)
    return [str(name) for name in names] if isinstance(names, list | tuple) else []


def _one_each(found: dict[int | str, set[str | None]]) -> Numbered:
    pairs: Numbered = []
    for number, names in found.items():
        known = sorted(name for name in names if name is not None)
        if len(known) < 2:
            pairs.append((number, known[0] if known else None))
    return pairs


def _lists(root: Path) -> Iterator[dict[str, Any]]:
    for place in PLACES:
        for path in sorted(root.glob(place)):
            try:
                content = json.loads(regular.read(path).decode("utf-8-sig"))
            except (OSError, ValueError, RecursionError):
                continue  # whoever reads the dataset says so
            if isinstance(content, dict):
                yield content


def _entries(content: dict[str, Any], key: str, name: str) -> list[dict[str, Any]]:
    entries = content.get(key)
    found = []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get(name), str):
            number = entry.get("id")
            if isinstance(number, float) and number.is_integer():
                number = int(number)
            if isinstance(number, int | str) and not isinstance(number, bool):
                found.append({**entry, "id": number})
    return found


def _item(file_name: str, items: Mapping[str, str]) -> str | None:
    """Return the item of an image: its file's name is the id, or the id with a suffix; dots may belong to an id."""
    path = PurePosixPath(normalize("NFC", file_name.replace("\\", "/")))
    return items.get(path.as_posix()) or items.get(path.as_posix().removesuffix(path.suffix))
