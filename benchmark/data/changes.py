"""Detection of dataset files that changed since the last run with the same results folder, by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inkbench.benchmark.data.splits import few
from inkbench.benchmark.errors import plural
from inkbench.benchmark.store.sealed import SealedFiles

NAMED = 3
SHORT = 16
"""Hexadecimal digits of a checksum that are kept: they tell versions of one file apart."""


@dataclass(frozen=True, slots=True)
class Change:
    """Files as they are now, where they differ from ``before``: what the last run saw, None where there was none."""

    folder: Path
    key: str
    content: str
    now: Mapping[str, str]
    before: Mapping[str, str] | None

    def line(self) -> str:
        """Return ``2 files changed (a, b); 1 file added (c)``, or nothing at the first run."""
        if self.before is None:
            return ""
        changed = [name for name, of in self.now.items() if self.before.get(name, of) != of]
        added = [name for name in self.now if name not in self.before]
        removed = [name for name in self.before if name not in self.now]
        told = (("changed", changed), ("added", added), ("removed", removed))
        return "; ".join(f"{plural(len(names), 'file')} {what} ({few(names, NAMED)})" for what, names in told if names)

    def settle(self) -> None:
        """Keep these files as those that later runs are compared with."""
        told = {"content": self.content, "files": dict(self.now)}
        SealedFiles(self.folder).write(self.key, json.dumps(told).encode())


def since_last_run(folder: Path, root: Path, reader: str, content: str, checksums: Mapping[str, str]) -> Change | None:
    """Return the change since the last run that was settled; None where the content is the same.

    ``folder`` keeps the memory, one file for a ``reader`` of a ``root``; ``checksums`` are sha256 by relative path.
    """
    key = f"{hashlib.sha256(f'{reader} {root.resolve()}'.encode()).hexdigest()[:20]}.last"
    data = SealedFiles(folder).read(key)
    last = json.loads(data) if data is not None else {"content": None, "files": None}
    if last["content"] == content:
        return None
    now = {path: of[:SHORT] for path, of in checksums.items()}
    return Change(folder, key, content, now, last["files"])
