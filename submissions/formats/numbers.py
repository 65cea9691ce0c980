"""The meaning of the numbers in a results list: names by their ids, be these written 1, 1.0 or "1"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from inkbench.submissions.findings import few

OWN = "numbers"
"""The option that holds the numbers of the reference's own files (see ``benchmark.data.own_numbers``)."""


MOST_DIGITS = 19
"""Of a place; longer texts of digits are not numbers of anything."""


class Numbers:
    """Names by id; ``named`` is false where there are none, so that a number can only be a place."""

    def __init__(self, pairs: Iterable[tuple[Any, str | None]] = ()) -> None:
        self._of = {spelled(number): name for number, name in pairs}
        self.named = bool(self._of)

    def __contains__(self, number: Any) -> bool:
        return spelled(number) in self._of

    def find(self, number: Any) -> str | None:
        """Return the name of an id; None where it is of nothing that is scored."""
        return self._of.get(spelled(number))

    def said(self) -> str:
        """Return the ids with their names, for a finding."""
        return few(f"{number} {name}" for number, name in self._of.items() if name is not None)


def own(options: Mapping[str, Any], what: str) -> Numbers:
    """Return the reference's own ``images`` or ``categories``."""
    return Numbers((pair[0], pair[1]) for pair in options.get(OWN, {}).get(what, ()))


def is_number(value: Any) -> bool:
    """Return whether a value can be an id: a whole number, however written, or a text."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int | str) and not isinstance(value, bool)


def place_of(number: Any) -> int:
    """Return an id as a place from 1; 0 where it can be none."""
    text = spelled(number)
    return int(text) if text.isdecimal() and len(text) < MOST_DIGITS else 0


def spelled(number: Any) -> str:
    """Return one spelling of an id."""
    return str(int(number)) if isinstance(number, float) else str(number).strip()
