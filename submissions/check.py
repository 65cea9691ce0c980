"""Everything that makes a server refuse or misread a zip of predictions, with the file and the mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from inkbench.submissions.archive import opened
from inkbench.submissions.findings import Finding, Report
from inkbench.submissions.formats.files import Rooted
from inkbench.submissions.formats.reading import Prediction


class Known(Protocol):
    """A reference, be it of a dataset or of a bundle."""

    @property
    def ids(self) -> list[str]:
        """The ids of the items, in order."""

    @property
    def truths(self) -> Sequence[Mapping[str, Any]]:
        """The truth of each."""


def check(
    zip_path: Path, form: Any, options: Mapping[str, Any], known: Known | None = None, strict: bool = False
) -> list[Finding]:
    """Check a zip, and with ``known`` also names and sizes; ``form`` is a module of ``formats``.

    ``strict`` makes errors of what we mend and a server does not. Nothing is unpacked to disk. Raises UsageError
    where there is no zip.
    """
    report = Report(strict)
    for _ in predictions(zip_path, form, options, known, report):
        pass
    return report.findings


def predictions(
    zip_path: Path, form: Any, options: Mapping[str, Any], known: Known | None, report: Report
) -> Iterator[tuple[str, Prediction]]:
    """Yield the usable predictions of a zip, by item, one at a time; faults go into ``report``."""
    ids, truths = (None, None) if known is None else (known.ids, known.truths)
    with opened(zip_path, report) as archive:
        yield from form.examine(Rooted(archive, report, flat=True), ids, truths, options, report)
