"""JSON annotations read with a line that says where something is missing or of the wrong kind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, TypeVar

from inkbench.benchmark.data.texts import text_of
from inkbench.benchmark.errors import UsageError, brief

T = TypeVar("T")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
LARGEST = 1e300
"""JSON has whole numbers of any size; larger ones are no coordinates and overflow when they are computed with."""
KINDS = {int: "a whole number", dict: "an object", list: "a list", str: "a text", float: "a number"}


def json_of(path: Path, kind: type[T]) -> T:
    """Read the value of a JSON file, which must be of ``kind``. Raises UsageError."""
    text = text_of(path)
    try:
        value = json.loads(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UsageError(f"{path} contains half of a character (a lone surrogate); save it again as UTF-8") from None
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}") from None
    except RecursionError:
        raise UsageError(f"{path} is not an annotation: its lists are nested too deeply") from None
    return expect(value, kind, str(path))


def field(value: Any, key: str, kind: type[T], where: str) -> T:
    """Return ``value[key]``, which must be of ``kind`` (float: any finite number).

    Raises UsageError naming ``where``.
    """
    if not isinstance(value, dict) or key not in value:
        raise UsageError(f"{where}: no '{key}'")
    return expect(value[key], kind, f"{where}: '{key}'")


def expect(value: Any, kind: type[T], where: str) -> T:
    """Return ``value``, which must be of ``kind`` (float: any finite number). Raises UsageError naming ``where``."""
    if kind is int and isinstance(value, bool):
        raise UsageError(f"{where} is bool, not {KINDS[kind]}")
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST:
        return kind(value)  # type: ignore[call-arg]
    if kind is float and isinstance(value, int | float):
        raise UsageError(f"{where} is {str(value)[:40]}, not a finite number")
    if not isinstance(value, kind):
        raise UsageError(f"{where} is {type(value).__name__}, not {KINDS[kind]}")
    return value


def flag(value: Any, where: str) -> bool:
    """Return whether a flag is set, written as a number, true, or a word. Raises UsageError for anything else."""
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(word, str):
        if word in _YES or word in _NO:
            return word in _YES
    elif value is None or (isinstance(value, int | float) and value in (0, 1)):
        return bool(value)
    raise UsageError(f"{where} is {brief(value)}, neither yes nor no; write 0 or 1")


_YES = frozenset({"1", "1.0", "true", "yes", "t", "y"})
_NO = frozenset({"0", "0.0", "false", "no", "f", "n", "", "none", "null"})
