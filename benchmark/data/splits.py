"""One split by series for all tasks: the sidecar ``series.json``, or a stable order of the series' names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from inkbench.benchmark.contracts.dataset import SPLITS, Item, Split
from inkbench.benchmark.data.filenames import one_name
from inkbench.benchmark.data.texts import text_of
from inkbench.benchmark.errors import UsageError, brief

SIDECAR = "series.json"
STYLES = ("toon", "realistic")
HELD_OUT_SHARE = 0.2
CARVED_SHARE = 0.1
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Series:
    """A series: the split of all its items, and its style where somebody said it."""

    split: Split
    style: str | None = None


def by_series(series: Iterable[str]) -> dict[str, Split]:
    """Split 60 % train, 20 % val, 20 % test (at least one each) in the order of the names' sha256; no carried seed.

    A series keeps its place among the others whatever order they come in. Fewer than three series are all train:
    nothing can then be held out.
    """
    ordered = sorted(set(series), key=lambda name: (hashlib.sha256(name.encode()).digest(), name))
    held_out = max(1, round(HELD_OUT_SHARE * len(ordered))) if len(ordered) >= 3 else 0
    test, val = ordered[:held_out], ordered[held_out : 2 * held_out]
    return {name: "test" if name in test else "val" if name in val else "train" for name in ordered}


def split_sha256(split_of: Mapping[str, Split]) -> str:
    """Return the sha256 of the lines ``SERIES SPLIT``, sorted: a split that changes is another split."""
    return hashlib.sha256("".join(f"{name} {split}\n" for name, split in sorted(split_of.items())).encode()).hexdigest()


def read_sidecar(root: Path) -> dict[str, Series] | None:
    """Read the series that ``root/series.json`` names, or None where there is no such file. Raises UsageError.

    ``{"<series>": {"split": "train|val|test", "style": "toon|realistic"}}``; ``style`` may be missing.
    """
    path = root / SIDECAR
    if not path.is_file():
        return None
    try:
        read = json.loads(text_of(path))
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}") from None
    except RecursionError:
        raise UsageError(f"{path}: its lists are nested too deeply") from None
    if not isinstance(read, dict):
        raise UsageError(f'{path}: expected {{"<series>": {{"split": "train|val|test"}}}}')
    return {one_name(name): _series(path, name, value) for name, value in read.items()}


def _series(path: Path, name: str, value: object) -> Series:
    if not isinstance(value, dict) or value.get("split") not in SPLITS:
        raise UsageError(f"{path}: series '{name}' needs a \"split\" of {', '.join(SPLITS)}")
    style = value.get("style")
    if style is not None and style not in STYLES:
        raise UsageError(f"{path}: series '{name}' has style {brief(style)}; there are: {', '.join(STYLES)}")
    return Series(cast(Split, value["split"]), style)


def assign(series: Iterable[str], root: Path, otherwise: Mapping[str, Split] | None = None) -> dict[str, Series]:
    """Assign the split and style of every series: the sidecar's, else ``otherwise``, else ``by_series``.

    Raises UsageError where the sidecar leaves out a series that the folder holds.
    """
    names = set(series)
    sidecar = read_sidecar(root)
    if sidecar is None:
        chosen = by_series(names) if otherwise is None else otherwise
        return {name: Series(split) for name, split in chosen.items()}
    missing = sorted(names - set(sidecar))
    if missing:
        raise UsageError(f"{root / SIDECAR} does not name {few(missing)}; add a split for each series of the folder")
    return sidecar


def carved(ids: Iterable[str]) -> frozenset[str]:
    """Return the tenth (at least one) of training images that is validation where the data have none, by sha256."""
    ordered = sorted(set(ids), key=lambda name: (hashlib.sha256(f"validation {name}".encode()).digest(), name))
    return frozenset(ordered[: max(1, round(CARVED_SHARE * len(ordered)))])


def with_held_out(given: Mapping[str, Split]) -> dict[str, Split]:
    """Complete authors' splits of images: without test ``val`` becomes test, without val a part of train val.

    Nothing is made of what is all train.
    """
    known = set(given.values())
    if "test" not in known and "val" in known:
        given = {name: "test" if split == "val" else split for name, split in given.items()}
        known = {"train", "test"}
    if "val" in known or "test" not in known:
        return dict(given)
    held_out = carved(name for name, split in given.items() if split == "train")
    return {name: "val" if name in held_out else split for name, split in given.items()}


def with_held_out_series(given: Mapping[str, Split], series_of: Mapping[str, str]) -> dict[str, Split]:
    """Complete splits as ``with_held_out``, with validation made of whole training series where there are several."""
    made = with_held_out(given)
    if "val" in given.values() or "val" not in made.values():
        return made
    train = {series_of[name] for name, split in given.items() if split == "train"}
    if len(train) < 2:
        return made
    held_out = carved(train)
    return {name: "val" if split == "train" and series_of[name] in held_out else split for name, split in given.items()}


def by_prefix(stems: Iterable[str], sidecar: Mapping[str, Series], root: Path) -> dict[str, str]:
    """Return the series of images whose names are ``SERIES``, ``SERIES_...`` or ``SERIES-...``, the longest that fits.

    Raises UsageError for a name that begins with no series of ``series.json``.
    """
    found = {}
    for stem in stems:
        names = [name for name in sidecar if stem == name or stem.startswith((f"{name}_", f"{name}-"))]
        if not names:
            raise UsageError(f"{root / SIDECAR} names no series that {stem} begins with")
        found[stem] = max(names, key=len)
    return found


def labelled(items: Sequence[Item], fraction: float) -> list[Item]:
    """Return the share of the items whose labels are used, at least one, in their order.

    Drawn once for all time, by the sha256 of the items' ids: every row and seed has the same, and a smaller share
    lies in every larger one.
    """
    count = max(1, round(fraction * len(items)))
    drawn = sorted(items, key=lambda item: (hashlib.sha256(f"labelled {item.id}".encode()).digest(), item.id))
    chosen = {item.id for item in drawn[:count]}
    return [item for item in items if item.id in chosen]


def few(names: Iterable[object], most: int = 5) -> str:
    """Return the first names of a list, and the number of the others."""
    listed = [name if len(name) <= LONGEST else f"{name[:LONGEST]}..." for name in map(str, names)]
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more} more" if more > 0 else "")
