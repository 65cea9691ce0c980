"""Tables of comma-separated values, row by row with their line; a bad one is told with file and line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from inkbench.benchmark.data.texts import text_of
from inkbench.benchmark.errors import UsageError, plural


def rows_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a table that are not empty, with the number of the line they end on, from 1.

    Raises UsageError.
    """
    reader = csv.reader(io.StringIO(text_of(path), newline=""))
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise UsageError(f"{path}:{reader.line_num}: {error}") from None


def table_of(path: Path, columns: Sequence[str], hint: str = "") -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a table by the names of its first line, which must hold ``columns``. Raises UsageError.

    A row that is shorter or longer than the first line is refused: its values would stand under wrong names.
    """
    rows = rows_of(path)
    _, head = next(rows, (1, []))
    names = [name.strip() for name in head]
    if lacking := [name for name in columns if name not in names]:
        raise UsageError(f"{path}: no column {', '.join(lacking)} in its first line{hint}")
    for line, row in rows:
        if len(row) != len(names):
            raise UsageError(f"{path}:{line}: {plural(len(row), 'value')} for {plural(len(names), 'column')}")
        yield line, dict(zip(names, row, strict=True))
