"""Errors of inkbench: one line each that names the mend; and the words that their messages share."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from typing import ClassVar

DEBUG = "INKBENCH_DEBUG"
"""Set in the environment: an error that is told in one line is shown with its traceback."""


class InkbenchError(Exception):
    """What a person can act on: one line that says what is wrong, where, and how to mend it."""

    status: ClassVar[int] = 1
    """The exit status of a command that ends with it."""


class UsageError(InkbenchError):
    """Refused before anything is drawn, trained or written."""

    status = 2


class RunError(InkbenchError):
    """Found at work: this run fails with a reason for a person, the others go on."""


class NotApplicable(InkbenchError):
    """A method that cannot run here (weights out of reach, wrong kind of backbone): a row with its reason."""

    status = 2


def brief(value: object, most: int = 80) -> str:
    """Return a value as it would be typed, cut where it is long: what stands in a damaged file may be megabytes."""
    text = repr(value[: most + 1] if isinstance(value, str) else value)
    return text if len(text) <= most + 2 else f"{text[:most]}..."


def of_the_system(error: OSError) -> str:
    """Return what the system refused, of which file, in one line."""
    where = f"{brief(os.fsdecode(error.filename), 200)}: " if isinstance(error.filename, str | bytes) else ""
    return f"{where}{error.strerror or error}"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 box``, ``2 boxes``, ``2 classes``, ``1,000 series``."""
    if count == 1 or noun.endswith("series"):
        return f"{count:,} {noun}"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{count:,} {noun[:-1]}ies"
    return f"{count:,} {noun}{'es' if noun.endswith(('s', 'x', 'sh', 'ch')) else 's'}"


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return ``"; did you mean 'jigsaw'?"`` for the nearest option, or the list of all when none is near."""
    options = sorted(options)
    near = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; there are: {', '.join(options)}" if options else ""
