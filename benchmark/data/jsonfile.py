"""JSON annotations read with a line that says where something is missing or of the wrong kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from benchmark.data.files import text_of
from benchmark.errors import Refusal

T = TypeVar("T")
KINDS = {dict: "an object", list: "a list", str: "a text", float: "a number"}


def json_of(path: Path, kind: type[T]) -> T:
    """The value of a JSON file, which must be of ``kind``. Raises Refusal."""
    try:
        value = json.loads(text_of(path))
    except ValueError as error:
        raise Refusal(f"{path} is no JSON: {error}") from None
    return expect(value, kind, str(path))


def field(value: Any, key: str, kind: type[T], where: str) -> T:
    """``value[key]``, which must be of ``kind`` (float: any finite number). Raises Refusal naming ``where``."""
    if not isinstance(value, dict) or key not in value:
        raise Refusal(f"{where}: no '{key}'")
    return expect(value[key], kind, f"{where}: '{key}'")


def expect(value: Any, kind: type[T], where: str) -> T:
    """``value``, which must be of ``kind`` (float: any finite number). Raises Refusal naming ``where``."""
    if kind is float and isinstance(value, int | float) and abs(value) < float("inf"):
        return kind(value)  # type: ignore[call-arg]
    if not isinstance(value, kind):
        raise Refusal(f"{where} is {type(value).__name__}, not {KINDS[kind]}")
    return value
