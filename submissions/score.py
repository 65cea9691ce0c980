"""A zip of predictions scored at home: as a server does, in a process of its own, or here by the same functions."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.scorers import scorer_for
from inkbench.benchmark.scoring.score import Scored
from inkbench.benchmark.scoring.score import score as score_predictions
from inkbench.submissions.archive import opened
from inkbench.submissions.check import predictions
from inkbench.submissions.findings import SHOWN, Report
from inkbench.submissions.formats.files import Rooted
from inkbench.submissions.program import per_item
from inkbench.submissions.reference import Reference, form_of, reference_files, served
from inkbench.submissions.server import Layout, lay, run, unbundle
from inkbench.submissions.vendor import program


@dataclass(frozen=True, slots=True)
class Scores:
    """A scoring program's output: ``metrics`` with ``value`` and ``n``, ``items`` as a CSV, ``notes`` for a reader."""

    metrics: dict[str, dict[str, Any]]
    items: str
    notes: list[str]


def score(zip_path: Path, reference: Reference, strict: bool = False) -> Scores:
    """Score a zip against a reference.

    The zip is unpacked into a scratch folder laid out as a server's, and the scoring program that a bundle ships is run
    there; metrics that a server cannot compute are computed here. What can be mended is mended unless ``strict``.
    Raises UsageError with the first findings where the zip has errors: an invalid submission has no score.
    """
    options = served(reference)
    try:
        files = program(reference.task)
    except UsageError:  # a scorer that no server can run
        return _all_here(zip_path, reference, strict)
    with tempfile.TemporaryDirectory(prefix="inkbench-score-") as scratch:
        layout = Layout(Path(scratch))
        lay(layout.program, files)
        lay(layout.reference, reference_files(reference, options, strict, {}))
        scores = _served(zip_path, layout, strict)
    if options == reference.options and scorer_for(reference.task) is reference.task.scorer:
        return scores
    whole = _all_here(zip_path, reference, strict)
    return replace(whole, metrics={**whole.metrics, **scores.metrics})


def score_with_bundle(zip_path: Path, bundle: Path) -> Scores:
    """Score a zip as the server that was given this bundle does. Raises UsageError."""
    with tempfile.TemporaryDirectory(prefix="inkbench-score-") as scratch:
        layout = Layout(Path(scratch))
        unbundle(bundle, layout)
        return _served(zip_path, layout, strict=True)


def _served(zip_path: Path, layout: Layout, strict: bool) -> Scores:
    _unpack(zip_path, layout, strict)
    try:
        details = run(layout)
    except UsageError as problem:
        lines = [line for line in str(problem).splitlines() if line.startswith("error: ")]
        raise _no_score(zip_path, lines or str(problem).splitlines()[-1:]) from None
    items = (layout.output / "items.csv").read_text(encoding="utf-8")
    return Scores(details["metrics"], items, details["notes"])


def _all_here(zip_path: Path, reference: Reference, strict: bool) -> Scores:
    scored = score_here(zip_path, reference, strict)
    metrics = {name: {"value": entry["value"], "n": entry["n"]} for name, entry in scored.metrics.items()}
    return Scores(metrics, per_item(scorer_for(reference.task), scored.items, list(metrics)), scored.notes)


def score_here(zip_path: Path, reference: Reference, strict: bool = False) -> Scored:
    """Score in this process, with all items, as a run is scored. Raises UsageError."""
    report = Report(strict)
    form, options = form_of(reference.task), reference.read_options
    found = dict(predictions(zip_path, form, options, reference, report))
    if report.errors:
        raise _no_score(zip_path, [str(finding) for finding in report.errors])
    ordered = [found[item] for item in reference.ids]
    try:
        return score_predictions(reference.task, ordered, reference.items, reference.truths, reference.options)
    except (RunError, ValueError) as problem:
        raise _no_score(zip_path, [str(problem)]) from None


def _unpack(zip_path: Path, layout: Layout, strict: bool) -> None:
    """Unpack a zip as a server does, after every entry was judged. Raises UsageError with the errors."""
    report = Report(strict)
    with opened(zip_path, report) as archive:
        Rooted(archive, report, flat=True)
        if report.errors:
            raise _no_score(zip_path, [str(finding) for finding in report.errors])
        layout.submission.mkdir(parents=True)
        for name in archive.names:
            try:
                lay(layout.submission, {name: archive.read(name)})
            except ValueError as problem:
                raise _no_score(zip_path, [f"error: {name}: {problem}; pack it again"]) from None
            except OSError as problem:  # a name that is too long, a disk that is full
                raise UsageError(f"{zip_path}: {name[:80]} cannot be unpacked here ({problem.strerror})") from None


def _no_score(zip_path: Path, errors: list[str]) -> UsageError:
    more = f" (and {len(errors) - SHOWN} more; see: submit check)" if len(errors) > SHOWN else ""
    return UsageError(f"{zip_path} has no score: {' | '.join(errors[:SHOWN])}{more}")
