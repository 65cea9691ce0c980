"""The contract of a prediction format: a task's predictions as the files of a submission."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PredictionFormat:
    """Reader and writer of prediction files; modules of ``submissions.formats`` end in a ``FORMAT``.

    ``forms``: the names of its variants, the first is what is written unless another is asked for; ``about``: what a
    participant is told of it.
    ``read(source, ids, truths, options, findings=None)`` gives the predictions of a folder or zip, in the order of ids.
    ``examine(files, ids, truths, options, report)`` yields item by item; what is wrong goes into the report.
    ``write(items, predictions, options, spec)`` gives files by name.
    """

    forms: tuple[str, ...]
    about: str
    read: Callable[..., Any]
    examine: Callable[..., Any]
    write: Callable[..., dict[str, bytes]]

    @property
    def module(self) -> str:
        """The full name of the module that it is defined in, as ``FORMAT``."""
        return self.read.__module__
