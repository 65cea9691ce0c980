"""From a folder to predictions: what the ``read`` of every form does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inkbench.benchmark.errors import UsageError
from inkbench.submissions.findings import Finding, Report
from inkbench.submissions.formats.files import Files, Folder, Rooted

Prediction = dict[str, np.ndarray]
Truths = Sequence[Mapping[str, np.ndarray]]
Options = Mapping[str, Any]
Examine = Callable[[Files, Sequence[str] | None, Truths | None, Options, Report], Iterator[tuple[str, Prediction]]]


def read_folder(
    examine: Examine,
    source: Path,
    ids: Sequence[str],
    truths: Truths,
    options: Options,
    findings: list[Finding] | None = None,
) -> list[Prediction]:
    """Read one prediction for each of ``ids``, in their order, from a folder (and those in it) or a file.

    What was mended or left out is added to ``findings``. Raises UsageError with the first errors.
    """
    report = Report()
    found = dict(examine(Rooted(Folder(source), report, flat=False), ids, truths, options, report))
    if findings is not None:
        findings += report.findings
    if report.errors:
        raise UsageError(f"{source} holds no predictions that can be scored: {report.said()}")
    return [found[item] for item in ids]


def bytes_of(files: Files, name: str, report: Report) -> bytes | None:
    """Read the bytes of a file, or None with an error in the report."""
    try:
        return files.read(name)
    except ValueError as problem:
        report.error(name, str(problem), "pack it again")
        return None
