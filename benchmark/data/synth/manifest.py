"""Checksums of everything that was drawn into a copy, so that a copy that lost or changed a file is seen."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from inkbench.benchmark.data.filenames import is_nobodys
from inkbench.benchmark.data.fingerprint import checksums
from inkbench.benchmark.data.splits import few
from inkbench.benchmark.errors import plural
from inkbench.benchmark.store.files import checksum, write_atomic

NAME = "manifest.json"
NAMED = 3


def write(root: Path, apart: set[str]) -> str:
    """Write the sha256 of every file below ``root`` but those ``apart``, by name; gives the manifest's own."""
    found = {name: entry[-1] for name, entry in checksums(root, _files(root, apart)).items()}
    data = json.dumps(found, indent=0).encode()
    write_atomic(root / NAME, data)
    return checksum(data)


def faults(root: Path, apart: set[str], expected: str, folder: Path | None) -> str:
    """Return what of a copy is not as it was drawn, in a line; nothing where all is.

    ``expected`` is the sha256 of the manifest. Files that ``folder`` remembers by size, times and inode are not read
    again (see ``fingerprint.checksums``); without it every byte is read.
    """
    try:
        data = (root / NAME).read_bytes()
    except OSError as error:
        return f"{NAME} cannot be read ({error.strerror})"
    if checksum(data) != expected:
        return f"{NAME} has changed"
    drawn: dict[str, str] = json.loads(data)
    there = {str(path.relative_to(root)): path for path in _files(root, apart) if path.is_file()}
    lost = sorted(drawn.keys() - there.keys())
    more = sorted(there.keys() - drawn.keys())
    now = checksums(root, [there[name] for name in drawn.keys() & there.keys()], folder)
    changed = [name for name, entry in now.items() if entry[-1] != drawn[name]]
    return "; ".join(
        f"{plural(len(names), 'file')} {what} ({few(names, NAMED)})"
        for what, names in (("missing", lost), ("changed", changed), ("added", more))
        if names
    )


def _files(root: Path, apart: set[str]) -> Iterator[Path]:
    """Yield the files of a copy but those ``apart`` at its top and those that an operating system leaves anywhere."""
    for folder, folders, names in os.walk(root):
        out = apart if Path(folder) == root else set()
        folders[:] = sorted(name for name in folders if name not in out and not is_nobodys(name))
        yield from (Path(folder, name) for name in sorted(names) if name not in out and not is_nobodys(name))
