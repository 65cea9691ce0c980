"""The quality of cut pages: recall and precision of panels against annotated ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data.cut.panels import panels_of
from inkbench.benchmark.data.images import BadImage, decode
from inkbench.benchmark.progress import Progress

IOU = 0.7
Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Score:
    """Panels that were found, those that are annotated, and those that were made."""

    matched: int
    annotated: int
    made: int

    def line(self) -> str:
        """Return the score in words."""
        recall, precision = self.matched / max(self.annotated, 1), self.matched / max(self.made, 1)
        return (
            f"recall {recall:.3f} ({self.matched:,} of {self.annotated:,} annotated panels), precision {precision:.3f} "
            f"({self.matched:,} of {self.made:,} cut), at IoU {IOU}"
        )


def matched(made: Sequence[Corners], annotated: Sequence[Corners]) -> int:
    """Count the boxes with a partner in the other list at IoU .7; each is used once, the nearest pairs first."""
    pairs = sorted(((_iou(a, b), i, j) for i, a in enumerate(made) for j, b in enumerate(annotated)), reverse=True)
    mine: set[int] = set()
    theirs: set[int] = set()
    for value, i, j in pairs:
        if value >= IOU and i not in mine and j not in theirs:
            mine.add(i)
            theirs.add(j)
    return len(mine)


def score(pages: Iterable[Item], progress: Progress) -> dict[str, Score]:
    """Score each series' annotated pages, and under "all" all of them; pages that cannot be read are passed over."""
    counts: dict[str, list[int]] = {}
    pages = list(pages)
    with progress.bar("cut", len(pages)) as bar:
        for page in pages:
            bar.advance()
            try:
                grey = np.asarray(decode(page.path).image.convert("L"))
            except BadImage:
                continue
            truth = [(box.x0, box.y0, box.x1, box.y1) for box in page.boxes if box.label == "panel"]
            made: list[Corners] = [tuple(map(float, box)) for box in panels_of(grey)]  # type: ignore[misc]
            found = (matched(made, truth), len(truth), len(made))
            for name in (page.series, "all"):
                counts[name] = [a + b for a, b in zip(counts.get(name, [0, 0, 0]), found, strict=True)]
    return {name: Score(*of) for name, of in sorted(counts.items(), key=lambda entry: (entry[0] == "all", entry[0]))}


def _iou(one: Corners, other: Corners) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or tall <= 0:
        return 0.0
    areas = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return wide * tall / (areas - wide * tall)
