"""One number for each item in a CSV file: the format of tasks that predict a value."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inkbench.benchmark.contracts.prediction_format import PredictionFormat
from inkbench.benchmark.errors import plural
from inkbench.submissions.findings import Finding, Report
from inkbench.submissions.formats.files import Files
from inkbench.submissions.formats.reading import Options, Prediction, Truths, bytes_of, read_folder


def number_table(key: str) -> PredictionFormat:
    """Build the format of predictions ``{key: float}``: a file ``KEY.csv`` with the head ``id,KEY``, a line an item."""
    file = f"{key}.csv"

    def examine(
        files: Files, ids: Sequence[str] | None, truths: Truths | None, options: Options, report: Report
    ) -> Iterator[tuple[str, Prediction]]:
        del truths, options
        rows = list(csv.reader(io.StringIO((bytes_of(files, file, report) or b"").decode("utf-8-sig"))))
        if rows and rows[0] != ["id", key]:
            report.error(file, f"its header is {','.join(rows[0])}", f"write id,{key}")
            return
        found = {row[0]: row[1] for row in rows[1:] if len(row) == 2}
        if missing := set(ids or ()) - found.keys():
            report.error(file, f"{plural(len(missing), 'item')} missing", "write a line for each")
        for item, text in found.items():
            try:
                yield item, {key: np.array(float(text))}
            except ValueError:
                report.error(file, f"item {item} has '{text[:40]}'", "write a number")

    def read(
        source: Path, ids: Sequence[str], truths: Truths, options: Options, findings: list[Finding] | None = None
    ) -> list[Prediction]:
        return read_folder(examine, source, ids, truths, options, findings)

    def write(
        items: Mapping[str, Any], predictions: Sequence[Prediction], options: Options, spec: Any
    ) -> dict[str, bytes]:
        del options, spec
        lines = [f"{item},{float(one[key])!r}" for item, one in zip(items["id"], predictions, strict=True)]
        return {file: "\n".join([f"id,{key}", *lines, ""]).encode()}

    return PredictionFormat(("csv",), f"{file}: id,{key}", read, examine, write)
