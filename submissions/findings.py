"""The problems of a submission: the file, the problem, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from inkbench.benchmark.escaping import terminal

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem of one file, named as in the zip, with its ``mend``, what to do about it.

    ``level``: an ``error`` means that the submission has no score, a ``warning`` that it has one.
    """

    level: Literal["error", "warning"]
    file: str
    message: str
    mend: str

    def __str__(self) -> str:
        return terminal(f"{self.level}: {self.file}: {self.message}; {self.mend}")


class Report:
    """The findings on one submission, in the order in which they were made.

    With ``strict``, as on a server, what is corrected here is an error.
    """

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict
        self.findings: list[Finding] = []

    def error(self, file: str, message: str, mend: str) -> None:
        """Record a problem that prevents scoring."""
        self.findings.append(Finding("error", file, message, mend))

    def tolerated(self, file: str, message: str, mend: str) -> None:
        """Record a problem that is corrected here but not on a server: an error only if ``strict``."""
        self.findings.append(Finding("error" if self.strict else "warning", file, message, mend))

    def warning(self, file: str, message: str, mend: str) -> None:
        """Record something that is allowed but doubtful."""
        self.findings.append(Finding("warning", file, message, mend))

    @property
    def errors(self) -> list[Finding]:
        """The findings that prevent scoring."""
        return [finding for finding in self.findings if finding.level == "error"]

    def said(self) -> str:
        """Return the first errors in one line, and how many more there are."""
        errors = [str(finding) for finding in self.errors]
        more = f" (and {len(errors) - SHOWN} more)" if len(errors) > SHOWN else ""
        return " | ".join(errors[:SHOWN]) + more


def few(names: Iterable[str]) -> str:
    """Return the first names, and how many more there are."""
    names = sorted(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
