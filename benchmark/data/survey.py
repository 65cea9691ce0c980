"""The files in a dataset's folder that are passed over, counted and told: nothing is left out silently."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from inkbench.benchmark import regular
from inkbench.benchmark.data.annotations import CLASS_LISTS, MENDS, TEXTS, kind_of
from inkbench.benchmark.data.filenames import (
    ARCHIVES,
    SYSTEM_FILES,
    UNREAD_PICTURES,
    is_image,
    is_nobodys,
    one_name,
    suffix_of,
)
from inkbench.benchmark.data.splits import SIDECAR, few
from inkbench.benchmark.data.told import LOST, NOWHERE
from inkbench.benchmark.errors import plural

MOST_SNIFFED = 2_000
"""Files of unknown suffixes that are looked into."""
ALIKE = 3
"""Files of a folder and suffix that are looked into; their neighbours are taken to be alike."""
_HARMLESS = frozenset(
    {".md", ".rst", ".html", ".htm", ".css", ".js", ".py", ".ipynb", ".sh", ".yml", ".toml", ".ini", ".cfg", ".lock",
     ".log", ".bib", ".doc", ".docx", ".xls", ".xlsx", ".npy", ".npz", ".pt", ".pth", ".bin", ".db", ".gz", ".bz2",
     ".xz"}
)  # fmt: skip
_PACKED = ARCHIVES | {".tfrecord", ".parquet", ".h5", ".hdf5", ".mat", ".arrow"}
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP")


@dataclass
class _Found:
    """Findings of the walk, by what is said of them; names are relative to the root."""

    nowhere: list[str] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    system: list[str] = field(default_factory=list)
    nobodys: dict[str, int] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)
    pictures: dict[str, list[str]] = field(default_factory=dict)
    packed: list[str] = field(default_factory=list)
    annotations: dict[str, list[str]] = field(default_factory=dict)
    sniffed: int = 0
    looked: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: dict[tuple[str, str], str | None] = field(default_factory=dict)


def survey(root: Path, used: Iterable[Path] | None, layout: str = "") -> list[str]:
    """Return a line for each kind of file below ``root`` that no item depends on; ``used`` are those that some do.

    Without ``used`` only links, thumbnails, bins and suffixes are told. In a ``layout`` of its own annotations that are
    not read are not the layout's; in a plain folder it is said how they would be read.
    """
    known = None if used is None else {os.fspath(path) for path in used}
    found = _Found()
    _walk(root, "", known, found, set())
    return list(_lines(found, layout))


def _walk(folder: Path, below: str, used: set[str] | None, found: _Found, seen: set[tuple[int, int]]) -> None:
    try:
        stat = folder.stat()
        if (stat.st_dev, stat.st_ino) in seen:
            return
        seen.add((stat.st_dev, stat.st_ino))
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        found.locked.append(below or ".")
        return
    for entry in entries:
        name = below + entry.name
        if not regular.is_reached(entry):
            found.nowhere.append(name)
        elif entry.is_dir():
            if is_nobodys(entry.name):
                found.nobodys[name] = _images_within(folder / entry.name)
            else:
                _walk(folder / entry.name, f"{name}/", used, found, seen)
        elif not entry.is_file():
            found.nowhere += [name] if entry.is_symlink() else []
        elif used is None or os.fspath(folder / entry.name) not in used:
            _note(folder, entry.name, below, used is not None, found)


def _images_within(folder: Path) -> int:
    return sum(is_image(name.lstrip(".")) for _, _, names in os.walk(folder) for name in names)


def _note(folder: Path, name: str, below: str, complete: bool, found: _Found) -> None:
    """Put a file that nothing uses where it belongs."""
    suffix = suffix_of(name)
    if name.lower() in SYSTEM_FILES or name.startswith("._"):
        found.system.append(below + name)
    elif is_nobodys(name):
        found.hidden += [below + name] if is_image(name.lstrip(".")) else []
    elif is_image(name):
        found.unused += [below + name] if complete else []
    elif suffix in UNREAD_PICTURES:
        found.pictures.setdefault(suffix, []).append(below + name)
    elif suffix in _PACKED:
        found.packed.append(below + name)
    elif suffix in TEXTS:
        if complete and name != SIDECAR and not name.endswith(".toml"):
            _note_text(folder, name, below, found)
    elif suffix not in _HARMLESS and found.sniffed < MOST_SNIFFED:
        found.sniffed += 1
        found.misnamed += [below + name] if _head(folder / name).startswith(_SIGNATURES) else []


def _note_text(folder: Path, name: str, below: str, found: _Found) -> None:
    """Note a text file that looks like annotations, by its content; of many alike the first few are read."""
    key = below, suffix_of(name)
    if found.looked[key] < ALIKE or name in CLASS_LISTS:
        found.looked[key] += 1
        kind = kind_of(folder / name)
        found.kinds[key] = kind or found.kinds.get(key)
    else:
        kind = found.kinds.get(key)
    if kind:
        found.annotations.setdefault(kind, []).append(below + name)


def _head(path: Path, most: int = 16) -> bytes:
    try:
        with regular.opened(path) as file:
            return file.read(most)
    except OSError:
        return b""


def _lines(found: _Found, layout: str) -> Iterator[str]:
    if found.nowhere:
        yield (
            f"{_many(found.nowhere, 'link')} {NOWHERE}: {few(found.nowhere)}; get the files (git annex get, datalad "
            "get, dvc pull), or remove the links"
        )
    if found.locked:
        yield f"{_many(found.locked, 'folder')} {LOST}: {few(found.locked)}; make them readable"
    images = sum(found.nobodys.values())
    if images:
        named = few(sorted({one_name(Path(name).name) for name, count in found.nobodys.items() if count}))
        within = sum(1 for count in found.nobodys.values() if count)
        yield f"{plural(images, 'image')} in {plural(within, 'hidden, trash or thumbnail folder')} ignored ({named})"
    if found.hidden:
        yield f"{_many(found.hidden, 'hidden image')} ignored: {few(found.hidden)}"
    if found.system:
        yield f"{_many(found.system, 'file')} of the operating system ignored: {few(found.system)}"
    yield from _unread(found, layout)


def _unread(found: _Found, layout: str) -> Iterator[str]:
    """Yield what may belong to the dataset and is not read, with the mend."""
    for suffix, names in sorted(found.pictures.items()):
        yield f"{_many(names, 'picture')} of suffix {suffix} not read: {few(names)}; save them as PNG or JPEG"
    if found.misnamed:
        told = few(found.misnamed)
        yield f"{_many(found.misnamed, 'image')} without an image suffix not read: {told}; add a suffix"
    if found.packed:
        yield f"{_many(found.packed, 'archive')} not read: {few(found.packed)}; unpack what belongs to the dataset"
    if found.unused:
        where = Counter(name.rpartition("/")[0] or "." for name in found.unused)
        told = few(f"{folder}: {count}" for folder, count in where.most_common())
        yield f"{_many(found.unused, 'image')} not used: not named in any list or annotation that is read ({told})"
    for kind, names in sorted(found.annotations.items()):
        mend = f"the layout {layout} does not use them" if layout else MENDS[kind]
        yield f"{_many(names, 'file')} not read, though {_like(names)} {kind}: {few(names)}; {mend}"


def _like(names: Sequence[str]) -> str:
    return "it looks like" if len(names) == 1 else "they look like"


def _many(names: Sequence[str], what: str) -> str:
    return plural(len(names), what)
