"""What a dataset holds and what is wrong with it; the layout, counts, errors and warnings of ``data check``.

An error is what a run loses or what makes its numbers wrong: an image that cannot be read or is not there, a label
that cannot be meant so, a series in two splits. A warning is what a run copes with.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from inkbench.benchmark.contracts.dataset import KINDS, SPLITS, Dataset, Item, Kind, SeriesBy
from inkbench.benchmark.data.check.images import VOID, Seen, look_at
from inkbench.benchmark.data.cut import whole_pages
from inkbench.benchmark.data.filenames import is_image
from inkbench.benchmark.data.files import FileDataset
from inkbench.benchmark.data.own import is_drawn
from inkbench.benchmark.data.splits import SIDECAR, few, split_sha256
from inkbench.benchmark.data.told import is_fault
from inkbench.benchmark.data.units import GUESSED, MEND, TOLD
from inkbench.benchmark.errors import CellError, Refusal
from inkbench.benchmark.progress import Progress

PLURALS = {"panel": "panels", "face": "faces", "body": "bodies", "text": "texts", "balloon": "balloons"}
NAMES = {"saliency": "pairs"}
SHOWN = 20
T = TypeVar("T")
SAID: Mapping[SeriesBy, str] = {"image": "nowhere told, so every image counts as one"}
Known = dict[Kind, list[Item]]


@dataclass
class Report:
    """What ``data check`` found; ``errors`` and ``warnings`` are a line each."""

    layout: str
    root: Path
    name: str = ""
    counts: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    items: Known = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {"layout": self.layout, "counts": self.counts, "errors": self.errors, "warnings": self.warnings}

    def text(self) -> str:
        """The same for people: the first lines of each list, and how many there are."""
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
            lines.append(f"{len(found):,} {name}{'' if len(found) == 1 else 's'}")
            lines += [f"  {line}" for line in found[:SHOWN]]
            if len(found) > SHOWN:
                lines.append(f"  and {len(found) - SHOWN:,} more; --json lists all")
        return "\n".join(lines)


def examine(dataset: Dataset, progress: Progress) -> Report:
    """Read everything that a dataset offers, decode every image, and note what is wrong. Raises no Refusal."""
    report = Report(dataset.reader, dataset.root, dataset.name)
    report.items = _read(dataset, report, progress)
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
    report.errors += [f"{_short(path, dataset)} is not there, but an annotation names it" for path in
                      sorted({*images, *maps, *masks} - seen.keys())]  # fmt: skip
    report.errors += _unless_refused(dataset.faults, list[str]())
    report.errors += [f"{_short(one.path, dataset)} cannot be read: {one.error}" for one in seen.values() if one.error]
    report.errors += [f"{_short(one.path, dataset)} {one.fault}" for one in seen.values() if one.fault]
    report.errors += _duplicate_ids(report.items)
    report.errors += [] if _told_of_cuts(dataset) else _leaking_series(report.items)
    report.warnings += _guessed(dataset, report)
    report.errors += _wrong_masks(dataset, report.items, seen)
    for line in dataset.warnings:
        (report.errors if is_fault(line) else report.warnings).append(line.removeprefix(f"{dataset.root}/"))
    report.warnings += [f"{_short(one.path, dataset)} {odd}" for one in seen.values() for odd in one.oddities]
    report.warnings += _same_picture(dataset, report.items, seen)
    report.warnings += _void_masks(masks, seen)
    report.warnings += _empty_classes(dataset, report.items)
    report.warnings += [line] if (line := whole_pages.told(dataset)) else []
    report.warnings += _other_split(dataset, report.items)
    report.warnings += [f"no item is {split}" for split in SPLITS if report.items and not splits[split]]
    return report


def _read(dataset: Dataset, report: Report, progress: Progress) -> Known:
    """The items of every kind that can be read; what cannot is an error."""
    found: Known = {}
    try:
        dataset.prepare(progress)
        kinds = [kind for kind in KINDS if kind in dataset.offers()]
    except (Refusal, CellError) as error:
        report.errors.append(_told(error, dataset))
        return {}
    for kind in kinds:
        try:
            found[kind] = [item for split in SPLITS for item in dataset.items(kind, split)]
        except Refusal as refusal:
            if _told(refusal, dataset) not in report.errors:
                report.errors.append(_told(refusal, dataset))
    return found


def _files(items: Known) -> tuple[set[Path], set[Path], set[Path]]:
    """Images, maps and label images that items name."""
    images: set[Path] = set()
    maps: set[Path] = set()
    masks: set[Path] = set()
    for item in _all(items):
        images.add(item.path)
        if item.map:
            maps.add(item.map)
        if item.mask:
            masks.add(item.mask)
    return images, maps, masks


def _all(items: Known) -> Iterator[Item]:
    """Every item, and the parts that items have."""
    for of in items.values():
        for item in of:
            yield item
            yield from item.parts.values()


def _listed(dataset: Dataset, report: Report) -> set[Path]:
    """The image files that the reader counts to the dataset, whether an item uses them or not."""
    if not isinstance(dataset, FileDataset):
        return set()
    try:
        return {path for path in dataset.files() if is_image(path.name)}
    except Refusal as refusal:
        if _told(refusal, dataset) not in report.errors:
            report.errors.append(_told(refusal, dataset))
        return set()


def _counts(dataset: Dataset, items: Known, images: list[Path], maps: set[Path], masks: set[Path]) -> dict[str, Any]:
    """How much there is of what, by the names that people give it."""
    boxes = Counter(box.label for item in items.get("pages") or items.get("panels") or () for box in item.boxes)
    fixations = [item.fixations for item in items.get("saliency", ()) if item.fixations is not None]
    identities = {(item.series, item.identity) for item in _all(items) if item.identity} | {
        (item.series, box.identity) for item in _all(items) for box in item.boxes if box.identity
    }
    counted = {
        "series": len({item.series for item in _all(items)}),
        "images": len(images),
        **{NAMES.get(kind, kind): len(of) for kind, of in items.items()},
        **_unless_refused(dataset.counts, dict[str, int]()),
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


def _short(path: Path, dataset: Dataset) -> str:
    return str(path.relative_to(dataset.root)) if path.is_relative_to(dataset.root) else str(path)


def _duplicate_ids(items: Known) -> Iterator[str]:
    for kind, of in items.items():
        yield from (
            f"{count} {kind} have the id {name}" for name, count in Counter(item.id for item in of).items() if count > 1
        )


def _leaking_series(items: Known) -> Iterator[str]:
    splits: dict[str, set[str]] = defaultdict(set)
    for item in _all(items):
        splits[item.series].add(item.split)
    for series, of in splits.items():
        if len(of) > 1:
            yield f"series {series} is in {' and '.join(split for split in SPLITS if split in of)}: its splits leak"


def _told_of_cuts(dataset: Dataset) -> bool:
    """Whether the reader follows folders or lists that cut series, and has said so."""
    try:
        return dataset.splits_cut_series
    except Refusal:
        return False  # told where items were read


def _guessed(dataset: Dataset, report: Report) -> Iterator[str]:
    """That the unit of the statistics is a guess; of what a program drew, and of photographs, it is none."""
    if not report.items:
        return
    try:
        by = report.counts["series_by"] = dataset.series_by
    except Refusal:
        return  # told where items were read
    if by in GUESSED and not dataset.photographs and not is_drawn(dataset.root):
        count = len({item.series for item in _all(report.items)})
        mend = f": {MEND}" if dataset.guesses else ""
        yield f"series, the unit of splits, intervals and p, are {SAID.get(by, TOLD[by])} ({count:,} series){mend}"


def _other_split(dataset: Dataset, items: Known) -> Iterator[str]:
    """Whether this copy is split as inkbench has it for the whole public set."""
    committed = type(dataset).split_sha256
    if committed and items:
        found = split_sha256({item.series: item.split for item in items.get("labelled") or _all(items)})
        if found != committed:
            yield (
                f"the split is another one than that of the whole public set ({found[:12]}, not {committed[:12]}): "
                f"series are missing, or {SIDECAR} says otherwise; figures are not comparable with others'"
            )


def _wrong_masks(dataset: Dataset, items: Known, seen: dict[Path, Seen]) -> Iterator[str]:
    """Label images of another size than their image, or with numbers that no class has."""
    classes = _classes(dataset, "segmented")
    for item in items.get("segmented", ()):
        mask, image = seen.get(item.mask) if item.mask else None, seen.get(item.path)
        if not mask or mask.error or not image or image.error:
            continue
        if item.crop is None and mask.size != image.size:
            yield f"{_short(mask.path, dataset)} is {_by(mask.size)}, its image {_by(image.size)} pixels"
        if stray := sorted(number for number in mask.labels if number >= len(classes) and number != VOID):
            yield f"{_short(mask.path, dataset)} has labels {few(stray)}; there are {len(classes)} classes"


def _void_masks(masks: set[Path], seen: dict[Path, Seen]) -> Iterator[str]:
    """Whether all label images show one class and void alone, as masks of 0 and 255 do."""
    labels = frozenset[int]().union(*(seen[path].labels for path in masks if path in seen))
    if VOID in labels and len(labels) <= 2:
        yield (
            f"all {len(masks)} label images hold {few(sorted(labels))} alone, and {VOID} is void: nothing is of a "
            "second class; write the class's number where it is meant"
        )


def _by(size: Sequence[int]) -> str:
    return f"{size[0]} x {size[1]}"


def _same_picture(dataset: Dataset, items: Known, seen: dict[Path, Seen]) -> Iterator[str]:
    """Image files with the same bytes (links to one file are one), and whether they are in several splits."""
    splits: dict[Path, set[str]] = defaultdict(set)
    for item in _all(items):
        splits[item.path].add(item.split)
    alike: dict[str, list[Path]] = defaultdict(list)
    for path in splits:
        if path in seen and seen[path].content:
            alike[seen[path].content].append(path)
    for paths in alike.values():
        if len({(stat.st_dev, stat.st_ino) for stat in (path.stat() for path in paths)}) > 1:
            of = set().union(*(splits[path] for path in paths))
            leak = f", in {' and '.join(split for split in SPLITS if split in of)}" if len(of) > 1 else ""
            yield f"{len(paths)} files hold the same image{leak}: {few(_short(path, dataset) for path in paths)}"


def _empty_classes(dataset: Dataset, items: Known) -> Iterator[str]:
    """Classes, and box classes that are offered, of which a split that has items shows none."""
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
    there = {box.label for item in items for box in item.boxes}
    if annotated - there:
        yield f"{split} has no box of class {few(sorted(annotated - there))}"


def _classes(dataset: Dataset, of: str) -> tuple[str, ...]:
    return _unless_refused(lambda: dataset.classes(of), ())


def _unless_refused(ask: Callable[[], T], otherwise: T) -> T:
    """What a dataset says; where it refuses, that was told where items were read."""
    try:
        return ask()
    except Refusal:
        return otherwise
