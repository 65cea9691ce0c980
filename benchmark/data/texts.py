"""Text files of any dataset: their lines, the names and numbers in them, and where one is wrong."""

from __future__ import annotations

import codecs
import re
from collections.abc import Container, Iterator
from pathlib import Path

from inkbench.benchmark import regular
from inkbench.benchmark.data.filenames import IMAGE_FORMATS, one_name, suffix_of, without_suffix
from inkbench.benchmark.errors import UsageError, brief


def text_of(path: Path) -> str:
    """Read a file as text, UTF-8 with or without byte order mark, or UTF-16 with one. Raises UsageError."""
    try:
        data = regular.read(path)
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            text = data.decode("utf-16")
        else:
            text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file that are not blank, stripped, with their number from 1. Raises UsageError."""
    for number, line in raw_lines_of(path):
        yield number, line.strip()


def raw_lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the same lines with the blanks at their ends, which may belong to a name."""
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        if line.strip():
            yield number, line


def listed(line: str, known: Container[str]) -> str:
    """Return the name that a line of a list means: the whole line where there is such a file, whatever blanks it holds.

    Else without the blanks at its ends, without a suffix, or without a mark behind it (VOC's ``NAME -1``).
    """
    text = one_name(line)
    marked = _MARK.fullmatch(text)
    bare = without_suffix(text.strip().replace("\\", "/").removeprefix("./"))
    for read in (text, marked["name"] if marked else ""):
        for name in _spellings(read):
            if name in known:
                return name
    return bare


def _spellings(text: str) -> Iterator[str]:
    """Yield what a text may name, the likeliest first: with the blanks at its ends, or without."""
    for begun in (text, text.lstrip()):
        for end in range(len(begun), len(begun.rstrip()) - 1, -1):
            name = begun[:end]
            yield from (name, without_suffix(name))
            plain = name.replace("\\", "/").removeprefix("./")
            yield from (plain, without_suffix(plain))


_MARK = re.compile(r"(?P<name>.*\S\s+)(?:-1|0|1)\s*")


def before_numbers(line: str) -> tuple[str, list[str]]:
    """Split a line ``NAME.jpg N N N ...`` into its name, which may hold blanks, and the text behind it."""
    words = list(re.finditer(r"\S+", line))
    ends = [word.end() for word in words if suffix_of(word.group()) in IMAGE_FORMATS]
    end = ends[-1] if ends else words[0].end()
    return line[:end].strip(), line[end:].split()


def whole(path: Path, line: int, text: str, what: str) -> int:
    """Parse a whole number of a text file. Raises UsageError with file and line."""
    try:
        return int(text)
    except (TypeError, ValueError):
        raise UsageError(f"{path}:{line}: {what} is {brief(text)}, not a whole number") from None


def number(path: Path, line: int, text: str | None, what: str) -> float:
    """Parse a finite number of a text file. Raises UsageError with file and line."""
    try:
        value = float(text if text is not None else "")
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise UsageError(f"{path}:{line}: {what} is {brief(text)}, not a number")
    return value
