"""What the readers of folders share: listing, one split, the fingerprint, text and numbers with their line."""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.data.changes import Change, since_last_run
from benchmark.data.dataset import Dataset, Item, Kind, Split
from benchmark.data.fingerprint import checksums, digest
from benchmark.data.images import BadImage, is_image, size_of
from benchmark.data.splits import SIDECAR
from benchmark.errors import Refusal, brief
from benchmark.store import key_of


class FileDataset(Dataset):
    """A dataset that lies in a folder of files. Reads the folder once, when it is first asked for items."""

    def __init__(self, root: Path, config: Any = None) -> None:
        super().__init__(root, config)
        self._read: dict[Kind, list[Item]] = {}
        self._content: str | None = None
        self._change: Change | None = None
        self._sizes: dict[Path, tuple[int, int] | None] = {}
        self._absent: dict[str, None] = {}

    @abstractmethod
    def read(self, kind: Kind) -> list[Item]:
        """All items of a kind that this copy offers, of all splits, in a fixed order."""

    @abstractmethod
    def files(self) -> list[Path]:
        """Every file that items depend on."""

    def items(self, kind: Kind, split: Split) -> list[Item]:
        """All items of a kind in a split, in a fixed order. Raises Refusal for a kind that is not offered."""
        if kind not in self.offers():
            raise Refusal(f"{self.root} ({self.reader}) has no {kind}; it offers {', '.join(sorted(self.offers()))}")
        if kind not in self._read:
            self._read[kind] = self.read(kind)
        return [item for item in self._read[kind] if item.split == split]

    def require(self, kind: Kind, split: Split) -> None:
        """Raise Refusal where a split that is asked for has no items."""
        if self.items(kind, split):
            return
        series = len({item.series for item in self._read[kind]})
        raise Refusal(
            f"{self.root} ({self.reader}) has {kind} of {series} series and none of them is {split}; say in "
            f"{self.root / SIDECAR} which series is train, val or test, or give a folder of three series or more"
            + (
                ", or say with --series-from REGEX what a series is"
                if self.guesses and self.series_from is None
                else ""
            )
        )

    def fingerprint(self) -> str:
        """A hash over relative path, size and checksum of the files, over the settings and what finds the series."""
        said = [self.series_from] if self.series_from is not None else []
        return key_of([self.content(), self.config.model_dump(mode="json"), *said])

    def content(self) -> str:
        """A hash over relative path, size and checksum of the files alone; taken once."""
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
        """Which files changed since the last run with the same results folder, in a line; empty where none did."""
        self.content()
        said = self._change.line() if self._change else ""
        return f"{self.root} ({self.reader}) is not what it was: {said}; cells on it have new ids" if said else ""

    def settle(self) -> None:
        """What lies here now is what the next run is compared with."""
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
        self._absent[f"{what} is not there, but {named_by} names it"] = None

    def faults(self) -> list[str]:
        """The images that annotations name and that are not there."""
        return list(self._absent)

    def size(self, path: Path) -> tuple[int, int] | None:
        """Width and height of an image, or None where it cannot be read (it is reported when it is opened)."""
        if path not in self._sizes:
            try:
                self._sizes[path] = size_of(path)
            except BadImage:
                self._sizes[path] = None
        return self._sizes[path]


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that counts: 2 before 10."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, int(part), part) if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)


def folders(path: Path) -> list[Path]:
    """The visible sub-folders in natural order; none where ``path`` is no folder."""
    if not path.is_dir():
        return []
    found = [entry for entry in path.iterdir() if entry.is_dir() and not _hidden(entry.name)]
    return sorted(found, key=lambda entry: natural(entry.name))


def images_in(path: Path) -> list[Path]:
    """The image files directly in a folder in natural order; none where ``path`` is no folder."""
    if not path.is_dir():
        return []
    with os.scandir(path) as entries:
        names = [entry.name for entry in entries if is_image(entry.name) and entry.is_file()]
    return [path / name for name in sorted(names, key=natural)]


def images_below(path: Path) -> Iterator[Path]:
    """The image files in a folder and its sub-folders (links are followed, loops are not) in natural order."""
    yield from _below(path, set())


def _below(path: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    stat = path.stat()
    if (stat.st_dev, stat.st_ino) in seen:
        return
    seen.add((stat.st_dev, stat.st_ino))
    yield from images_in(path)
    for folder in folders(path):
        yield from _below(folder, seen)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def by_stem(files: list[Path]) -> dict[str, Path]:
    """Files by their name without suffix. Raises Refusal where two share it."""
    found: dict[str, Path] = {}
    for file in files:
        if file.stem in found:
            raise Refusal(f"{file.parent} holds both {found[file.stem].name} and {file.name}; keep one of them")
        found[file.stem] = file
    return found


def text_of(path: Path) -> str:
    """A file as text, UTF-8 with or without byte order mark. Raises Refusal."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"{path} is no UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise Refusal(f"{path} cannot be read ({error.strerror})") from None


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not blank, stripped, with their number from 1. Raises Refusal."""
    for number, line in enumerate(text_of(path).splitlines(), start=1):
        if line.strip():
            yield number, line.strip()


def whole(path: Path, line: int, text: str, what: str) -> int:
    """A whole number of a text file. Raises Refusal with file and line."""
    try:
        return int(text)
    except (TypeError, ValueError):
        raise Refusal(f"{path}:{line}: {what} is {brief(text)}, not a whole number") from None


def number(path: Path, line: int, text: str | None, what: str) -> float:
    """A finite number of a text file. Raises Refusal with file and line."""
    try:
        value = float(text if text is not None else "")
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise Refusal(f"{path}:{line}: {what} is {brief(text)}, not a number")
    return value
