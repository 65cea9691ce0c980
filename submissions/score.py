"""A zip of predictions scored at home: as a server does, in a process of its own, or here by the same functions."""

from __future__ import annotations

import shlex
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inkbench.benchmark.archives.extract import extract
from inkbench.benchmark.archives.members import SUBMISSION
from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.progress import complain
from inkbench.benchmark.scorers import scorer_for
from inkbench.benchmark.scoring.score import Scored
from inkbench.benchmark.scoring.score import score as score_predictions
from inkbench.submissions.archive import opened
from inkbench.submissions.check import predictions
from inkbench.submissions.command import MOST_SECONDS, command_of, items_of, run
from inkbench.submissions.findings import SHOWN, Report
from inkbench.submissions.formats.files import Rooted
from inkbench.submissions.program import Truth, per_item
from inkbench.submissions.reference import Reference, form_of, reference_files, served, task_of
from inkbench.submissions.server import Layout, lay, unbundle
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


def score_with_bundle(zip_path: Path, bundle: Path, run_bundle: bool = False) -> Scores:
    """Score a zip against the truth in a bundle, as the server that was given the bundle does.

    The scoring program is our own; with ``run_bundle`` it is the bundle's, which is any program at all. Which of both,
    is said. Raises UsageError.
    """
    with tempfile.TemporaryDirectory(prefix="inkbench-score-") as scratch:
        layout = Layout(Path(scratch))
        unbundle(bundle, "reference_data", layout.reference)
        if run_bundle:
            unbundle(bundle, "scoring_program", layout.program)
            words = shlex.join(command_of(layout.program))
            complain(f"running the program of {bundle} for at most {MOST_SECONDS:g} s: {words}")
            return _served(zip_path, layout, True, MOST_SECONDS)
        truth = Truth.load(layout.reference)
        lay(layout.program, program(task_of(truth)))
        complain(
            f"{bundle}: scored by the built-in scorer of {truth.task}; --run-bundle runs the program in it instead"
        )
        return _served(zip_path, layout, strict=True)


def _served(zip_path: Path, layout: Layout, strict: bool, most_seconds: float | None = None) -> Scores:
    _unpack(zip_path, layout, strict)
    try:
        details = run(layout, most_seconds)
        return Scores(details["metrics"], items_of(layout), details["notes"])
    except UsageError as problem:
        lines = [line for line in str(problem).splitlines() if line.startswith("error: ")]
        raise _no_score(zip_path, lines or str(problem).splitlines()[-1:]) from None


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
        try:
            extract(archive.source, layout.submission, SUBMISSION, "the zip")
        except UsageError as problem:
            told = str(problem).replace(str(layout.submission), "a scratch folder")
            raise _no_score(zip_path, [f"error: {told}"]) from None


def _no_score(zip_path: Path, errors: list[str]) -> UsageError:
    more = f" (and {len(errors) - SHOWN} more; see: submit check)" if len(errors) > SHOWN else ""
    return UsageError(f"{zip_path} has no score: {' | '.join(errors[:SHOWN])}{more}")
