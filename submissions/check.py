"""Everything that makes a server refuse or misread a zip of predictions, with the file and the mend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmark.api import Task
from submissions.archive import opened
from submissions.findings import Finding, Report
from submissions.formats.files import Rooted
from submissions.formats.reading import Prediction
from submissions.reference import Reference, form_of


def check(zip_path: Path, task: Task, reference: Reference | None = None, strict: bool = False) -> list[Finding]:
    """The findings on a zip, and with ``reference`` also on names and sizes.

    ``strict`` makes errors of what we mend and a server does not. Nothing is unpacked to disk. Raises Refusal
    where there is no zip.
    """
    report = Report(strict)
    for _ in predictions(zip_path, task, reference, report):
        pass
    return report.findings


def predictions(
    zip_path: Path, task: Task, reference: Reference | None, report: Report
) -> Iterator[tuple[str, Prediction]]:
    """The predictions of a zip that can be used, by item, one at a time; what is wrong is in ``report``."""
    ids, truths = (None, None) if reference is None else (reference.ids, reference.truths)
    with opened(zip_path, report) as archive:
        files = Rooted(archive, report, flat=True)
        yield from form_of(task).examine(files, ids, truths, task.score_options(), report)
