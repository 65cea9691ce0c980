"""Remarks on rows as numbers, and the legend that resolves them; the same in every format for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inkbench.leaderboards.table import Head, NoteKind, Row, Table

SUPERSCRIPT = str.maketrans("0123456789,", "⁰¹²³⁴⁵⁶⁷⁸⁹ ")


def numbered(table: Table) -> dict[str, int]:
    """Return every remark on a row with its number."""
    found = dict.fromkeys(mark for block in table.blocks for row in block.rows for mark in row.marks)
    return {mark: number for number, mark in enumerate(found, 1)}


def numbers(row: Row, of: dict[str, int]) -> str:
    """Return the numbers of a row's remarks, ``1,3``."""
    return ",".join(str(of[mark]) for mark in row.marks)


def label(row: Row, of: dict[str, int]) -> str:
    """Return a row's label with the numbers of its remarks raised."""
    return f"{row.label} {numbers(row, of).translate(SUPERSCRIPT)}".rstrip()


def legend(
    table: Table,
    of: dict[str, int],
    best: str,
    escape: Callable[[str], str],
    raised: Callable[[int], str] | None = None,
) -> list[str]:
    """Return the remarks by number, then the table's notes, as a format has them.

    ``best`` is its sign for the best, ``raised`` how it writes the number of a remark.
    """
    sign = raised or (lambda number: str(number).translate(SUPERSCRIPT))
    marks = [f"{sign(number)} {escape(mark)}" for mark, number in of.items()]
    return marks + [f"{best if note.kind is NoteKind.BEST else ''}{escape(note)}" for note in table.notes]


def left(head: Head) -> bool:
    """Return whether a column holds words rather than figures."""
    return head.key in ("pretext", "supervision")


def flat(text: str) -> str:
    """Return a heading in one line."""
    return text.replace("\n", " ")


def shown(heads: Sequence[Head]) -> list[str]:
    """Return the headings in one line each."""
    return [flat(head.text) for head in heads]
