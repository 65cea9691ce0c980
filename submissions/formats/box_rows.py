"""Rows of boxes as they are read: whose they are, what is wrong with them, and the predictions that they make."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from submissions.findings import Report, few
from submissions.formats.names import Names
from submissions.formats.reading import Prediction, Truths
from tasks.metrics.matching import MOST

Corners = tuple[float, float, float, float]
TIES = 0.05
"""The share of boxes with an equal score among the others from which a warning is given."""
BEYOND = 0.05
"""The share of boxes that end well outside of their image from which they are taken for two corners."""

ALIASES = {"character": "body"}
"""What others call a class of ours: a body is a character in CoMix."""


class Rows:
    """The rows of one file; a kind of fault is told once, by its first row and how many more have it."""

    def __init__(self, file: str, ids: Sequence[str] | None, classes: Sequence[str], report: Report) -> None:
        self.file, self.report, self.classes = file, report, list(classes)
        self._ids = None if ids is None else list(ids)
        self._names = None if ids is None else Names(ids)
        self._found: dict[str, str | None] = {}
        self._rows: dict[str, list[tuple[Corners, float, int]]] = {item: [] for item in ids or ()}
        self._wrong: dict[str, tuple[str, str, int]] = {}
        self._unknown: Counter[str] = Counter()
        self._unscored: Counter[str] = Counter()

    def wrong(self, where: str, message: str, mend: str) -> None:
        """A fault of one row."""
        first, text, many = self._wrong.get(mend, (where, message, 0))
        self._wrong[mend] = (first, text, many + 1)

    def item(self, name: str) -> str | None:
        """The item that an image's name means; None, and counted, where there is none."""
        if self._names is None:
            return name
        if name not in self._found:
            self._found[name] = self._names.find(name)
        if self._found[name] is None:
            self._unknown[name] += 1
        return self._found[name]

    def item_at(self, where: str, number: int | str, told: bool) -> str | None:
        """The item at a place (from 1), or of a name; ``told``: the file itself says what its numbers mean."""
        if isinstance(number, str):
            return self.item(number)
        if told:
            self.wrong(where, f"has image_id {number}, which is not among the images", "list every image")
        elif self._ids is None:
            return str(number)
        elif 1 <= number <= len(self._ids):
            return self._ids[number - 1]
        else:
            self._unknown[str(number)] += 1
        return None

    def label(self, name: str) -> int | None:
        """The place of a class; None, and counted, for one that is not scored. CoMix calls a body a character."""
        for known in (name, ALIASES.get(name)):
            if known in self.classes:
                return self.classes.index(known)
        self._unscored[name] += 1
        return None

    def label_at(self, where: str, number: int | str, told: bool) -> int | None:
        """The place of the class at a place (from 1), or of a name."""
        if isinstance(number, str):
            return self.label(number)
        if not told and 1 <= number <= len(self.classes):
            return number - 1
        there = "the categories of the file" if told else ", ".join(f"{k} {n}" for k, n in enumerate(self.classes, 1))
        self.wrong(where, f"has category_id {number}; there are {there}", "number the classes from 1, in their order")
        return None

    def add(self, where: str, item: str | None, label: int | None, corners: Corners, score: float) -> None:
        """One box; passed over where its image or class is not scored."""
        if not (math.isfinite(score) and all(map(math.isfinite, corners))):
            self.wrong(where, "has a corner or score that is NaN or infinite", "write finite numbers")
        elif corners[2] < corners[0] or corners[3] < corners[1]:
            self.wrong(where, f"ends before it begins: {corners}", "give left, top, right, bottom")
        elif item is not None and label is not None:
            self._rows.setdefault(item, []).append((corners, score, label))

    def predictions(self, truths: Truths | None) -> Iterator[tuple[str, Prediction]]:
        """``boxes``, ``scores`` and ``labels`` of every item, after the last row; findings go into the report."""
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
        if self._unknown:
            text = f"{self._unknown.total()} boxes are of images that are not in the reference: {few(self._unknown)}"
            if total:
                report.tolerated(file, text, "leave them out")
            else:
                report.error(file, text, "name the images as the reference does")
        if self._unscored:
            classes = ", ".join(self.classes)
            text = f"{self._unscored.total()} boxes are of classes that are not scored: {few(self._unscored)}"
            if total:
                report.warning(file, text, f"they are left out; scored are {classes}")
            else:
                report.error(file, text, f"name the classes {classes}")
        if not total and not report.errors:
            report.warning(file, "holds no box", "it is scored as 0; predict something")
        self._tell_doubtful(total)

    def _tell_doubtful(self, total: int) -> None:
        """What is legal and rarely meant: equal scores, the same box twice, more boxes than count."""
        scores = Counter((label, score) for rows in self._rows.values() for _, score, label in rows)
        tied = sum(many for many in scores.values() if many > 1)
        if tied > TIES * total and total > 1:
            text = f"{tied / total:.0%} of the boxes share their score with another"
            self.report.warning(self.file, text, "do not round scores; equals stand by image, then box")
        twice = sum(len(rows) - len(set(rows)) for rows in self._rows.values())
        if twice:
            text = f"{twice} boxes are there twice, with the same class and score"
            self.report.warning(self.file, text, "write each once; the second counts as wrong")
        many = sum(most > MOST for rows in self._rows.values() for most in Counter(row[2] for row in rows).values())
        if many:
            text = f"{many} times there are more than {MOST} boxes of a class on an image"
            self.report.warning(self.file, text, "only the best count")

    def _tell_beyond(self, ids: Sequence[str], truths: Truths) -> None:
        """Boxes that end well outside of their image: widths and heights that were written as corners, or the like."""
        total = beyond = 0
        for item, truth in zip(ids, truths, strict=True):
            if "size" in truth:
                width, height = (1.5 * float(side) for side in truth["size"])
                total += len(self._rows[item])
                beyond += sum(x1 > width or y1 > height for (_, _, x1, y1), _, _ in self._rows[item])
        if beyond > BEYOND * total:
            text = f"{beyond} of {total} boxes end far outside of their image"
            mend = "a bbox is x, y, width, height, not two corners; pixels are those of the original image"
            self.report.warning(self.file, text, mend)
