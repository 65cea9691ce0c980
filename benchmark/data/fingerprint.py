"""Which data a number comes from: a hash over relative path, size and checksum of every file."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmark.errors import Refusal
from benchmark.store import write_atomic

RACY_NS = 2_000_000_000
THREADS = 4
Known = dict[str, list[int | str]]


def fingerprint(root: Path, files: Iterable[Path], folder: Path | None = None) -> str:
    """A hash over the sorted relative paths, sizes and sha256 checksums of ``files`` below ``root``.

    Checksums are remembered in ``folder`` by size, modification time and inode, so that only changed files are
    read again; without a folder every file is read. Raises Refusal for a file that cannot be read.
    """
    known = _recall(root, folder)
    listed = sorted((file.relative_to(root).as_posix(), file) for file in set(files))
    now = time.time_ns()

    def look(entry: tuple[str, Path]) -> tuple[str, list[int | str]]:
        name, file = entry
        try:
            stat = file.stat()
            seen = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
            before = known.get(name)
            if before is not None and before[:3] == seen:
                return name, before
            with file.open("rb") as handle:
                return name, [*seen, hashlib.file_digest(handle, "sha256").hexdigest()]
        except OSError as error:
            raise Refusal(f"{file} cannot be read ({error.strerror})") from None

    with ThreadPoolExecutor(max_workers=min(THREADS, os.cpu_count() or 1)) as pool:
        found = dict(pool.map(look, listed, chunksize=64))
    _remember(root, folder, known, found, now)
    whole = hashlib.sha256()
    for name, (size, _, _, checksum) in found.items():
        whole.update(f"{name}\x00{size}\x00{checksum}\n".encode())
    return whole.hexdigest()


def _file(root: Path, folder: Path) -> Path:
    return folder / f"{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:20]}.json"


def _recall(root: Path, folder: Path | None) -> Known:
    if folder is None:
        return {}
    try:
        read = json.loads(_file(root, folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    whole = isinstance(read, dict) and all(isinstance(entry, list) and len(entry) == 4 for entry in read.values())
    return read if whole else {}


def _remember(root: Path, folder: Path | None, known: Known, found: Known, now: int) -> None:
    """Keep checksums; not of files just written, which may change again without their time moving."""
    kept = {**known, **{name: entry for name, entry in found.items() if now - int(entry[1]) > RACY_NS}}
    if folder is not None and kept != known:
        write_atomic(_file(root, folder), json.dumps(kept).encode())
