"""What a cache of images says of itself: which items could be read, where each lies, and a checksum of its pixels."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data.images import BadImage
from inkbench.benchmark.errors import RunError, plural
from inkbench.benchmark.progress import complain
from inkbench.benchmark.store.arrays import arrays_bytes, read_arrays
from inkbench.benchmark.store.sealed import SealedFiles, sum_of, write_sealed

PIXELS = "images.raw"


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """Rows of a cache in order: ``readable`` which items, ``sizes`` (N, 2) of the originals in pixels.

    ``starts`` (N,) bytes into the file of pixels, ``sums`` uint64 (N,) checksums of each image's bytes; ``failures`` an
    item's id and why it could not be read.
    """

    readable: np.ndarray
    sizes: np.ndarray
    starts: np.ndarray
    sums: np.ndarray
    failures: list[tuple[str, str]]

    @classmethod
    def read(cls, folder: Path) -> ImageIndex | None:
        """Read the index of a cache; None where there is none, or a damaged one, which is told."""
        data = SealedFiles(folder).read(folder.name)
        if data is None:
            return None
        arrays = read_arrays(io.BytesIO(data))
        failures = [(item, why) for item, why in json.loads(arrays.pop("failures").tobytes())]
        return cls(**arrays, failures=failures)

    def write(self, folder: Path, name: str) -> None:
        """Write the index into a ``folder`` that will have this ``name``."""
        told = np.frombuffer(json.dumps(self.failures).encode(), dtype=np.uint8)
        arrays = {"readable": self.readable, "sizes": self.sizes, "starts": self.starts, "sums": self.sums}
        data = arrays_bytes({**arrays, "failures": told})
        write_sealed(SealedFiles(folder).path(name), name, data)

    def pixels(self, folder: Path, size: int) -> np.ndarray | None:
        """Map the file of pixels, uint8 (size,); None where it is not of that size, which is told."""
        path = folder / PIXELS
        try:
            found = path.stat().st_size
            if found == size:
                return np.memmap(path, dtype=np.uint8, mode="r", shape=(size,))
            reason = f"{PIXELS} has {found:,} bytes instead of {size:,}"
        except (OSError, ValueError) as error:
            reason = f"{PIXELS} cannot be read: {error}"
        SealedFiles(folder).discard(folder.name, reason)
        return None


class Rows:
    """Rows of an index while a cache is made."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.sizes = np.zeros((len(items), 2), dtype=np.int64)
        self.starts = np.zeros(len(items), dtype=np.int64)
        self.sums = np.zeros(len(items), dtype=np.uint64)
        self.failures: dict[int, str] = {}

    def add(self, row: int, size: tuple[int, int], pixels: np.ndarray, start: int = 0) -> None:
        """Note an image that was read, with its pixels as they are written."""
        self.sizes[row], self.starts[row] = size, start
        self.sums[row] = sum_of(np.ascontiguousarray(pixels))

    def index(self) -> ImageIndex:
        """Return the index of what could be read. Raises RunError where that is nothing."""
        readable = np.array([row for row in range(len(self.items)) if row not in self.failures], dtype=np.int64)
        if not len(readable):
            raise RunError(
                f"none of {plural(len(self.items), 'image')} can be read; the first: "
                f"{self.items[0].path}: {self.failures[0]}"
            )
        failures = [(self.items[row].id, why) for row, why in sorted(self.failures.items())]
        return ImageIndex(readable, self.sizes[readable], self.starts[readable], self.sums[readable], failures)


@dataclass(frozen=True, slots=True)
class Held:
    """Checksums that images of a cache are held against whenever they are read, and how one is made again.

    ``again`` makes the pixels of a row from its file, or raises BadImage; ``folder`` is the cache, ``items`` its rows.
    """

    folder: Path
    index: ImageIndex
    items: Sequence[Item]
    again: Callable[[Item], np.ndarray]

    def __call__(self, row: int, pixels: np.ndarray) -> np.ndarray:
        """Return the pixels of a row, C-contiguous: as they were read, or made again where they are not as written.

        What is made again is told and written back. Raises RunError where that is no longer possible.
        """
        if sum_of(pixels) == self.index.sums[row]:
            return pixels
        return self._mended(row).reshape(pixels.shape)

    def _mended(self, row: int) -> np.ndarray:
        item, file = self.items[row], self.folder / PIXELS
        where = f"the image {item.id} in {file} is damaged"
        try:
            pixels = np.ascontiguousarray(self.again(item))
        except BadImage as error:
            raise RunError(f"{where} and cannot be made again: {item.path}: {error.reason}") from None
        if sum_of(pixels) != self.index.sums[row]:
            raise RunError(f"{where} and {item.path} is no longer what it was made from; run again")
        complain(f"{where}; it is made again")
        try:
            with file.open("r+b") as handle:
                handle.seek(int(self.index.starts[row]))
                handle.write(pixels.tobytes())
        except OSError as error:
            complain(f"{file} not mended ({error.strerror}); the image is made again whenever it is read")
        return pixels
