"""The zip of a submission: its entries that are safe to read, and findings on the others; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inkbench.benchmark.archives.members import SUBMISSION, judged
from inkbench.benchmark.archives.sources import Zip, opened_zip
from inkbench.submissions.findings import Report, few


class Archive:
    """The entries of an open zip that are safe to read, by their names; findings on the others."""

    whole = "the zip"

    def __init__(self, source: Zip, report: Report) -> None:
        self.source = source
        safe, faults = judged(source.members, SUBMISSION, source.packed)
        for fault in faults:
            report.error(fault.name or self.whole, fault.message, fault.mend)
        self._entries = {member.place: member for member in safe}
        if turned := [member.name for member in safe if "\\" in member.name]:
            text = "has a backslash, which is not a separator in a zip, and is read as one"
            report.tolerated(few(turned), text, "use '/' or no folder at all")

    @property
    def names(self) -> list[str]:
        """Names of the entries without ``./``, sorted."""
        return sorted(self._entries)

    def read(self, name: str) -> bytes:
        """Return the bytes of an entry. Raises ValueError where they are damaged or not as many as declared."""
        return b"".join(self.source.pieces(self._entries[name]))


@contextmanager
def opened(path: Path, report: Report) -> Iterator[Archive]:
    """Open and judge the archive at ``path``. Raises UsageError where it is not a zip or cannot be read."""
    with opened_zip(path, SUBMISSION) as source:
        yield Archive(source, report)
