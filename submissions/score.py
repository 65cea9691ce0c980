"""A zip of predictions scored at home, by the very functions that score a cell."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import CellError, Refusal
from benchmark.scoring import Scored
from benchmark.scoring import score as score_predictions
from submissions.check import predictions
from submissions.findings import Report
from submissions.reference import Reference


def score(zip_path: Path, reference: Reference, strict: bool = False) -> Scored:
    """Metrics and items of a zip against a reference.

    What can be mended is mended unless ``strict``. Raises Refusal with the first findings where the zip has errors: an
    invalid submission has no score.
    """
    report = Report(strict)
    found = dict(predictions(zip_path, reference.task, reference, report))
    if report.errors:
        raise Refusal(f"{zip_path} has no score: {report.said()}; see: submit check")
    try:
        return score_predictions(
            reference.task, [found[item] for item in reference.ids], reference.items, reference.truths
        )
    except (CellError, ValueError) as problem:
        raise Refusal(f"{zip_path} has no score: {problem}") from None
