"""``data pack``: a dataset's image files into its pack; killed and run again, it goes on with what is missing."""

from __future__ import annotations

import os
import shutil
import struct
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from inkbench.benchmark import regular
from inkbench.benchmark.contracts.dataset import KINDS, SPLITS, Dataset, Item
from inkbench.benchmark.data.fingerprint import RACY_NS, THREADS
from inkbench.benchmark.data.packed import FILES, STAMPS, Pack, Stamp, is_cut, library
from inkbench.benchmark.data.splits import few
from inkbench.benchmark.errors import UsageError, plural
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.locks import claim

if TYPE_CHECKING:
    import lmdb

COMMIT_FILES, COMMIT_BYTES = 500, 64 * 2**20
"""The files and bytes of one commit: a kill loses no more."""
PAGE = 4096
SPARE_BYTES = 64 * 2**20


class _Damaged(Exception):
    """A file that is no pack any more."""


@dataclass
class Packed:
    """Result of a call: numbers of files, bytes packed now, and the files that cannot be read."""

    there: int = 0
    new: int = 0
    size: int = 0
    gone: int = 0
    unread: list[str] = field(default_factory=list)

    def told(self, pack: Pack) -> str:
        """Return a line for a person."""
        parts = [
            f"{pack.file}: {plural(self.new, 'file')} packed ({self.size / 2**20:.1f} MiB)",
            f"{self.there} already there",
        ]
        parts += [f"{self.gone} dropped, no longer in the folder"] if self.gone else []
        parts += [f"{len(self.unread)} cannot be read ({few(self.unread, 3)})"] if self.unread else []
        return "; ".join(parts)


def pack_images(dataset: Dataset, pack: Pack, progress: Progress) -> Packed:
    """Pack the image files of all items. Raises UsageError without the library, and where the disk does not take it."""
    library()
    files = image_files(dataset)
    try:
        pack.file.parent.mkdir(parents=True, exist_ok=True)
        with claim(pack.lock) as mine:
            if mine:
                return _whole(files, pack, progress)
        progress.say(f"waiting for another process that uses {pack.file}")
        with claim(pack.lock, wait=True):
            return _whole(files, pack, progress)
    except OSError as error:
        raise _unwritable(pack, error.strerror or str(error)) from None


def image_files(dataset: Dataset) -> list[Path]:
    """Return the image files of all items and their parts, each once, in the order in which caches read them."""
    offered = [kind for kind in KINDS if kind in dataset.offers()]
    items = [item for kind in offered for split in SPLITS for item in dataset.items(kind, split)]
    return sorted({image.path for item in items for image in _images(item)}, key=str)


def _images(item: Item) -> Iterable[Item]:
    return item.parts.values() if item.parts else (item,)


def _whole(files: list[Path], pack: Pack, progress: Progress) -> Packed:
    try:
        return _pack(files, pack, progress)
    except (_Damaged, struct.error) as damage:
        progress.say(f"{pack.file} is damaged ({damage}); rebuilding it")
        pack.file.unlink()
        return _pack(files, pack, progress)


def _pack(files: list[Path], pack: Pack, progress: Progress) -> Packed:
    known = _known(pack)
    done = Packed()
    missing: list[tuple[Path, int]] = []
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            done.unread.append(path.name)
            continue
        stamp = known.get(pack.key(path))
        if stamp is None or not Stamp.unpack(stamp).is_of(stat):
            missing.append((path, stat.st_size))
    done.there = len(files) - len(missing) - len(done.unread)
    gone = [key for key in set(known) - {pack.key(path) for path in files} if not _is_there(pack, key)]
    if missing or gone:
        _write(pack, missing, gone, done, progress)
    return done


def _is_there(pack: Pack, key: bytes) -> bool:
    """Return whether a packed file exists: another reader of this folder, or other settings, may have packed it."""
    return os.path.isfile(os.path.join(pack.root, os.fsdecode(key)))  # noqa: PTH113, PTH118 (shortened keys are no paths)


def _known(pack: Pack) -> dict[bytes, bytes]:
    """Return the stamps of what is packed, as they are stored: there may be a million. Raises _Damaged."""
    import lmdb

    if not pack.file.exists():
        return {}
    try:
        with lmdb.open(str(pack.file), subdir=False, readonly=True, lock=False, max_dbs=2) as environment:
            if is_cut(environment, pack.file):
                raise _Damaged("it is truncated")
            try:
                stamps = environment.open_db(STAMPS, create=False)
            except lmdb.NotFoundError:
                return {}  # killed before its first commit
            with environment.begin() as transaction, transaction.cursor(db=stamps) as cursor:
                return dict(cursor)
    except lmdb.Error as error:
        raise _Damaged(str(error)) from None


def _write(pack: Pack, missing: list[tuple[Path, int]], gone: list[bytes], done: Packed, progress: Progress) -> None:
    import lmdb

    # a file's bytes lie on pages of their own; the rest is for keys, stamps and what a commit frees for the next one
    need = sum(size + 2 * PAGE for _, size in missing)
    free = shutil.disk_usage(pack.file.parent).free
    if free < need + SPARE_BYTES:
        raise _unwritable(pack, f"{need / 2**20:.0f} MiB are needed and {free / 2**20:.0f} MiB are left")
    held = pack.file.stat().st_size if pack.file.exists() else 0
    room = held + 2 * need + SPARE_BYTES
    try:
        with (
            lmdb.open(str(pack.file), subdir=False, lock=False, max_dbs=2, map_size=room) as environment,
            ThreadPoolExecutor(max_workers=THREADS) as pool,
            progress.bar("pack", len(missing), "files") as bar,
        ):
            tables = {name: environment.open_db(name) for name in (FILES, STAMPS)}
            with environment.begin(write=True) as transaction:
                for key in gone:
                    _drop(transaction, tables, key)
            done.gone = len(gone)
            for batch in _batches(missing):
                found = list(pool.map(_read, batch))
                new = [one for one in found if one is not None]
                with environment.begin(write=True) as transaction:
                    for path, stamp, data in new:
                        transaction.put(pack.key(path), data, db=tables[FILES])
                        transaction.put(pack.key(path), stamp.pack(), db=tables[STAMPS])
                done.new += len(new)
                done.size += sum(len(data) for _, _, data in new)
                done.unread += [path.name for path, one in zip(batch, found, strict=True) if one is None]
                bar.advance(len(batch))
    except (lmdb.CorruptedError, lmdb.PageNotFoundError) as error:
        raise _Damaged(str(error)) from None
    except lmdb.Error as error:
        raise _unwritable(pack, str(error)) from None


def _unwritable(pack: Pack, why: str) -> UsageError:
    return UsageError(
        f"{pack.file} cannot be written ({why}); what is packed so far is kept: make room or give another folder with "
        "--results DIR, and run it again"
    )


def _drop(transaction: lmdb.Transaction, tables: dict[bytes, lmdb._Database], key: bytes) -> None:
    for table in tables.values():
        transaction.delete(key, db=table)


def _batches(missing: list[tuple[Path, int]]) -> Iterator[list[Path]]:
    """Yield files of one commit each: so many, or so many bytes."""
    batch: list[Path] = []
    held = 0
    for path, size in missing:
        if batch and (len(batch) == COMMIT_FILES or held + size > COMMIT_BYTES):
            yield batch
            batch, held = [], 0
        batch.append(path)
        held += size
    if batch:
        yield batch


def _read(path: Path) -> tuple[Path, Stamp, bytes] | None:
    """Return a file with its stamp; None where it cannot be read, or changes while it is."""
    try:
        with regular.opened(path) as file:
            before = os.fstat(file.fileno())
            _let_settle(before.st_mtime_ns)
            data = file.read()
            same = os.fstat(file.fileno()).st_mtime_ns == before.st_mtime_ns and len(data) == before.st_size
    except OSError:
        return None
    return (path, Stamp.of(before, data), data) if same else None


def _let_settle(mtime_ns: int) -> None:
    """Wait until a file just written is so old that another write would move its time, on any file system."""
    age = time.time_ns() - mtime_ns
    if 0 <= age < RACY_NS:
        time.sleep((RACY_NS - age) / 1e9)
