"""The scoring program of a server: what lies in ``INPUT/res`` against ``INPUT/ref``, scores into ``OUTPUT``.

It is shipped in every bundle with the files that it imports, and it is what ``submit score`` runs. It needs Python,
numpy and Pillow. A submission that is invalid gets no score: what is wrong goes to standard error, the status is 1.

``ref`` holds ``reference.json`` (see ``Truth``) and ``truths.npz``. Written are ``scores.json`` and ``scores.txt``
(fixed-point numbers, every column), ``items.csv`` (the figures of each item) and ``details.json`` (all digits, n).
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inkbench.benchmark import escaping
from inkbench.benchmark.archives.members import GIB, Limits
from inkbench.benchmark.contracts.prediction_format import PredictionFormat
from inkbench.benchmark.errors import UsageError, brief
from inkbench.benchmark.store.arrays import unpack
from inkbench.submissions.findings import Report
from inkbench.submissions.formats.files import Folder, Rooted
from inkbench.submissions.formats.npy import load_npz
from inkbench.submissions.formats.numbers import OWN
from inkbench.tasks.metrics.items import Items, take
from inkbench.tasks.metrics.scorer import Scorer

SCHEMA = 2
TRUTHS = Limits(entry_bytes=4 * GIB, total_bytes=4 * GIB, whole_ratio=1_000, whole_from=GIB // 2)
"""Label images compress far better than predictions."""
MOST_TOLD = 64 * 2**20
"""Bytes of ``reference.json``."""
MOST = 1e10
"""Codabench keeps scores as decimals of ten digits before the point and ten behind it."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A reference as it lies beside a scoring program.

    ``options`` are what its scorer and its format take; ``items`` are arrays by item (``id``,
    ``series`` and, where known, ``style``); ``columns`` are keys of scores with their metrics, empty for all there are.
    """

    task: str
    options: Mapping[str, Any]
    strict: bool
    items: Mapping[str, np.ndarray]
    columns: Mapping[str, str]
    truths: Sequence[Mapping[str, np.ndarray]]
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        """The ids of the items, in order."""
        return [str(item) for item in self.items["id"]]

    @property
    def read_options(self) -> dict[str, Any]:
        """The options of the form: those of the scorer, and the numbers that the dataset's own files give."""
        return {**self.options, OWN: self.numbers}

    @classmethod
    def load(cls, folder: Path) -> Truth:
        """Load the reference in a folder. Raises UsageError."""
        try:
            if (folder / "reference.json").stat().st_size > MOST_TOLD:
                raise ValueError(f"reference.json has more than {MOST_TOLD:,} bytes")
            told = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
            own, arrays = _checked(told), load_npz((folder / "truths.npz").read_bytes(), TRUTHS)
            counts = {len(values) for name, values in arrays.items() if name.endswith(".shape")}
            if told["schema"] != SCHEMA or counts - {len(own["items"]["id"])}:
                raise UsageError("the reference was made by another version of inkbench; make the bundle again")
            return cls(truths=unpack(arrays), **own)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as problem:
            why = " ".join(str(problem).replace(str(folder), folder.name).split()) or type(problem).__name__
            raise UsageError(f"the reference is damaged ({brief(why, 200)}); make the bundle again") from None


def _checked(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a reference says, but for its truths. Raises ValueError, LookupError and TypeError."""
    kinds = {"task": str, "options": dict, "strict": bool, "items": dict, "columns": dict}
    for name, kind in kinds.items():
        if not isinstance(told[name], kind):
            raise ValueError(f"'{name}' is {type(told[name]).__name__}, not {kind.__name__}")
    numbers, columns = told.get("numbers", {}), told["columns"]
    if not isinstance(numbers, dict) or not all(isinstance(name, str) for name in columns.values()):
        raise ValueError("'numbers' or 'columns' is of another kind")
    items = {name: np.array(values) for name, values in told["items"].items()}
    if {values.shape for values in items.values()} != {(len(items["id"]),)}:
        raise ValueError("'items' are lists of unlike lengths")
    if len({str(item) for item in items["id"]}) < len(items["id"]):
        raise ValueError("an id is there twice")
    kept = {name: told[name] for name in ("task", "options", "strict")}
    return {**kept, "items": items, "columns": columns, "numbers": numbers}


def main(words: Sequence[str], scorer: Scorer, form: PredictionFormat) -> int:
    """Score ``INPUT`` into ``OUTPUT``; gives the exit status."""
    source, target = Path(words[0]), Path(words[1])
    try:
        truth = Truth.load(source / "ref")
        items = score(truth, source / "res", scorer, form)
        for name, text in results(truth, items, scorer).items():
            (target / name).write_text(text, encoding="utf-8")
    except (UsageError, ValueError) as problem:
        print(escaping.lines(problem), file=sys.stderr)
        return 1
    return 0


def score(truth: Truth, folder: Path, scorer: Scorer, form: PredictionFormat) -> dict[str, np.ndarray]:
    """Score the predictions in a folder and return the scorer's items.

    Raises UsageError with everything that is wrong.
    """
    report = Report(truth.strict)
    files = Rooted(Folder(folder, "the submission"), report, flat=True)
    found = dict(form.examine(files, truth.ids, truth.truths, truth.read_options, report))
    if report.errors:
        raise UsageError("\n".join(map(str, report.findings)))
    for finding in report.findings:
        print(finding, file=sys.stderr)
    predictions = [found[item] for item in truth.ids]
    return {**scorer.score_items(predictions, truth.truths, ids=truth.ids, **truth.options), **truth.items}


def results(truth: Truth, items: Items, scorer: Scorer) -> dict[str, str]:
    """Return the results to write, by file. Raises UsageError where a column has no finite value."""
    figures = scorer.aggregate(items)
    columns = truth.columns or {name: name for name in figures}
    for name in columns.values():
        if not abs(figures.get(name, float("nan"))) < MOST:
            raise UsageError(f"{name} is {figures.get(name, 'undefined')} for this submission; it has no score")
    fixed = {key: f"{figures[name]:.10f}" for key, name in columns.items()}
    counts = scorer.counts(items)
    told = {name: {"value": figures[name], "n": counts[name]} for name in columns.values()}
    notes = list(scorer.notes(items))
    return {
        "scores.json": "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in fixed.items()) + "}\n",
        "scores.txt": "".join(f"{key}: {value}\n" for key, value in fixed.items()),
        "details.json": json.dumps({"metrics": told, "notes": notes}, indent=1) + "\n",
        "items.csv": per_item(scorer, items, list(columns.values())),
    }


def per_item(scorer: Scorer, items: Items, metrics: Sequence[str]) -> str:
    """Format the figures of each item as a CSV, empty where it has none; sets of boxes are scored one by one."""
    whole = any(name.endswith(".item") for name in items)
    kept = [name for name in metrics if whole or scorer.column(name) in items]
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator="\n")
    lines.writerow(map(escaping.csv, ["id", *kept]))
    for k, item in enumerate(items["id"]):
        own = scorer.aggregate(take(items, [k])) if whole else {name: items[scorer.column(name)][k] for name in kept}
        shown = [float(own.get(name, float("nan"))) for name in kept]
        lines.writerow([escaping.csv(str(item)), *(repr(value) if np.isfinite(value) else "" for value in shown)])
    return buffer.getvalue()
