"""``data leaks PRETRAINING TEST``: two datasets against each other by hand, with pictures of the pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inkbench.benchmark.contracts.dataset import KINDS, SPLITS, Dataset, Item, Kind, Split
from inkbench.benchmark.data.check.preview import TILE, legend, tile
from inkbench.benchmark.data.leaks.compare import LISTED, Leaks
from inkbench.benchmark.data.splits import few
from inkbench.benchmark.drawing.sheet import Place, Sheet, Text
from inkbench.benchmark.errors import plural

COLUMNS = 3
"""Pairs a row."""
PARTS: tuple[Kind, ...] = ("face_pairs", "body_pairs", "characters", "sequences")
"""Kinds whose images are those of other kinds again."""


def images_of(dataset: Dataset, splits: Sequence[Split]) -> list[Item]:
    """Return every image of some splits once, pages and what is cut out of them alike."""
    found: dict[tuple[object, ...], Item] = {}
    for kind in (kind for kind in KINDS if kind in dataset.offers() and kind not in PARTS):
        for split in splits:
            for item in dataset.items(kind, split):
                found.setdefault((item.path, item.crop), item)
    return list(found.values())


def splits_of(dataset: Dataset, wanted: Split) -> tuple[Split, ...]:
    """Return the split that is asked for, or all where it has none (a plain folder of fewer than three series)."""
    return (wanted,) if images_of(dataset, (wanted,)) else SPLITS


def report(told: dict[str, Any], pretrained: Dataset, tested: Dataset) -> str:
    """Return the findings as text for people."""
    lines = [
        f"{plural(told['test_items'], 'image')} of {tested.root} ({tested.name}) against "
        f"{told['pretraining_images']:,} of {pretrained.root} ({pretrained.name})",
        f"{told['suspect']:,} suspect ({told['share']:.2%}): {plural(told['by_image'], 'near-duplicate')} (at "
        f"most {told['threshold']} of 256 bits differ), {told['by_series']:,} from a series that both have",
    ]
    if told["series"]:
        lines.append(f"series in both: {few(told['series'])}")
    lines += [f"  {pair['item']} ~ {pair['image']} ({pair['bits']} bits)" for pair in told["pairs"]]
    if told["by_image"] > len(told["pairs"]):
        lines.append(f"  and {told['by_image'] - len(told['pairs']):,} more")
    return "\n".join(lines)


def sheet_of_pairs(leaks: Leaks, test: Sequence[Item], pretraining: Sequence[Item]) -> bytes | None:
    """Draw a PNG of the nearest pairs side by side, test image left; None where nothing is alike."""
    worst = [row for row in leaks.distance.argsort(kind="stable")[:LISTED].tolist() if leaks.by_image[row]]
    if not worst:
        return None
    drawn = [*(test[row] for row in worst), *(pretraining[leaks.nearest[row]] for row in worst)]
    told = "left: a test image and how many of 256 bits differ; right: the pretraining image that it is like"
    sheet = Sheet(column=TILE + 2, legend=legend(drawn), footnote=told)
    pairs = [_pair(test[row], pretraining[leaks.nearest[row]], int(leaks.distance[row])) for row in worst]
    for start in range(0, len(pairs), COLUMNS):
        first, *others = pairs[start : start + COLUMNS]
        sheet.row([*first, *(place for pair in others for place in (None, *pair))])
    return sheet.png


def _pair(test: Item, pretraining: Item, bits: int) -> list[Place]:
    """Draw two images that are alike, with their ids."""
    return [
        Place(tile(test), [Text(test.id, tail=True), f"{bits} bits"]),
        Place(tile(pretraining), [Text(pretraining.id, tail=True)]),
    ]
