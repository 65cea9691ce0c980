"""Faults in the items of a dataset that all can be read: ids, splits, units, masks, copies, classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from inkbench.benchmark.contracts.dataset import SPLITS, Dataset, Item, Kind, SeriesBy
from inkbench.benchmark.data.check.images import VOID, Seen
from inkbench.benchmark.data.own import is_drawn
from inkbench.benchmark.data.splits import SIDECAR, few, split_sha256
from inkbench.benchmark.data.units import GUESSED, MEND, TOLD
from inkbench.benchmark.errors import UsageError, plural

if TYPE_CHECKING:
    from inkbench.benchmark.data.check.report import Report

T = TypeVar("T")
SAID: Mapping[SeriesBy, str] = {"image": "not stated, so every image counts as its own series"}
Known = dict[Kind, list[Item]]
"""The items of every kind, of all splits."""


def all_items(items: Known) -> Iterator[Item]:
    """Yield every item, and the parts that items have."""
    for of in items.values():
        for item in of:
            yield item
            yield from item.parts.values()


def short(path: Path, dataset: Dataset) -> str:
    """Return the path relative to the dataset's root."""
    return str(path.relative_to(dataset.root)) if path.is_relative_to(dataset.root) else str(path)


def duplicate_ids(items: Known) -> Iterator[str]:
    """Yield ids that several items of a kind have."""
    for kind, of in items.items():
        yield from (
            f"{count} {kind} have the same id {name}"
            for name, count in Counter(item.id for item in of).items()
            if count > 1
        )


def leaking_series(items: Known) -> Iterator[str]:
    """Yield series with items in several splits."""
    splits: dict[str, set[str]] = defaultdict(set)
    for item in all_items(items):
        splits[item.series].add(item.split)
    for series, of in splits.items():
        if len(of) > 1:
            where = " and ".join(split for split in SPLITS if split in of)
            yield f"series {series} is in {where}: a series must be in one split only"


def told_of_cuts(dataset: Dataset) -> bool:
    """Return whether the reader follows folders or lists that cut series, and has said so."""
    try:
        return dataset.splits_cut_series
    except UsageError:
        return False  # told where items were read


def guessed(dataset: Dataset, report: Report) -> Iterator[str]:
    """Yield a line where the unit of the statistics is a guess; none for drawn data and for photographs."""
    if not report.items:
        return
    try:
        by = report.counts["series_by"] = dataset.series_by
    except UsageError:
        return  # told where items were read
    if by in GUESSED and not dataset.photographs and not is_drawn(dataset.root):
        count = len({item.series for item in all_items(report.items)})
        mend = f": {MEND}" if dataset.guesses else ""
        yield f"series (the unit of splits, intervals and p-values): {SAID.get(by, TOLD[by])} ({count:,} series){mend}"


def other_split(dataset: Dataset, items: Known) -> Iterator[str]:
    """Yield a line where this copy is not split as inkbench has it for the whole public set."""
    committed = type(dataset).split_sha256
    if committed and items:
        found = split_sha256({item.series: item.split for item in items.get("labelled") or all_items(items)})
        if found != committed:
            yield (
                f"the split differs from that of the complete public set ({found[:12]}, not {committed[:12]}): "
                f"series are missing, or {SIDECAR} changes it; results are not comparable with published ones"
            )


def wrong_masks(dataset: Dataset, items: Known, seen: dict[Path, Seen]) -> Iterator[str]:
    """Yield label images of another size than their image, or with numbers that no class has."""
    classes = _classes(dataset, "segmented")
    for item in items.get("segmented", ()):
        mask, image = seen.get(item.mask) if item.mask else None, seen.get(item.path)
        if not mask or mask.error or not image or image.error:
            continue
        if item.crop is None and mask.size != image.size:
            yield f"{short(mask.path, dataset)} is {_by(mask.size)}, its image {_by(image.size)} pixels"
        if stray := sorted(number for number in mask.labels if number >= len(classes) and number != VOID):
            total = plural(len(classes), "class")
            yield f"{short(mask.path, dataset)} has labels {few(stray)}, but there are only {total}"


def void_masks(masks: set[Path], seen: dict[Path, Seen]) -> Iterator[str]:
    """Yield a line where all label images show one class and void alone, as masks of 0 and 255 do."""
    labels = frozenset[int]().union(*(seen[path].labels for path in masks if path in seen))
    if VOID in labels and len(labels) <= 2:
        yield (
            f"all {plural(len(masks), 'label image')} contain only {few(sorted(labels))}, and {VOID} means void: there "
            "is no second class; save class numbers, not 0 and 255"
        )


def _by(size: Sequence[int]) -> str:
    return f"{size[0]} x {size[1]}"


def same_picture(dataset: Dataset, items: Known, seen: dict[Path, Seen]) -> Iterator[str]:
    """Yield image files with the same bytes (links to one file are one), and whether they are in several splits."""
    splits: dict[Path, set[str]] = defaultdict(set)
    for item in all_items(items):
        splits[item.path].add(item.split)
    alike: dict[str, list[Path]] = defaultdict(list)
    for path in splits:
        if path in seen and seen[path].content:
            alike[seen[path].content].append(path)
    for paths in alike.values():
        if len({(stat.st_dev, stat.st_ino) for stat in (path.stat() for path in paths)}) > 1:
            of = set().union(*(splits[path] for path in paths))
            leak = f", in {' and '.join(split for split in SPLITS if split in of)}" if len(of) > 1 else ""
            yield f"{len(paths)} files contain the same image{leak}: {few(short(path, dataset) for path in paths)}"


def empty_classes(dataset: Dataset, items: Known) -> Iterator[str]:
    """Yield classes, and box classes that are offered, of which a split that has items shows none."""
    for split in SPLITS:
        labelled = [item for item in items.get("labelled", ()) if item.split == split]
        lacking = set(_classes(dataset, "labelled")) - {item.label for item in labelled}
        told = any(line.startswith(f"{split} has no image of ") for line in dataset.warnings)
        if labelled and lacking and not told:
            yield f"{split} has no image of class {few(sorted(lacking))}"
        boxed = [item for item in items.get("pages") or items.get("panels") or () if item.split == split]
        yield from _empty_boxes(split, boxed)


def _empty_boxes(split: str, items: Iterable[Item]) -> Iterator[str]:
    annotated = {label for item in items for label in item.labels}
    present = {box.label for item in items for box in item.boxes}
    if annotated - present:
        yield f"{split} has no box of class {few(sorted(annotated - present))}"


def _classes(dataset: Dataset, of: str) -> tuple[str, ...]:
    return unless_refused(lambda: dataset.classes(of), ())


def unless_refused(ask: Callable[[], T], otherwise: T) -> T:
    """Return what a dataset answers, or ``otherwise`` where it refuses, which was told where items were read."""
    try:
        return ask()
    except UsageError:
        return otherwise
