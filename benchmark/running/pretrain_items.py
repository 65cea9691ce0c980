"""The items that a pretraining reads: without the task's test items, without suspects where that is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from inkbench.benchmark.contracts.dataset import SPLITS, Dataset, Item, Kind, Split
from inkbench.benchmark.data.leaks.command import images_of
from inkbench.benchmark.data.leaks.compare import LISTED, alike, compare
from inkbench.benchmark.errors import RunError, plural
from inkbench.benchmark.planning.experiment import Pretraining
from inkbench.benchmark.planning.pool import HELD_OUT_SHARE, is_pool, nested
from inkbench.benchmark.running.workspace import Workspace

TESTED: tuple[Split, ...] = ("val", "test")
Image = tuple[Path, object, object]


@dataclass(frozen=True, slots=True)
class Suspect:
    """An image left out of a pretraining: it looks like one of val or test (in how many bits), or is of its series."""

    image: str
    like: str
    bits: int | None


@dataclass(frozen=True)
class Reading:
    """The items that a pretraining reads and those of its held-out figure, by kind, and what was left out."""

    train: dict[Kind, list[Item]]
    held_out: dict[Kind, list[Item]]
    pool: bool
    held_back: int
    suspects: list[Suspect] = field(default_factory=list)

    @cached_property
    def images(self) -> list[Item]:
        """Every image that is read, once, whichever of its views shows it."""
        return list(images_in(item for items in self.train.values() for item in items).values())

    def told(self) -> dict[str, Any]:
        """Return a record's entry on the reading."""
        return {
            "read": "all series of a pool" if self.pool else "the series of some splits",
            "held_out_for_the_pretext_figure": sum(map(len, self.held_out.values())),
            "suspects": len(self.suspects),
            "nearest_suspects": [
                {"image": one.image, "like": one.like, "bits": one.bits} for one in self.suspects[:LISTED]
            ],
        }


def reading(workspace: Workspace, work: Pretraining) -> Reading:
    """Return what a pretraining reads; suspects are looked for if they are to be left out. Raises RunError.

    What a program draws must be drawn already (``Workspace.prepare``).
    """
    request, data, pretrain_data = workspace.request, workspace.plan.data, workspace.plan.pretrain_data
    kinds = list(dict.fromkeys(view.kind for view in work.method.views().values()))
    pool = is_pool(data, pretrain_data)
    every = {kind: [item for split in SPLITS for item in pretrain_data.items(kind, split)] for kind in kinds}
    if pool:
        usable = {kind: _apart(items, data, pretrain_data) for kind, items in every.items()}
    else:
        splits = SPLITS if request.transductive else ("train",)
        usable = {kind: [item for item in items if item.split in splits] for kind, items in every.items()}
    held_back = sum(map(len, every.values())) - sum(map(len, usable.values()))
    suspects: list[Suspect] = []
    if request.exclude_suspects:
        usable, suspects = _without_suspects(workspace, usable)
    held_out = {kind: [item for item in items if item.split == "val"] for kind, items in every.items()}
    if pool:
        chosen = _held_out(usable, pretrain_data.root, work.settings.held_out)
        held_out = {kind: [item for item in items if _unit(item, pretrain_data.root) in chosen or item.series in chosen]
                    for kind, items in usable.items()}  # fmt: skip
        out = {kind: {item.id for item in items} for kind, items in held_out.items()}
        usable = {kind: [item for item in items if item.id not in out[kind]] for kind, items in usable.items()}
    for what, of in (("to read", usable), ("for the pretext figure", held_out)):
        if empty := [kind for kind, items in of.items() if not items]:
            left = f" after leaving out {plural(len(suspects), 'suspect')}" if suspects else ""
            raise RunError(f"{pretrain_data.name} has no {empty[0]} {what}{left}")
    return Reading(usable, held_out, pool, held_back, suspects)


def images_in(items: Iterable[Item]) -> dict[Image, Item]:
    """Return every image that items show, each of their parts, by file and rectangle."""
    found: dict[Image, Item] = {}
    for item in items:
        for part in item.parts.values() if item.parts else (item,):
            found.setdefault(_image(part), part)
    return found


def _image(item: Item) -> Image:
    return item.path, item.crop, item.hole


def _apart(items: Sequence[Item], data: Dataset, pool: Dataset) -> list[Item]:
    """Return the items of a pool without series that the task validates or tests on, and without its very files."""
    if alike(data, pool):
        held = {item.series for item in images_of(data, TESTED)}
        items = [item for item in items if item.series not in held]
    if nested(data, pool):
        files = {_file(item.path) for item in images_of(data, TESTED)}
        items = [item for item in items if not any(_file(part.path) in files for part in images_in([item]).values())]
    return list(items)


def _file(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _without_suspects(
    workspace: Workspace, usable: dict[Kind, list[Item]]
) -> tuple[dict[Kind, list[Item]], list[Suspect]]:
    """Remove items of which a part looks like an image of val or test; return the others, and these, nearest first."""
    data, pretrain_data = workspace.plan.data, workspace.plan.pretrain_data
    images = images_in(item for items in usable.values() for item in items)
    tested = images_of(data, TESTED)
    cache = workspace.store.root / "cache" / "hashes"
    leaks = compare(list(images.values()), pretrain_data, tested, data, cache, workspace.progress)
    keys = list(images)
    rows = sorted(leaks.suspect.nonzero()[0].tolist(), key=lambda row: (int(leaks.distance[row]), row))
    suspects = [
        Suspect(
            images[keys[row]].id,
            tested[leaks.nearest[row]].id if leaks.by_image[row] else f"series {images[keys[row]].series}",
            int(leaks.distance[row]) if leaks.by_image[row] else None,
        )
        for row in rows
    ]
    out = {keys[row] for row in rows}
    left = {kind: [item for item in items if not out & images_in([item]).keys()] for kind, items in usable.items()}
    return left, suspects


def _held_out(usable: dict[Kind, list[Item]], root: Path, most: int) -> set[str]:
    """Return the series, or where they are too large the files, of the items for the pretext figure, by sha256."""
    items = usable[next(iter(usable))]
    wanted = max(1, min(round(HELD_OUT_SHARE * len(items)), most))
    series = _few_of([item.series for item in items], wanted)
    return (
        series or _few_of([_unit(item, root) for item in items], wanted) or {_unit(items[0], root)} if items else set()
    )


def _few_of(owners: Sequence[str], wanted: int) -> set[str]:
    """Return owners in sha256 order until they own so many; one that would make it twice as many is passed."""
    owned: dict[str, int] = {}
    for owner in owners:
        owned[owner] = owned.get(owner, 0) + 1
    chosen: set[str] = set()
    count = 0
    for owner in sorted(owned, key=lambda name: (hashlib.sha256(f"validation {name}".encode()).digest(), name)):
        if count >= wanted:
            break
        if count + owned[owner] <= 2 * wanted and len(chosen) + 1 < len(owned):
            chosen.add(owner)
            count += owned[owner]
    return chosen


def _unit(item: Item, root: Path) -> str:
    """Return the unit to hold out where series are not: a panel and what was cut out of it, or a file."""
    if item.panel is not None:
        return f"panel {item.panel}"
    return f"file {item.path.relative_to(root).as_posix() if item.path.is_relative_to(root) else item.path}"
