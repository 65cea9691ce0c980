"""Classes of images as one file, an image a line.

- ``csv``: ``scores.csv``, lines ``id,score_1,...,score_K``, more is more likely, classes in the dataset's order; a
  head of the classes' names may give them another one.
- ``classes``: ``classes.csv``, lines ``id,class``, the name of the class or its place from 1. Figures of the five best
  are then those of a single guess.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from inkbench.benchmark.contracts.prediction_format import PredictionFormat
from inkbench.benchmark.errors import plural
from inkbench.submissions.findings import Finding, Report, few
from inkbench.submissions.formats.files import Files
from inkbench.submissions.formats.names import Names
from inkbench.submissions.formats.reading import Options, Prediction, Truths, bytes_of, read_folder
from inkbench.submissions.formats.spec import Spec
from inkbench.submissions.formats.texts import text_of

FORMS = ("csv", "classes")
ABOUT = """One file. scores.csv with the head id,score_1,...,score_K and a line for each image: a score for each class
in the dataset's order, more is more likely; or, in any order, with the names of the classes as the head. Or
classes.csv, head id,class, with the name of one class an image."""
WANTED = "scores.csv (id,score_1,...,score_K) or classes.csv (id,class)"


def read(
    source: Path, ids: Sequence[str], truths: Truths, options: Options, findings: list[Finding] | None = None
) -> list[Prediction]:
    """Read ``scores`` float64 (K,) for each item; ``options`` holds the names of the ``classes``."""
    return read_folder(examine, source, ids, truths, options, findings)


def examine(
    files: Files, ids: Sequence[str] | None, truths: Truths | None, options: Options, report: Report
) -> Iterator[tuple[str, Prediction]]:
    """Yield the scores of every item; faults go into ``report``. Without ``classes`` names cannot be judged."""
    del truths
    name = _the_file(files, report)
    data = None if name is None else bytes_of(files, name, report)
    if name is None or data is None:
        return
    try:
        lines = [line for line in csv.reader(io.StringIO(text_of(data))) if line]
    except (csv.Error, UnicodeDecodeError) as problem:
        report.error(name, f"cannot be read ({problem})", f"write {WANTED}")
        return
    if len(lines) < 2 or lines[0][0] != "id" or len(lines[0]) < 2:
        report.error(name, "has no header that begins with id, or no line below it", f"write {WANTED}")
        return
    head, rows = [cell.strip() for cell in lines[0][1:]], lines[1:]
    if ragged := [row[0] for row in rows if len(row) != len(head) + 1]:
        text = f"{plural(len(ragged), 'line')} with another number of columns than the header: {few(ragged)}"
        report.error(name, text, f"write {WANTED}")
        return
    classes = list(options["classes"]) if "classes" in options else None
    if head == ["class"]:
        scores = _one_class(name, rows, classes, report)
    else:
        scores = _all_classes(name, head, rows, classes, report)
    if scores is not None:
        yield from _of_items(name, [row[0] for row in rows], scores, ids, report)


def _the_file(files: Files, report: Report) -> str | None:
    found = []
    for name in files.names:
        if PurePosixPath(name).suffix.lower() == ".csv":
            found.append(name)
        else:
            report.tolerated(name, "is not CSV", f"pack {WANTED}")
    if len(found) == 1:
        return found[0]
    text = "are several files of classes" if found else "contains no classes"
    report.error(", ".join(found) or files.whole, text, f"give one: {WANTED}")
    return None


def _one_class(
    name: str, rows: Sequence[Sequence[str]], classes: Sequence[str] | None, report: Report
) -> np.ndarray | None:
    """Return a 1 at the class of each row, (N, K); None where a class is none."""
    told = [row[1].strip() for row in rows]
    known = list(classes) if classes is not None else sorted(set(told))
    place = {str(k): k - 1 for k in range(1, len(known) + 1)} | {label: k for k, label in enumerate(known)}
    if wrong := {label for label in told if label not in place}:
        report.error(name, f"{plural(len(wrong), 'unknown class')}: {few(wrong)}", f"there are: {few(known)}")
        return None
    return np.eye(len(known))[[place[label] for label in told]]


def _all_classes(
    name: str, head: Sequence[str], rows: Sequence[Sequence[str]], classes: Sequence[str] | None, report: Report
) -> np.ndarray | None:
    """Return the scores of each row in the order of the classes, (N, K); None where they cannot be had."""
    plain = [f"score_{k}" for k in range(1, len(head) + 1)]
    order = list(range(len(head)))
    if classes is not None:
        if head != plain and sorted(head) == sorted(classes):
            order = [head.index(label) for label in classes]
        elif head != plain or len(head) != len(classes):
            text = f"has {plural(len(head), 'column')} of scores ({few(head)}) for {plural(len(classes), 'class')}"
            report.error(
                name, text, f"write id,score_1,...,score_{len(classes)}, or the names of the classes as the header"
            )
            return None
    try:
        scores = np.array([[float(cell) for cell in row[1:]] for row in rows])[:, order]
    except ValueError as problem:
        report.error(name, f"contains something that is not a number ({problem})", "write numbers below the header")
        return None
    wrong = [row[0] for row, there in zip(rows, np.isfinite(scores).all(1), strict=True) if not there]
    if wrong:
        report.error(
            name, f"{plural(len(wrong), 'line')} with NaN or infinite values: {few(wrong)}", "write finite numbers"
        )
        return None
    return scores


def _of_items(
    name: str, told: Sequence[str], scores: np.ndarray, ids: Sequence[str] | None, report: Report
) -> Iterator[tuple[str, Prediction]]:
    """Yield the scores by item, after the faults of the ids are reported."""
    names = None if ids is None else Names(ids)
    rows: dict[str, int] = {}
    extra, twice = [], []
    for row, known in enumerate(told):
        item = known if names is None else names.find(known)
        if item is None:
            extra.append(known)
        elif item in rows:
            twice.append(known)
        else:
            rows[item] = row
    if twice:
        report.error(name, f"{plural(len(twice), 'duplicate id')}: {few(twice)}", "write one line per image")
    if extra:
        text = f"{plural(len(extra), 'line')} of images that are not in the reference: {few(extra)}"
        report.tolerated(name, text, "leave them out")
    missing = [item for item in ids or () if item not in rows]
    if missing:
        report.error(name, f"{len(missing)} of {len(ids or ())} images missing: {few(missing)}", "classify each")
    if len(rows) > 1 and len(set(scores[list(rows.values())].argmax(1))) == 1:
        report.warning(name, "predicts the same class for every image", "classify the images")
    if not report.errors:
        yield from ((item, {"scores": scores[row]}) for item, row in rows.items())


def write(
    items: Mapping[str, np.ndarray], predictions: Sequence[Prediction], options: Options, spec: Spec
) -> dict[str, bytes]:
    """Write one CSV; scores to their last digit, so that they are read back as they were.

    Raises UsageError for another form.

    ``items`` holds ``id`` and ``predicted``, the class's name.
    """
    del options
    form = spec.form_of(FORMS, "classification")
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator="\n")
    if form == "classes":
        lines.writerow(["id", "class"])
        lines.writerows(zip(items["id"], items["predicted"], strict=True))
        return {spec.path_of("classes.csv"): buffer.getvalue().encode()}
    for k, (item, prediction) in enumerate(zip(items["id"], predictions, strict=True)):
        if k == 0:
            lines.writerow(["id", *(f"score_{place}" for place in range(1, len(prediction["scores"]) + 1))])
        lines.writerow([item, *(repr(float(score)) for score in prediction["scores"])])
    return {spec.path_of("scores.csv"): buffer.getvalue().encode()}


FORMAT = PredictionFormat(FORMS, ABOUT, read, examine, write)
