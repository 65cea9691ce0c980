"""The shared part of readers of folders: listing, one split, the fingerprint, reports on sizes and boxes."""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from inkbench.benchmark import regular
from inkbench.benchmark.contracts.dataset import Box, Dataset, Item, Kind, Split
from inkbench.benchmark.data.box_rules import BoxRules
from inkbench.benchmark.data.boxes import distinct
from inkbench.benchmark.data.changes import Change, since_last_run
from inkbench.benchmark.data.filenames import is_image, is_nobodys, one_name
from inkbench.benchmark.data.fingerprint import checksums, digest
from inkbench.benchmark.data.images import SIDEWAYS, BadImage, Head, head_of
from inkbench.benchmark.data.splits import SIDECAR
from inkbench.benchmark.data.survey import survey
from inkbench.benchmark.data.told import MISFIT
from inkbench.benchmark.errors import UsageError, plural
from inkbench.benchmark.store.files import key_of

if TYPE_CHECKING:
    from inkbench.benchmark.progress import Progress


class FileDataset(Dataset):
    """A dataset that lies in a folder of files. Reads the folder once, when it is first asked for items.

    ``on_request`` are files that the layout knows and reads only where a setting asks for them.
    """

    on_request: ClassVar[tuple[str, ...]] = ()

    def __init__(self, root: Path, config: Any = None) -> None:
        super().__init__(root, config)
        self._read: dict[Kind, list[Item]] = {}
        self._content: str | None = None
        self._change: Change | None = None
        self._heads: dict[Path, Head | None] = {}
        self._absent: dict[str, None] = {}
        self._surveyed = False
        self.rules = BoxRules(self.warn)

    @abstractmethod
    def read(self, kind: Kind) -> list[Item]:
        """Return all items of a kind that this copy offers, of all splits, in a fixed order."""

    @abstractmethod
    def files(self) -> list[Path]:
        """Return every file that items depend on."""

    def items(self, kind: Kind, split: Split) -> list[Item]:
        """Return all items of a kind in a split, in a fixed order. Raises UsageError for a kind that is not offered.

        So it does for boxes that were written in another way than the layout has.
        """
        if kind not in self.offers():
            raise UsageError(f"{self.root} ({self.reader}) has no {kind}; it offers {', '.join(sorted(self.offers()))}")
        if kind not in self._read:
            self._read[kind] = self.read(kind)
        self.rules.settle(str(self.root))
        return [item for item in self._read[kind] if item.split == split]

    def require(self, kind: Kind, split: Split) -> None:
        """Raise UsageError where a split that is asked for has no items."""
        if self.items(kind, split):
            return
        series = len({item.series for item in self._read[kind]})
        raise UsageError(
            f"{self.root} ({self.reader}) has {kind} of {series} series, none of them in {split}; set in "
            f"{self.root / SIDECAR} which series is train, val or test, or give a folder of three series or more"
            + (", or define the series with --series-from REGEX" if self.guesses and self.series_from is None else "")
        )

    def fingerprint(self) -> str:
        """Return a hash over relative path, size and checksum of the files, the settings and what finds the series."""
        said = [self.series_from] if self.series_from is not None else []
        return key_of([self.content(), self.config.model_dump(mode="json"), *said])

    def content(self) -> str:
        """Return a hash over relative path, size and checksum of the files alone; taken once."""
        if self._content is None:
            sidecar = self.root / SIDECAR
            files = [*self.files(), *([sidecar] if sidecar.is_file() else [])]
            found = checksums(self.root, files, self.checksums)
            self._content = digest(found)
            if self.checksums is not None:
                sums = {name: str(entry[-1]) for name, entry in found.items()}
                self._change = since_last_run(self.checksums, self.root, self.reader, self._content, sums)
        return self._content

    def changes(self) -> str:
        """Return which files changed since the last run with the same results folder, in a line; else nothing."""
        self.content()
        said = self._change.line() if self._change else ""
        return (
            f"{self.root} ({self.reader}) changed since the last run: {said}; runs on it have new ids" if said else ""
        )

    def settle(self) -> None:
        """Keep the present files as those that the next run is compared with."""
        self.content()
        if self._change:
            self._change.settle()
            self._change = None

    def warn(self, line: str) -> None:
        """Note what was repaired or left out, once."""
        if line not in self.warnings:
            self.warnings.append(line)

    def absent(self, what: str, named_by: str) -> None:
        """Note an image that an annotation names and that is not there; ``data check`` tells each in a line."""
        self._absent[f"{what} is missing, but {named_by} names it"] = None

    def faults(self) -> list[str]:
        """Return the images that annotations name and that are not there."""
        return list(self._absent)

    def prepare(self, progress: Progress) -> None:
        """Look once at what lies in the folder and is passed over; a line each in ``warnings``."""
        del progress
        if self._surveyed:
            return
        self._surveyed = True
        try:
            used = [*self.files(), *(self.root / name for name in self.on_request)]
        except UsageError:
            used = None  # told where items are read
        for line in survey(self.root, used, self.name if self.specific else ""):
            self.warn(line)

    def size(self, path: Path) -> tuple[int, int] | None:
        """Return the width and height of an image, or None where it cannot be read (it is reported when opened)."""
        head = self._head(path)
        return None if head is None else head[:2]

    def size_or(self, path: Path, said: tuple[float, float] | None) -> tuple[int, int] | None:
        """Return the size of an image: its own, or where it is not there the one that its annotation says."""
        own = self.size(path) if path.is_file() else None
        return own or ((round(said[0]), round(said[1])) if said and min(said) > 0 else None)

    def _head(self, path: Path) -> Head | None:
        if path not in self._heads:
            try:
                self._heads[path] = head_of(path)
            except BadImage:
                self._heads[path] = None
        return self._heads[path]

    def fits(self, path: Path, said: tuple[float, float] | None) -> bool:
        """Return whether boxes that were drawn on an image of the size ``said`` (width, height) are boxes of this one.

        The size is the upright image's. Where nothing is said, or the image is not there, they are taken to be; where
        they are not, or it cannot be known, that is told.
        """
        head = self._head(path) if path.is_file() else None
        if head is None:
            return True
        own, stated = head[:2], said if said and min(said) > 0 else None
        if head.orientation != 1 and (stated is None or head.orientation < SIDEWAYS or own[0] == own[1]):
            self.warn(
                f"{path} has orientation {head.orientation} (EXIF), and it is not stated whether its boxes "
                "refer to the upright image; this is assumed"
            )
        if stated is None or max(abs(stated[0] - own[0]), abs(stated[1] - own[1])) <= ROUNDING:
            return True
        told = f"{path} has {own[0]} x {own[1]} pixels, its annotation says {stated[0]:g} x {stated[1]:g}"
        if max(abs(stated[0] - own[1]), abs(stated[1] - own[0])) <= ROUNDING and head.orientation >= SIDEWAYS:
            told += f": the image before rotation by its orientation {head.orientation} (EXIF)"
        self.warn(f"{told}; {MISFIT}: annotate this image, or use the annotated one")
        return False

    def once(self, boxes: Iterable[Box], where: str) -> tuple[Box, ...]:
        """Return boxes without repeated ones, which are told of ``where``: the second can never be found."""
        kept, twice = distinct(boxes)
        if twice:
            self.warn(f"{where}: {plural(twice, 'duplicate box')} left out")
        return tuple(kept)


ROUNDING = 1.0
"""Pixels by which a size may be said wrong."""


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that orders numbers by value: 2 before 10."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, int(part), part) if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)


def folders(path: Path) -> list[Path]:
    """Return the sub-folders in natural order, without those to ignore; none where ``path`` is not a folder."""
    names = [entry.name for entry in _entries(path) if entry.is_dir() and not is_nobodys(entry.name)]
    return [path / name for name in sorted(names, key=natural)]


def images_in(path: Path) -> list[Path]:
    """Return the image files directly in a folder in natural order; none where ``path`` is not a folder."""
    names = [entry.name for entry in _entries(path) if is_image(entry.name) and entry.is_file()]
    return [path / name for name in sorted(names, key=natural)]


def texts_in(path: Path, suffix: str) -> list[Path]:
    """Return the visible files directly in a folder with a ``suffix`` of either case, by name (not ``._a.xml``)."""
    names = [entry.name for entry in _entries(path) if entry.name.lower().endswith(suffix) and entry.is_file()]
    return [path / name for name in sorted(names) if not is_nobodys(name)]


def _entries(path: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder; nothing where it is none. Raises UsageError for one that may not be read."""
    if not path.is_dir():
        return []
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if regular.is_reached(entry)]
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); make it readable, or move it away") from None


def images_below(path: Path) -> Iterator[Path]:
    """Yield the image files in a folder and its sub-folders (links are followed, loops are not) in natural order."""
    yield from _below(path, set())


def _below(path: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    stat = path.stat()
    if (stat.st_dev, stat.st_ino) in seen:
        return
    seen.add((stat.st_dev, stat.st_ino))
    yield from images_in(path)
    for folder in folders(path):
        yield from _below(folder, seen)


def by_stem(files: list[Path]) -> dict[str, Path]:
    """Return files by their name without suffix, in one spelling (NFC). Raises UsageError where two share it."""
    found: dict[str, Path] = {}
    for file in files:
        stem = stem_of(file)
        if stem in found:
            raise UsageError(f"{file.parent} contains both {found[stem].name} and {file.name}; keep one of them")
        found[stem] = file
    return found


def stem_of(path: Path) -> str:
    """Return the name of a file without its suffix, in the spelling by which names are compared (NFC)."""
    return one_name(path.stem)


def name_of(path: Path) -> str:
    """Return the name of a file or folder in the spelling by which names are compared (NFC)."""
    return one_name(path.name)
