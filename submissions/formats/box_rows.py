"""Rows of boxes as they are read: whose they are, what is wrong with them, and the predictions that they make."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from inkbench.benchmark.errors import plural
from inkbench.submissions.findings import Report, few
from inkbench.submissions.formats.names import Names
from inkbench.submissions.formats.numbers import Numbers, own, place_of, spelled
from inkbench.submissions.formats.reading import Options, Prediction, Truths
from inkbench.tasks.metrics.matching import MOST

Corners = tuple[float, float, float, float]
TIES = 0.05
"""The share of boxes with an equal score among the others from which a warning is given."""
BEYOND = 0.05
"""The share of boxes that end well outside of their image from which they are taken for two corners."""
SHARE = 1.5
"""Where a box in shares of its image ends at most, be its first numbers its corner or its centre."""
MOSTLY, SMALLEST, SOME = 0.5, 8, 20
"""Half of the boxes; a side in pixels below which an image says nothing; boxes from which a pattern is one."""

ALIASES = {"character": "body"}
"""What others call a class of ours: a body is a character in CoMix."""


class Rows:
    """The rows of one file; a kind of fault is told once, by its first row and how many more have it."""

    def __init__(self, file: str, ids: Sequence[str] | None, options: Options, report: Report) -> None:
        self.file, self.report, self.classes = file, report, list(options["classes"])
        self.images, self.categories = own(options, "images"), own(options, "categories")
        self._ids = None if ids is None else list(ids)
        self._names = None if ids is None else Names(ids)
        self._found: dict[str, str | None] = {}
        self._rows: dict[str, list[tuple[Corners, float, int]]] = {item: [] for item in ids or ()}
        self._wrong: dict[str, tuple[str, str, int]] = {}
        self._unknown: Counter[str] = Counter()
        self._nowhere: Counter[str] = Counter()
        self._unscored: Counter[str] = Counter()

    def wrong(self, where: str, message: str, mend: str) -> None:
        """Record a fault of one row."""
        first, text, many = self._wrong.get(mend, (where, message, 0))
        self._wrong[mend] = (first, text, many + 1)

    def item(self, name: str) -> str | None:
        """Return the item that an image's name means; None, and counted, where there is none."""
        if self._names is None:
            return name
        if name not in self._found:
            self._found[name] = self._names.find(name)
        if self._found[name] is None:
            self._unknown[name] += 1
        return self._found[name]

    def item_at(self, where: str, number: Any, index: Numbers) -> str | None:
        """Return the item of an image's id or name: what ``index`` says, or the reference's own files, or its place.

        ``index`` is what the file itself tells of its ids. Places count from 1, where nobody else gave a number.
        """
        if number in index:
            return self.item(str(index.find(number)))
        if isinstance(number, str) and (self._names is None or self._names.find(number) is not None):
            return self.item(number)
        if index.named:
            self.wrong(where, f"has image_id {number}, which is not among the images", "list every image")
            return None
        if self._ids is None:
            return spelled(number)
        if number in self.images:
            item = self.images.find(number)
            if item is None:
                self._unknown[f"image_id {spelled(number)}"] += 1
            return item
        place = place_of(number)
        if not self.images.named and 1 <= place <= len(self._ids):
            return self._ids[place - 1]
        (self._unknown if isinstance(number, str) and not number.isdecimal() else self._nowhere)[spelled(number)] += 1
        return None

    def label(self, name: str) -> int | None:
        """Return the place of a class; None, and counted, for one that is not scored.

        CoMix calls a body a character.
        """
        for known in (name, ALIASES.get(name)):
            if known in self.classes:
                return self.classes.index(known)
        self._unscored[name] += 1
        return None

    def label_at(self, where: str, number: Any, index: Numbers) -> int | None:
        """Return the place of the class of a category's id or name, as ``item_at`` does for images."""
        if number in index:
            return self.label(str(index.find(number)))
        if isinstance(number, str) and number in self.classes:
            return self.label(number)
        if not index.named and number in self.categories:
            return self.label(str(self.categories.find(number)))
        if isinstance(number, str) and not number.strip().isdecimal():
            return self.label(number)
        places = not index.named and not self.categories.named
        if places and 1 <= place_of(number) <= len(self.classes):
            return place_of(number) - 1
        known = "the categories of the file" if index.named else self.categories.said()
        there = ", ".join(f"{k} {n}" for k, n in enumerate(self.classes, 1)) if places else known
        begins = "; numbers begin at 0" if spelled(number) == "0" else ""
        mend = "number the classes from 1, in their order" if places else "category_id is that of the truth file"
        self.wrong(where, f"has category_id {number}{begins}; there are {there}", mend)
        return None

    def add(self, where: str, item: str | None, label: int | None, corners: Corners, score: float) -> None:
        """Add one box; passed over where its image or class is not scored."""
        if not (math.isfinite(score) and all(map(math.isfinite, corners))):
            self.wrong(where, "has a corner or score that is NaN or infinite", "write finite numbers")
        elif corners[2] < corners[0] or corners[3] < corners[1]:
            self.wrong(where, f"ends before it begins: {corners}", "give left, top, right, bottom")
        elif item is not None and label is not None:
            self._rows.setdefault(item, []).append((corners, score, label))

    def predictions(self, truths: Truths | None) -> Iterator[tuple[str, Prediction]]:
        """Yield ``boxes``, ``scores`` and ``labels`` of every item, after the last row; findings go into the report."""
        self._tell()
        if truths is not None and self._ids is not None:
            self._tell_beyond(self._ids, truths)
        for item, rows in self._rows.items():
            yield (
                item,
                {
                    "boxes": np.array([corners for corners, _, _ in rows], dtype=np.float64).reshape(-1, 4),
                    "scores": np.array([score for _, score, _ in rows], dtype=np.float64),
                    "labels": np.array([label for _, _, label in rows], dtype=np.int64),
                },
            )

    def _tell(self) -> None:
        report, file = self.report, self.file
        for mend, (where, text, many) in self._wrong.items():
            more = f" (and {many - 1} more)" if many > 1 else ""
            report.error(file, f"{where} {text}{more}", mend)
        total = sum(map(len, self._rows.values()))
        if self._nowhere:
            self._tell_nowhere()
        if self._unknown:
            text = (
                f"{plural(self._unknown.total(), 'box')} on images that are not in the reference: {few(self._unknown)}"
            )
            if total:
                report.tolerated(file, text, "leave them out")
            else:
                if "image_id 0" in self._unknown:
                    text += f"; image numbers begin at 0, the reference's are {self.images.said()}"
                report.error(file, text, "name the images as the reference does")
        if self._unscored:
            classes = ", ".join(self.classes)
            text = f"{plural(self._unscored.total(), 'box')} of classes that are not scored: {few(self._unscored)}"
            if total:
                report.warning(file, text, f"they are left out; the scored classes are {classes}")
            else:
                report.error(file, text, f"use the classes {classes}")
        if not total and not report.errors:
            report.warning(file, "contains no box", "it is scored as 0; predict boxes")
        self._tell_doubtful(total)

    def _tell_nowhere(self) -> None:
        """Report numbers that are no image's: the whole file may mean other images than it seems to."""
        text = f"{plural(self._nowhere.total(), 'box')} on images that are not in the reference: {few(self._nowhere)}"
        if "0" in self._nowhere:
            text += "; image numbers begin at 0"
        meant = f"image_id is {'that of the truth file' if self.images.named else 'the place of the image, from 1'}"
        self.report.error(self.file, text, f"{meant}; or add images.json, which defines the numbers")

    def _tell_doubtful(self, total: int) -> None:
        """Report what is legal and rarely meant: equal scores, the same box twice, more boxes than count."""
        scores = Counter((label, score) for rows in self._rows.values() for _, score, label in rows)
        tied = sum(many for many in scores.values() if many > 1)
        if tied > TIES * total and total > 1:
            text = f"{tied / total:.0%} of the boxes share their score with another"
            self.report.warning(self.file, text, "do not round scores; ties are ordered by image, then box")
        twice = sum(len(rows) - len(set(rows)) for rows in self._rows.values())
        if twice:
            text = f"{plural(twice, 'duplicate box')} with the same class and score"
            self.report.warning(self.file, text, "write each once; a duplicate counts as a false positive")
        many = sum(most > MOST for rows in self._rows.values() for most in Counter(row[2] for row in rows).values())
        if many:
            text = f"more than {MOST} boxes of a class on an image, in {plural(many, 'case')}"
            self.report.warning(self.file, text, "only the best count for COCO's figures")

    def _tell_beyond(self, ids: Sequence[str], truths: Truths) -> None:
        """Report boxes that are no pixels of x, y, width, height: corners, shares of the image, percents of it."""
        sized = [(item, truth["size"]) for item, truth in zip(ids, truths, strict=True) if "size" in truth]
        corners = np.array([row[0] for item, _ in sized for row in self._rows[item]], dtype=np.float64).reshape(-1, 4)
        sides = np.array([size for item, size in sized for _ in self._rows[item]], dtype=np.float64).reshape(-1, 2)
        said = doubtful(corners, sides)
        if said:
            mend = "a bbox is x, y, width, height, not two corners; pixels are those of the original image"
            self.report.warning(self.file, said, mend)


def doubtful(corners: np.ndarray, sides: np.ndarray) -> str:
    """Return why boxes (n, 4) as x0, y0, x1, y1 look unlike pixels of their images, whose ``sides`` are (n, 2)."""
    total = len(corners)
    if not total:
        return ""
    ends, begins = corners[:, 2:], corners[:, :2]
    largest = ends.max(axis=1)
    shares = largest <= SHARE
    if shares.mean() > MOSTLY and sides.min() > SMALLEST:
        return f"{int(shares.sum())} of {plural(total, 'box')} within the first pixel: probably shares of the image"
    beyond = int((ends > 1.5 * sides).any(axis=1).sum())
    if beyond > BEYOND * total:
        return f"{beyond} of {plural(total, 'box')} far beyond their image"
    second = ends - begins  # what was written as width and height
    out = (ends > sides + 1).any(axis=1)
    if out.mean() > BEYOND and ((second > begins) & (second <= sides + 1)).all():
        return f"{int(out.sum())} of {plural(total, 'box')} beyond their image, and all would fit as two corners"
    if ends.max() <= 100 and ends.max() > 50 and sides.min() > 2 * 100 and total >= SOME:
        return f"all {plural(total, 'box')} within the first 100 pixels of larger images: probably percents of them"
    return ""
