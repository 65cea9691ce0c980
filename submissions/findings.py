"""What is wrong with a submission: which file, what, and the mend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """``error``: a server refuses or misreads it; ``warning``: tolerated here. ``file`` is the name in the zip."""

    level: Literal["error", "warning"]
    file: str
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.level}: {self.file}: {self.message}; {self.mend}"


def error(file: str, message: str, mend: str) -> Finding:
    """A finding that ends scoring."""
    return Finding("error", file, message, mend)


def tolerated(strict: bool, file: str, message: str, mend: str) -> Finding:
    """A finding that a server refuses and we mend ourselves: an error only under ``strict``."""
    return Finding("error" if strict else "warning", file, message, mend)


def few(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    names = sorted(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
