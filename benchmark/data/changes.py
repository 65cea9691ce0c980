"""Detection of dataset files that changed since the last run with the same results folder, by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inkbench.benchmark.data.splits import few
from inkbench.benchmark.errors import plural
from inkbench.benchmark.store.files import write_atomic

NAMED = 3
SHORT = 16
"""Hexadecimal digits of a checksum that are kept: they tell versions of one file apart."""


@dataclass(frozen=True, slots=True)
class Change:
    """Files as they are now, where they differ from ``before``: what the last run saw, None where there was none."""

    file: Path
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
        write_atomic(self.file, json.dumps({"content": self.content, "files": dict(self.now)}).encode())


def since_last_run(folder: Path, root: Path, reader: str, content: str, checksums: Mapping[str, str]) -> Change | None:
    """Return the change since the last run that was settled; None where the content is the same.

    ``folder`` keeps the memory, one file for a ``reader`` of a ``root``; ``checksums`` are sha256 by relative path.
    """
    name = hashlib.sha256(f"{reader} {root.resolve()}".encode()).hexdigest()[:20]
    file = folder / f"{name}.last.json"
    try:
        last = json.loads(file.read_text(encoding="utf-8"))
        before, same = dict(last["files"]), last["content"] == content
    except (OSError, ValueError, KeyError, TypeError):
        before, same = None, False
    if same:
        return None
    return Change(file, content, {path: of[:SHORT] for path, of in checksums.items()}, before)
