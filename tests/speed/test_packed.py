"""Does a pack pay? Reading and decoding small JPEGs from their files and from a pack, against decoding alone.

Run: ``python -m pytest tests/speed/test_packed.py -s``. Figures are ratios within rounds of one run on one thread; the
three ways take turns every hundred files. They are taken with the bytes in the page cache, and after they were dropped
from it (their inodes stay in memory, as after the fingerprint, which looks at every file).
"""

import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from pictures_of import noise

from inkbench.benchmark.data.images import decode
from inkbench.benchmark.data.layouts.folder import Folder
from inkbench.benchmark.data.packed import Pack, reading
from inkbench.benchmark.data.packing import image_files, pack_images
from inkbench.benchmark.progress import Progress

QUIET = Progress(quiet=True)
ROUNDS = 7
FILES = 2_000
TURN = 100
BOOKS = 40
SIDES = {"faces": (96, 96), "panels": (400, 300)}


def drop(path: Path) -> None:
    """Take a file out of the page cache."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Library:
    """Small files, their pack, and their bytes in memory."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        pictures = [noise(*size, seed=seed) for seed in range(50)]
        for k in range(FILES):
            path = folder / f"comics/{k % BOOKS:02d}/{k:05d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.roll(pictures[k % 50], k, axis=1)).save(path, quality=85)
        dataset = Folder(folder / "comics")
        self.pack = Pack.of(dataset.root, folder / "results")
        began = time.perf_counter()
        pack_images(dataset, self.pack, QUIET)
        self.packed_in = time.perf_counter() - began
        self.files = image_files(dataset)
        self.memory = [path.read_bytes() for path in self.files]
        os.sync()  # what is not on the disk yet cannot be dropped

    def plain(self, turn: slice) -> None:
        for path in self.files[turn]:
            decode(path)

    def packed(self, turn: slice) -> None:
        with reading(self.pack, QUIET) as read:
            for path in self.files[turn]:
                data = read(path)
                assert data is not None
                decode(path, data=data)

    def alone(self, turn: slice) -> None:
        for path, data in zip(self.files[turn], self.memory[turn], strict=True):
            decode(path, data=data)

    def round(self, cached: bool) -> list[float]:
        """Seconds that each way takes for all files."""
        ways = (self.plain, self.packed, self.alone)
        seconds = [0.0] * len(ways)
        for start in range(0, FILES, TURN):
            for place in range(len(ways)):
                k = (place + start // TURN) % len(ways)
                turn = slice(start, start + TURN)
                if not cached:
                    self.forget(turn)
                began = time.perf_counter()
                ways[k](turn)
                seconds[k] += time.perf_counter() - began
        return seconds

    def forget(self, turn: slice) -> None:
        for path in (*self.files[turn], self.pack.file):
            drop(path)


def told(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


@pytest.mark.parametrize("cached", [True, False], ids=["in the page cache", "dropped from it"])
@pytest.mark.parametrize("kind", SIDES)
def test_reading_and_decoding_against_decoding_alone(kind, cached, tmp_path, benchmark):
    library = Library(tmp_path, SIDES[kind])
    library.round(cached)
    rounds = [library.round(cached) for _ in range(ROUNDS)]
    plain, packed = ([times[k] / times[2] for times in rounds] for k in (0, 1))
    gain = [times[0] / times[1] for times in rounds]
    alone_us = statistics.median(times[2] for times in rounds) / FILES * 1e6
    benchmark.extra_info.update(
        kind=kind,
        cached=cached,
        plain_to_decoding=round(statistics.median(plain), 3),
        packed_to_decoding=round(statistics.median(packed), 3),
        plain_to_packed=round(statistics.median(gain), 3),
        rounds=ROUNDS,
    )
    benchmark.pedantic(library.packed, (slice(None),), rounds=1)
    where = "in the page cache" if cached else "dropped from the page cache"
    size = statistics.mean(map(len, library.memory)) / 1024
    print(
        f"\n{FILES} {kind} of {size:.1f} KiB {where}, in units of decoding alone ({alone_us:.0f} us): plain "
        f"{told(plain)}, packed {told(packed)}; plain / packed {told(gain)}; "
        f"packed at {FILES / library.packed_in:.0f} files/s"
    )
    assert statistics.median(gain) > 0.9, "a pack must not cost"
