"""The identity of data: a hash over relative path, size and checksum of every file."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from inkbench.benchmark import regular
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store.sealed import SealedFiles

RACY_NS = 2_000_000_000
THREADS = 4
FILES_A_TASK = 64
Known = dict[str, list[int | str]]


def fingerprint(root: Path, files: Iterable[Path], folder: Path | None = None) -> str:
    """Return a hash over the sorted relative paths, sizes and sha256 checksums of ``files`` below ``root``.

    Checksums are remembered in ``folder`` by size, both times and inode, so that only changed files are read again,
    also those whose time was set back; without a folder every file is read. Raises UsageError for a file that cannot
    be read.
    """
    return digest(checksums(root, files, folder))


def digest(found: Known) -> str:
    """Return the hash over what ``checksums`` found."""
    whole = hashlib.sha256()
    for name, entry in found.items():
        whole.update(f"{name}\x00{entry[0]}\x00{entry[-1]}\n".encode())
    return whole.hexdigest()


def checksums(root: Path, files: Iterable[Path], folder: Path | None = None) -> Known:
    """Return size, mtime, ctime, inode and sha256 of each file by relative path, sorted. See ``fingerprint``."""
    known = _recall(root, folder)
    now = time.time_ns()
    found: Known = {}
    unread: list[tuple[str, Path]] = []
    for name, file in sorted((_relative(file, root), file) for file in set(files)):
        seen = _seen(file)
        found[name] = known[name] if name in known and known[name][:-1] == seen else seen
        if found[name] is seen:
            unread.append((name, file))
    parts = [unread[start : start + FILES_A_TASK] for start in range(0, len(unread), FILES_A_TASK)]
    with ThreadPoolExecutor(max_workers=min(THREADS, os.cpu_count() or 1)) as pool:
        for part, sums in zip(parts, pool.map(_checksums, parts), strict=True):
            for (name, _), checksum in zip(part, sums, strict=True):
                found[name] = [*found[name], checksum]
    _remember(root, folder, known, found, now)
    return found


def _relative(file: Path, root: Path) -> str:
    """Return the path below ``root``; a dataset may have a million files and ``Path.relative_to`` is slow."""
    path, start = str(file), f"{root}{os.sep}"
    relative = path.removeprefix(start) if path.startswith(start) else str(file.relative_to(root))
    return relative.replace(os.sep, "/")


def _seen(file: Path) -> list[int | str]:
    try:
        stat = file.stat()
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror})") from None
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _checksums(part: list[tuple[str, Path]]) -> list[str]:
    made = []
    for _, file in part:
        try:
            with regular.opened(file) as handle:
                made.append(hashlib.file_digest(handle, "sha256").hexdigest())
        except OSError as error:
            raise UsageError(f"{file} cannot be read ({error.strerror})") from None
    return made


def root_key(root: Path) -> str:
    """Return the name in ``results/cache`` of files about the dataset in a folder."""
    return hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:20]


def _recall(root: Path, folder: Path | None) -> Known:
    data = SealedFiles(folder).read(root_key(root)) if folder is not None else None
    return json.loads(data) if data is not None else {}


def _remember(root: Path, folder: Path | None, known: Known, found: Known, now: int) -> None:
    """Keep checksums; not of files just written, which may change again without their time moving."""
    kept = {**known, **{name: entry for name, entry in found.items() if now - _latest(entry) > RACY_NS}}
    if folder is not None and kept != known:
        SealedFiles(folder).write(root_key(root), json.dumps(kept).encode())


def _latest(entry: list[int | str]) -> int:
    return max(int(entry[1]), int(entry[2]))
