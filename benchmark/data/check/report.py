"""The report of ``data check``: the layout, counts, errors and warnings of a dataset.

An error is what a run loses or what makes its numbers wrong: an image that cannot be read or is not there, a label
that cannot be meant so, a series in two splits. A warning is what a run copes with.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inkbench.benchmark.contracts.dataset import KINDS, SPLITS, Dataset
from inkbench.benchmark.data.check.content import (
    Known,
    all_items,
    duplicate_ids,
    empty_classes,
    guessed,
    leaking_series,
    other_split,
    same_picture,
    short,
    told_of_cuts,
    unless_refused,
    void_masks,
    wrong_masks,
)
from inkbench.benchmark.data.check.images import look_at
from inkbench.benchmark.data.cut import whole_pages
from inkbench.benchmark.data.filenames import is_image
from inkbench.benchmark.data.files import FileDataset
from inkbench.benchmark.data.told import is_fault
from inkbench.benchmark.data.units import TOLD
from inkbench.benchmark.errors import RunError, UsageError, plural
from inkbench.benchmark.escaping import terminal
from inkbench.benchmark.progress import Progress

PLURALS = {"panel": "panels", "face": "faces", "body": "bodies", "text": "texts", "balloon": "balloons"}
NAMES = {"saliency": "pairs"}
SHOWN = 20


@dataclass
class Report:
    """Findings of ``data check``; ``errors`` and ``warnings`` are a line each, ``classes`` those of the masks."""

    layout: str
    root: Path
    name: str = ""
    counts: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    items: Known = field(default_factory=dict)
    classes: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """Return the value that ``--json`` prints."""
        return {"layout": self.layout, "counts": self.counts, "errors": self.errors, "warnings": self.warnings}

    def text(self) -> str:
        """Return the report for people: the first lines of each list, and their number."""
        plain = {name: count for name, count in self.counts.items() if isinstance(count, int)}
        lines = [
            f"{self.root}: {self.layout}, called {self.name}",
            "  ".join(f"{count:,} {name}" for name, count in plain.items()),
        ]
        for kind, splits in self.counts.get("splits", {}).items():
            lines.append(f"  {kind}: {', '.join(f'{count:,} {split}' for split, count in splits.items())}")
        if "series_by" in self.counts:
            lines.append(f"  series: {TOLD[self.counts['series_by']]}")
        for label, count in self.counts.get("boxes", {}).items():
            lines.append(f"  boxes of {label}: {count:,}")
        for name, found in (("error", self.errors), ("warning", self.warnings)):
            lines.append(f"{plural(len(found), name)}")
            lines += [f"  {line}" for line in found[:SHOWN]]
            if len(found) > SHOWN:
                lines.append(f"  and {len(found) - SHOWN:,} more; --json lists all")
        return "\n".join(map(terminal, lines))


def examine(dataset: Dataset, progress: Progress) -> Report:
    """Read everything that a dataset offers, decode every image, and note what is wrong. Raises no UsageError."""
    report = Report(dataset.reader, dataset.root, dataset.name)
    report.items = _read(dataset, report, progress)
    report.classes = unless_refused(lambda: dataset.classes("segmented"), tuple[str, ...]())
    splits = Counter(item.split for items in report.items.values() for item in items)
    images, maps, masks = _files(report.items)
    listed = _listed(dataset, report)
    seen = {
        one.path: one
        for one in look_at(
            sorted(path for path in {*images, *maps, *masks, *listed} if path.is_file()), masks, maps, progress
        )
    }
    report.counts = _counts(dataset, report.items, [path for path in images if path in seen], maps, masks)
    report.errors += [f"{short(path, dataset)} is missing, but an annotation names it" for path in
                      sorted({*images, *maps, *masks} - seen.keys())]  # fmt: skip
    report.errors += unless_refused(dataset.faults, list[str]())
    report.errors += [f"{short(one.path, dataset)} cannot be read: {one.error}" for one in seen.values() if one.error]
    report.errors += [f"{short(one.path, dataset)} {one.fault}" for one in seen.values() if one.fault]
    report.errors += duplicate_ids(report.items)
    report.errors += [] if told_of_cuts(dataset) else leaking_series(report.items)
    report.warnings += guessed(dataset, report)
    report.errors += wrong_masks(dataset, report.items, seen)
    for line in dataset.warnings:
        (report.errors if is_fault(line) else report.warnings).append(line.removeprefix(f"{dataset.root}/"))
    report.warnings += [f"{short(one.path, dataset)} {odd}" for one in seen.values() for odd in one.oddities]
    report.warnings += same_picture(dataset, report.items, seen)
    report.warnings += void_masks(masks, seen)
    report.warnings += empty_classes(dataset, report.items)
    report.warnings += [line] if (line := whole_pages.told(dataset)) else []
    report.warnings += other_split(dataset, report.items)
    report.warnings += [f"no item is {split}" for split in SPLITS if report.items and not splits[split]]
    return report


def _read(dataset: Dataset, report: Report, progress: Progress) -> Known:
    """Return the items of every kind that can be read; what cannot is an error. Of drawn data every byte is read."""
    found: Known = {}
    dataset.checksums = None
    try:
        dataset.prepare(progress)
        kinds = [kind for kind in KINDS if kind in dataset.offers()]
    except (UsageError, RunError) as error:
        report.errors.append(_told(error, dataset))
        return {}
    for kind in kinds:
        try:
            found[kind] = [item for split in SPLITS for item in dataset.items(kind, split)]
        except UsageError as refusal:
            if _told(refusal, dataset) not in report.errors:
                report.errors.append(_told(refusal, dataset))
    return found


def _files(items: Known) -> tuple[set[Path], set[Path], set[Path]]:
    """Return the images, maps and label images that items name."""
    images: set[Path] = set()
    maps: set[Path] = set()
    masks: set[Path] = set()
    for item in all_items(items):
        images.add(item.path)
        if item.map:
            maps.add(item.map)
        if item.mask:
            masks.add(item.mask)
    return images, maps, masks


def _listed(dataset: Dataset, report: Report) -> set[Path]:
    """Return the image files that the reader counts to the dataset, whether an item uses them or not."""
    if not isinstance(dataset, FileDataset):
        return set()
    try:
        return {path for path in dataset.files() if is_image(path.name)}
    except UsageError as refusal:
        if _told(refusal, dataset) not in report.errors:
            report.errors.append(_told(refusal, dataset))
        return set()


def _counts(dataset: Dataset, items: Known, images: list[Path], maps: set[Path], masks: set[Path]) -> dict[str, Any]:
    """Return how much the dataset holds, by the names that people use for it."""
    boxes = Counter(box.label for item in items.get("pages") or items.get("panels") or () for box in item.boxes)
    fixations = [item.fixations for item in items.get("saliency", ()) if item.fixations is not None]
    identities = {(item.series, item.identity) for item in all_items(items) if item.identity} | {
        (item.series, box.identity) for item in all_items(items) for box in item.boxes if box.identity
    }
    counted = {
        "series": len({item.series for item in all_items(items)}),
        "images": len(images),
        **{NAMES.get(kind, kind): len(of) for kind, of in items.items()},
        **unless_refused(dataset.counts, dict[str, int]()),
        "maps": len(maps),
        "masks": len(masks),
        "fixations": sum(map(len, fixations)),
        "identities": len(identities),
        "classes": len({item.label for item in items.get("labelled", ()) if item.label is not None}),
    }
    for label, count in boxes.items():
        counted.setdefault(PLURALS.get(label, label), count)
    told: dict[str, Any] = {name: count for name, count in counted.items() if count or name == "images"}
    told["boxes"] = dict(boxes)
    told["splits"] = {
        kind: {split: sum(item.split == split for item in of) for split in SPLITS} for kind, of in items.items()
    }
    return told


def _told(error: Exception, dataset: Dataset) -> str:
    return str(error).removeprefix(f"{dataset.root}/")
